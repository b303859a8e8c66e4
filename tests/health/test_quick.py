"""
Promises of L{lbproxy.health.quick}, over real sockets on loopback.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import error
from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from lbproxy.health.quick import QuickSocket

reactor: Any = theReactor


class Noting(Protocol):
    """
    Notes what happens to it, and tells who waits for that.
    """

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.received = b""
        self.waiting: list[tuple[str, Deferred[None]]] = []

    def note(self, event: str) -> None:
        """
        It happened.
        """
        self.events.append(event)
        for waiter in list(self.waiting):
            if waiter[0] == event:
                self.waiting.remove(waiter)
                waiter[1].callback(None)

    async def until(self, event: str) -> None:
        """
        Wait for it to happen.
        """
        if event not in self.events:
            done: Deferred[None] = Deferred()
            self.waiting.append((event, done))
            await done.addTimeout(10, reactor)

    def connectionMade(self) -> None:
        self.note("made")

    def connectFailed(self, failure: Failure) -> None:
        """
        There is no connection.
        """
        self.note(type(failure.value).__name__)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self.note("data")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.note(type(reason.value).__name__)


class FakeReactor:
    """
    Notes who wants to read and write.
    """

    def __init__(self) -> None:
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        """
        Once is enough.
        """
        if reader not in self.readers:
            self.readers.append(reader)

    def addWriter(self, writer: Any) -> None:
        """
        Once is enough.
        """
        if writer not in self.writers:
            self.writers.append(writer)

    def removeReader(self, reader: Any) -> None:
        """
        Whether it is there or not.
        """
        if reader in self.readers:
            self.readers.remove(reader)

    def removeWriter(self, writer: Any) -> None:
        """
        Whether it is there or not.
        """
        if writer in self.writers:
            self.writers.remove(writer)


def listen(backlog: int = 10) -> socket.socket:
    """
    A port that accepts when the test does.
    """
    port = socket.socket()
    port.bind(("127.0.0.1", 0))
    port.listen(backlog)
    port.settimeout(10)
    return port


class RealTests(TestCase):
    """
    With a real reactor and a peer that the test plays.
    """

    def setUp(self) -> None:
        self.port = listen()
        self.addCleanup(self.port.close)
        self.protocol = Noting()

    def dial(self) -> QuickSocket:
        """
        Connect to the port.
        """
        target = (socket.AF_INET, self.port.getsockname())
        return QuickSocket(reactor, target, self.protocol)

    def accept(self) -> socket.socket:
        """
        The peer's side.
        """
        peer, _ = self.port.accept()
        self.addCleanup(peer.close)
        peer.settimeout(10)
        return peer

    async def test_talks(self) -> None:
        """
        Bytes go both ways; the peer's end is told.
        """
        quick = self.dial()
        await self.protocol.until("made")
        peer = self.accept()
        quick.write(b"hello")
        self.assertEqual(peer.recv(10), b"hello")
        peer.sendall(b"world")
        await self.protocol.until("data")
        self.assertEqual(self.protocol.received, b"world")
        peer.close()
        await self.protocol.until("ConnectionDone")
        self.assertEqual(quick.fileno(), -1)

    async def test_isReset(self) -> None:
        """
        A reset is told as one, and what was written after it does no harm.
        """
        quick = self.dial()
        await self.protocol.until("made")
        peer = self.accept()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.close()
        quick.write(b"x")
        quick.write(b"y")
        await self.protocol.until("ConnectionLost")

    async def test_sendsWhatDoesNotFit(self) -> None:
        """
        More than the kernel takes waits until it takes it, in order.
        """
        quick = self.dial()
        await self.protocol.until("made")
        peer = self.accept()
        peer.setblocking(False)
        sent = bytes(range(256)) * 40000
        quick.write(sent)
        quick.write(b"end")
        received = b""
        while not received.endswith(b"end"):
            try:
                received += peer.recv(1 << 20)
            except BlockingIOError:
                turn: Deferred[None] = Deferred()
                reactor.callLater(0, turn.callback, None)
                await turn
        self.assertEqual(received, sent + b"end")
        quick.loseConnection()

    async def test_saysGoodbye(self) -> None:
        """
        A close of ours is an orderly end for the peer, and tells the protocol nothing.
        """
        quick = self.dial()
        await self.protocol.until("made")
        quick.loseConnection()
        quick.loseConnection()
        self.assertEqual(self.accept().recv(10), b"")
        self.assertEqual(self.protocol.events, ["made"])

    async def test_breaksOff(self) -> None:
        """
        An abort is a reset for the peer, and tells the protocol nothing.
        """
        quick = self.dial()
        await self.protocol.until("made")
        peer = self.accept()
        quick.abortConnection()
        quick.abortConnection()
        self.assertRaises(ConnectionResetError, peer.recv, 10)
        self.assertEqual(self.protocol.events, ["made"])

    async def test_isRefused(self) -> None:
        """
        A port on which nobody listens.
        """
        target = (socket.AF_INET, self.port.getsockname())
        self.port.close()
        QuickSocket(reactor, target, self.protocol)
        await self.protocol.until("ConnectionRefusedError")
        self.assertEqual(self.protocol.events, ["ConnectionRefusedError"])

    async def test_isNotAtHome(self) -> None:
        """
        A UNIX socket that does not exist.
        """
        QuickSocket(reactor, (socket.AF_UNIX, "/nowhere/at/all"), self.protocol)
        self.assertEqual(len(self.protocol.events), 1)
        self.assertNotEqual(self.protocol.events, ["made"])


class WaitingTests(SynchronousTestCase):
    """
    Connections that take their time: the port's queue is full.
    """

    def setUp(self) -> None:
        self.port = listen(backlog=0)
        self.addCleanup(self.port.close)
        self.reactor = FakeReactor()
        self.target = (socket.AF_INET, self.port.getsockname())
        first = socket.create_connection(self.port.getsockname())
        self.addCleanup(first.close)
        self.protocol = Noting()
        self.quick = QuickSocket(self.reactor, self.target, self.protocol)
        self.addCleanup(self.quick.cancel)

    def test_isADescriptor(self) -> None:
        """
        Any reactor can watch it.
        """
        verifyObject(IReadDescriptor, self.quick)
        verifyObject(IWriteDescriptor, self.quick)

    def test_waits(self) -> None:
        """
        Nothing is told before it is known.
        """
        self.assertEqual(self.protocol.events, [])
        self.assertEqual((self.reactor.writers, self.reactor.readers), ([self.quick], []))

    def test_isCancelled(self) -> None:
        """
        Giving up leaves nothing in the reactor, and tells nothing, even if the reactor still does.
        """
        self.quick.cancel()
        self.quick.doWrite()
        self.quick.doRead()
        self.quick.connectionLost(Failure(error.ConnectionLost()))
        self.quick.write(b"x")
        self.assertEqual((self.reactor.writers, self.quick.fileno()), ([], -1))
        self.assertEqual(self.protocol.events, [])

    def test_isLostByTheReactor(self) -> None:
        """
        Some reactors tell of a failed attempt as of a lost connection.
        """
        self.quick.connectionLost(Failure(error.ConnectionLost()))
        self.assertEqual(len(self.protocol.events), 1)
        self.assertEqual((self.reactor.writers, self.quick.fileno()), ([], -1))

    def test_connectsInTheEnd(self) -> None:
        """
        Once the reactor says so it is connected, and reads.
        """
        self.quick.doWrite()
        self.assertEqual(self.protocol.events, ["made"])
        self.assertEqual((self.reactor.writers, self.reactor.readers), ([], [self.quick]))

    def test_mayBeClosedAtOnce(self) -> None:
        """
        A protocol that has all it wants once it is connected leaves nothing in the reactor.
        """
        self.protocol.connectionMade = self.quick.loseConnection  # type: ignore[method-assign]
        self.quick.doWrite()
        self.assertEqual((self.reactor.writers, self.reactor.readers), ([], []))


class EchoTests(SynchronousTestCase):
    """
    Sockets that connect to themselves.
    """

    def test_doesNotMistakeItselfForABackend(self) -> None:
        """
        A dead port that our own socket happens to have is refused, not up.
        """
        skt = socket.socket()
        self.addCleanup(skt.close)
        skt.bind(("127.0.0.1", 0))
        name = skt.getsockname()
        skt.connect(name)
        reactor = FakeReactor()
        protocol = Noting()
        self.patch(socket, "socket", lambda *_: skt)
        QuickSocket(reactor, (socket.AF_INET, name), protocol)
        self.assertEqual(protocol.events, ["ConnectionRefusedError"])

    def test_tellsWhenThereAreNoSockets(self) -> None:
        """
        Having no descriptors left is our fault, and told as such.
        """

        def fail(*_: object) -> socket.socket:
            raise OSError(24, "Too many open files")

        protocol = Noting()
        self.patch(socket, "socket", fail)
        QuickSocket(FakeReactor(), (socket.AF_INET, ("127.0.0.1", 9)), protocol)
        self.assertEqual(protocol.events, ["ConnectBindError"])
