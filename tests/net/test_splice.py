"""
Bytes that pass by Python.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

from twisted.internet.main import CONNECTION_DONE
from twisted.python.failure import Failure

from lbproxy.config.address import Address
from lbproxy.net import splice
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.listening import listenStream
from lbproxy.net.reactor import LeanReactor
from lbproxy.net.splice import Splice, spliceExactly
from tests.net.reactorcase import (
    HalfCloser,
    OneByOne,
    ReactorCase,
    Recorder,
    connected,
    descriptors,
    reset,
)


class Owner:
    """
    Counts.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.ended = 0

    def spliced(self, count: int) -> None:
        self.passed += count

    def spliceEnded(self) -> None:
        self.ended += 1


class Sink(Recorder):
    """
    Stops the splice when its connection is lost.
    """

    onLost: Callable[[], object] = int

    def connectionLost(self, reason: Failure = Failure(CONNECTION_DONE)) -> None:  # noqa: B008
        self.onLost()
        super().connectionLost(reason)


class SpliceExactlyTests(ReactorCase):
    """
    A body of known length, from one connection to another.
    """

    reactorClass = LeanReactor

    def setUp(self) -> None:
        super().setUp()
        self.before = descriptors()
        self.owner = Owner()
        self.pipes = KernelPipes()
        self.source, self.sink = HalfCloser(), Sink()
        port = listenStream(self.reactor, Address("127.0.0.1", 0), OneByOne(self.source, self.sink))
        self.giver, self.taker = connected(port), connected(port)
        self.addCleanup(self.giver.close)
        self.addCleanup(self.taker.close)
        self.until(lambda: self.sink.events)
        port.stopListening()
        self.giver.setblocking(False)

    def start(self, count: int) -> Splice:
        found = spliceExactly(
            self.source.transport, self.sink.transport, count, self.owner, self.pipes
        )
        assert found is not None
        return found

    def send(self, data: bytes) -> bytes:
        """
        @return: what the taker has got meanwhile, at most as much.
        """
        view, got = memoryview(data), bytearray()
        self.taker.setblocking(False)

        def done() -> bool:
            nonlocal view
            try:
                view = view[self.giver.send(view[:65536]) :]
            except BlockingIOError:
                pass
            try:
                got.extend(self.taker.recv(1 << 20))
            except BlockingIOError:
                pass
            return not view

        self.until(done)
        return bytes(got)

    def test_exactlySoMany(self) -> None:
        """
        So many bytes pass by, and what follows them is read as ever.
        """
        body = os.urandom(3_000_000)
        self.start(len(body))
        got = self.send(body + b"next")
        self.until(lambda: self.source.data)
        got += self.received(self.taker, len(body) - len(got))
        self.assertTrue(got == body)
        self.assertEqual(self.source.data, b"next")
        self.assertEqual((self.owner.passed, self.owner.ended), (len(body), 1))
        self.sink.wire.write(b"trailer")
        self.assertEqual(self.received(self.taker, 7), b"trailer")

    def test_nothingMoreIsTaken(self) -> None:
        """
        A reader that takes nothing holds back the source, within a pipe and the kernel's buffers.
        """
        found = self.start(1 << 30)
        idle = 0
        while idle < 30:
            try:
                self.giver.send(bytes(1 << 16))
                idle = 0
            except BlockingIOError:
                idle += 1
            self.reactor.iterate(0.001)
        self.assertGreater(found.held, 0)
        self.assertFalse(self.source.wire.reading)
        passed = self.owner.passed
        self.turns(10)
        self.assertEqual(self.owner.passed, passed)

    def test_tooFew(self) -> None:
        """
        A source that ends too early is told of as ever; what it gave has passed.
        """
        found = self.start(1000)
        self.giver.send(b"short")
        self.giver.shutdown(socket.SHUT_WR)
        self.until(lambda: "read lost" in self.source.events)
        self.assertEqual(self.received(self.taker, 5), b"short")
        self.assertEqual((found.remaining, self.owner.ended), (995, 1))

    def test_sourceBreaksOff(self) -> None:
        """
        A reset reaches the protocol as ever; stopping afterwards is harmless.
        """
        found = self.start(1 << 20)
        reset(self.giver)
        self.until(lambda: "lost" in self.source.events)
        found.stop()
        self.assertEqual(self.owner.ended, 0)

    def test_sinkBreaksOff(self) -> None:
        """
        So does the sink's.
        """
        found = self.start(1 << 30)
        self.sink.onLost = found.stop
        reset(self.taker)

        def lost() -> bool:
            try:
                self.giver.send(bytes(65536))
            except BlockingIOError:
                pass
            return "lost" in self.sink.events

        self.until(lost)
        self.assertEqual(self.owner.ended, 0)

    def test_stop(self) -> None:
        """
        After a stop the transports read and write themselves, and the pipe is given back.
        """
        found = self.start(1 << 20)
        found.stop()
        found.stop()
        self.giver.send(b"read")
        self.until(lambda: self.source.data)
        self.assertEqual(self.source.data, b"read")
        self.sink.wire.write(b"written")
        self.assertEqual(self.received(self.taker, 7), b"written")
        self.assertEqual(len(self.pipes._idle), 1)

    def test_finishDeliversWhatIsHeld(self) -> None:
        """
        Who closes the sink in peace can wait for what is in the pipe.
        """
        found = self.start(-1)
        said = os.urandom(1 << 16) * 200
        view, idle = memoryview(said), 0
        while view and idle < 30:
            try:
                view = view[self.giver.send(view[: 1 << 16]) :]
                idle = 0
            except BlockingIOError:
                idle += 1
            self.reactor.iterate(0.001)
        self.assertFalse(found.finish())
        passed = self.owner.passed
        self.assertTrue(self.received(self.taker, passed) == said[:passed])
        self.until(lambda: self.owner.ended)
        self.sink.wire.loseConnection()
        self.assertTrue(self.ended(self.taker))

    def test_whereItCannotBe(self) -> None:
        """
        No splicing over TLS, while the sink has something queued, without pipes, or without Linux.
        """
        source, sink = self.source.wire, self.sink.wire

        def tried(pipes: KernelPipes) -> Splice | None:
            return spliceExactly(source, sink, 1000, self.owner, pipes)

        self.assertIsNone(tried(KernelPipes(limit=0)))
        sink.isSecure = True
        self.assertIsNone(tried(self.pipes))
        sink.isSecure = False
        sink.queued = 1
        self.assertIsNone(tried(self.pipes))
        sink.queued = 0
        self.patch(splice, "CAN_SPLICE", False)
        self.assertIsNone(tried(self.pipes))

    def test_nothingIsLeft(self) -> None:
        """
        No descriptor stays open.
        """
        self.start(1 << 20)
        self.giver.send(b"half of it")
        self.turns()
        self.giver.close()
        self.taker.close()
        self.until(lambda: "read lost" in self.source.events)
        self.source.wire.loseConnection()
        self.until(lambda: "lost" in self.sink.events and "lost" in self.source.events)
        self.pipes.close()
        self.assertNothingOpened(self.before)
