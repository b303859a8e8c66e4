"""
Tests for what L{lbproxy.net.reactor} adds. C{tests.net.reactorsuite} runs Twisted's own on it.
"""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.application.reactors import IReactorInstaller
from twisted.internet import interfaces
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from tests.net.descriptorcase import Descriptor, LeanReactorCase


class LoopTests(LeanReactorCase):
    """
    The turns of the loop.
    """

    def run_(self) -> None:
        """
        Run until stopped, without taking signals from trial.
        """
        tooLate = self.reactor.callLater(10, self.reactor.crash)
        self.reactor.run(installSignalHandlers=False)
        tooLate.cancel()

    def test_interfaces(self) -> None:
        """
        It is all that Twisted's own is.
        """
        for interface in (
            interfaces.IReactorCore,
            interfaces.IReactorTime,
            interfaces.IReactorFDSet,
            interfaces.IReactorTCP,
            interfaces.IReactorSSL,
            interfaces.IReactorUDP,
            interfaces.IReactorMulticast,
            interfaces.IReactorUNIX,
            interfaces.IReactorUNIXDatagram,
            interfaces.IReactorSocket,
            interfaces.IReactorProcess,
            interfaces.IReactorThreads,
        ):
            verifyObject(interface, self.reactor)

    def test_callSoon(self) -> None:
        """
        What is put off runs in the next turn, in order, without waiting for anything; what is put
        off meanwhile runs in the turn after.
        """
        called: list[str] = []

        def first() -> None:
            called.append("first")
            self.reactor.callSoon(called.append, "third")

        self.reactor.callSoon(first)
        self.reactor.callSoon(called.append, "second")
        self.assertEqual([], called)
        self.reactor.iterate(5)
        self.assertEqual(["first", "second"], called)
        self.reactor.iterate(0)
        self.assertEqual(["first", "second", "third"], called)

    def test_callSoonFails(self) -> None:
        """
        A call that fails is logged, and the others are made.
        """
        called: list[str] = []
        self.reactor.callSoon(lambda: 1 / 0)
        self.reactor.callSoon(called.append, "next")
        self.reactor.iterate(0)
        self.assertEqual(["next"], called)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_callSoonWhileRunning(self) -> None:
        """
        A running reactor does not sleep on what was put off.
        """
        self.reactor.callWhenRunning(self.reactor.callSoon, self.reactor.stop)
        self.run_()
        self.assertFalse(self.reactor.running)

    def test_stoppedByAWriter(self) -> None:
        """
        A writer that is tried may stop the reactor, which then does not sleep any more.
        """
        writer = Descriptor(self)
        writer.onWrite = lambda: (self.reactor.removeWriter(writer), self.reactor.stop())[0]
        self.reactor.callWhenRunning(self.reactor.tryWriter, writer)
        self.run_()
        self.assertEqual(["write"], writer.called)

    def test_timedCallsInTime(self) -> None:
        """
        Timed calls come in order, not early, and can be made sooner, later and undone.
        """
        called: list[str] = []
        start = self.reactor.seconds()
        late = self.reactor.callLater(0.02, called.append, "late")
        self.reactor.callLater(0.01, called.append, "early")
        self.reactor.callLater(0.01, called.append, "never").cancel()
        self.reactor.callLater(5, called.append, "sooner").reset(0.005)
        late.delay(0.02)
        self.until(lambda: "late" in called)
        self.assertEqual(["sooner", "early", "late"], called)
        self.assertGreaterEqual(self.reactor.seconds() - start, 0.04)

    def test_callFromThread(self) -> None:
        """
        Another thread can wake the loop.
        """
        self.reactor.callWhenRunning(
            self.reactor.callInThread, self.reactor.callFromThread, self.reactor.stop
        )
        self.run_()
        self.assertFalse(self.reactor.running)

    def test_errorInTheLoop(self) -> None:
        """
        The loop survives what should not happen.
        """
        poll = self.reactor.doIteration

        def broken(delay: float | None) -> None:
            self.reactor.doIteration = poll
            self.reactor.callLater(0, self.reactor.stop)
            raise ZeroDivisionError

        self.reactor.doIteration = broken
        self.run_()
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class DescriptorTests(LeanReactorCase):
    """
    Descriptors and their events.
    """

    def test_readable(self) -> None:
        """
        A readable descriptor is read, and not once it was removed.
        """
        reader = self.reader()
        reader.peer.send(b"x")
        self.until(lambda: reader.called)
        self.reactor.removeReader(reader)
        self.reactor.removeReader(reader)
        reader.peer.send(b"x")
        self.turns()
        self.assertEqual(["read"], reader.called)
        self.assertNotIn(reader, self.reactor.getReaders())

    def test_bothDirections(self) -> None:
        """
        A descriptor may be watched for reading and for writing, in any order.
        """
        both = self.reader()
        self.reactor.addReader(both)
        self.reactor.addWriter(both)
        both.peer.send(b"x")
        self.until(lambda: {"read", "write"} <= set(both.called))
        self.reactor.removeReader(both)
        both.called.clear()
        both.peer.send(b"x")
        self.turns()
        self.assertEqual({"write"}, set(both.called))
        self.reactor.addReader(both)
        self.until(lambda: "read" in both.called)
        self.reactor.removeWriter(both)
        both.called.clear()
        both.peer.send(b"x")
        self.until(lambda: both.called)
        self.assertEqual(["read"], both.called)

    def test_removedByAnotherInTheSameTurn(self) -> None:
        """
        A descriptor that another one removes is not called any more, though it was readable.
        """
        readers = [self.reader(), self.reader()]

        def removeBoth() -> None:
            for each in readers:
                self.reactor.removeReader(each)

        for reader in readers:
            reader.onRead = removeBoth
            reader.peer.send(b"x")
        self.turns()
        self.assertEqual(1, sum(len(reader.called) for reader in readers))

    def test_readingFails(self) -> None:
        """
        A descriptor that fails is removed and told why; it is logged.
        """
        reader = self.reader()
        reader.onRead = lambda: 1 / 0
        reader.peer.send(b"x")
        self.until(lambda: reader.lost)
        self.assertIs(ZeroDivisionError, reader.lost.type)
        self.assertNotIn(reader, self.reactor.getReaders())
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_losingFails(self) -> None:
        """
        One that even fails when it is told leaves the others of the turn their events.
        """
        readers = [self.reader() for _ in range(3)]
        for reader in readers:
            reader.onRead = reader.onLost = lambda: 1 / 0
            reader.peer.send(b"x")
        self.reactor.iterate(0)
        self.assertEqual([["read"]] * 3, [reader.called for reader in readers])
        self.assertEqual(6, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_closedUnderneath(self) -> None:
        """
        A descriptor that says it has none any more is disconnected.
        """
        reader = self.reader()
        reader.peer.send(b"x")
        reader.fileno = lambda: -1
        self.until(lambda: reader.lost)
        self.assertEqual([], reader.called)

    def test_droppedAndClosed(self) -> None:
        """
        Who is dropped and closed is heard of no more, and its number may be given to another.
        """
        gone, other = Descriptor(self), Descriptor(self)
        self.reactor.addReader(gone)
        self.reactor.addWriter(gone)
        gone.peer.send(b"x")
        number = gone.fileno()
        self.reactor.dropDescriptor(number)
        self.assertNotIn(gone, [*self.reactor.getReaders(), *self.reactor.getWriters()])
        gone.socket.close()
        os.dup2(other.fileno(), number)
        self.addCleanup(os.close, number)
        self.turns()
        self.assertEqual(gone.called, [])
        other.fileno = lambda: number
        self.reactor.addReader(other)
        other.peer.send(b"x")
        self.until(lambda: other.called)
        self.assertEqual(gone.called, [])
        self.reactor.removeReader(other)

    def test_hangUp(self) -> None:
        """
        A descriptor whose peer is gone is read to the end, then disconnected.
        """
        reader = self.reader()
        reader.peer.send(b"last")
        reader.peer.close()
        reader.onRead = lambda: None
        self.until(lambda: reader.called)

    def test_file(self) -> None:
        """
        Files, which epoll does not take, are polled; for reading and for writing.
        """
        file = os.open(self.mktemp(), os.O_RDWR | os.O_CREAT)
        self.addCleanup(os.close, file)
        reader = Descriptor(self)
        reader.fileno = lambda: file
        reader.doRead = lambda: reader.called.append("read")  # type: ignore[method-assign]
        self.reactor.addReader(reader)
        self.reactor.addWriter(reader)
        self.until(lambda: {"read", "write"} <= set(reader.called))
        self.assertIn(reader, self.reactor.getReaders())
        self.assertIn(reader, self.reactor.getWriters())
        self.reactor.removeReader(reader)
        self.reactor.removeWriter(reader)
        reader.called.clear()
        self.turns()
        self.assertEqual([], reader.called)

    def test_closedFile(self) -> None:
        """
        A polled file may be removed after it has been closed.
        """
        reader = Descriptor(self)
        with open(self.mktemp(), "wb+") as file:
            descriptor, reader.fileno = reader.fileno, file.fileno
            self.reactor.addReader(reader)
        self.reactor.removeReader(reader)
        reader.fileno = descriptor
        self.assertNotIn(reader, self.reactor.getReaders())

    def test_fewEventsAtATime(self) -> None:
        """
        However many are readable, timed calls get their turn; nobody is forgotten.
        """
        readers = [self.reader() for _ in range(600)]
        for reader in readers:
            reader.peer.send(b"x")
        self.reactor.iterate(0)
        first = sum(len(reader.called) for reader in readers)
        self.assertTrue(0 < first < 600, first)
        self.turns()
        self.assertEqual([["read"]] * 600, [reader.called for reader in readers])


class TriedWriterTests(LeanReactorCase):
    """
    Tests for C{tryWriter}.
    """

    def test_triedOnceThenWaitedFor(self) -> None:
        """
        A writer is called without asking the kernel; when it wants more it is waited for.
        """
        writer = Descriptor(self)
        self.reactor.tryWriter(writer)
        self.reactor.tryWriter(writer)
        self.assertIn(writer, self.reactor.getWriters())
        self.reactor._tryWriters()
        self.assertEqual(["write"], writer.called)
        self.assertIn(writer.fileno(), self.reactor._writes)
        self.reactor.tryWriter(writer)
        self.assertEqual([writer], self.reactor.getWriters())

    def test_removed(self) -> None:
        """
        One that was removed is not called; one that has all it wanted is not waited for.
        """
        removed, done = Descriptor(self), Descriptor(self)
        done.onWrite = lambda: self.reactor.removeWriter(done)
        self.reactor.tryWriter(removed)
        self.reactor.tryWriter(done)
        self.reactor.removeWriter(removed)
        self.turns()
        self.assertEqual(([], ["write"]), (removed.called, done.called))
        self.assertEqual([], self.reactor.getWriters())

    def test_fails(self) -> None:
        """
        One that fails is disconnected; the others are called.
        """
        bad, good = Descriptor(self), Descriptor(self)
        bad.onWrite = bad.onLost = lambda: 1 / 0
        for each in bad, good:
            self.reactor.tryWriter(each)
        self.reactor._tryWriters()
        self.assertIs(ZeroDivisionError, bad.lost.type)
        self.assertEqual(["write"], good.called)
        self.assertEqual(2, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_iterateDoesNotSleepOnWhatAWriterPutOff(self) -> None:
        """
        What a tried writer puts off to the next turn shortens the sleep of this one.
        """
        writer = Descriptor(self)

        def write() -> None:
            self.reactor.removeWriter(writer)
            self.reactor.callSoon(int)

        writer.onWrite = write
        self.reactor.tryWriter(writer)
        start = self.reactor.seconds()
        self.reactor.iterate(3)
        self.assertLess(self.reactor.seconds() - start, 2)

    def test_removeAll(self) -> None:
        """
        One that was to be tried is among all that are removed.
        """
        both, writer = self.reader(), Descriptor(self)
        self.reactor.tryWriter(both)
        self.reactor.tryWriter(writer)
        self.assertEqual({both, writer}, set(self.reactor.removeAll()))
        self.assertEqual([], self.reactor.getWriters())


class InstallTests(LeanReactorCase):
    """
    How a program comes by it.
    """

    def test_plugin(self) -> None:
        """
        C{--reactor=lbproxy} is known to C{twistd} and C{trial}.
        """
        self.assertIn("lbproxy", [each.shortName for each in getPlugins(IReactorInstaller)])

    def test_install(self) -> None:
        """
        Installed, it is what programs import as the reactor; signals stop it.
        """
        program = (
            "from lbproxy.net.reactor import install; install()\n"
            "from twisted.internet import reactor\n"
            "import os, signal\n"
            "reactor.callLater(0, os.kill, os.getpid(), signal.SIGTERM)\n"
            "reactor.run(); print(type(reactor).__name__)\n"
        )
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, env=environ, timeout=30
        )
        self.assertEqual(("LeanReactor\n", ""), (done.stdout, done.stderr))
