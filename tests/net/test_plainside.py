"""
A side of a pipe between two plain sockets.
"""

from __future__ import annotations

import gc
import socket
from typing import Any

from twisted.internet.task import Clock

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.listening import listenStream
from lbproxy.net.pipe import LINGER, Pipe
from lbproxy.net.pipeside import Ending
from lbproxy.net.plainside import PlainSide
from lbproxy.net.reactor import LeanReactor
from tests.net.reactorcase import OneByOne, ReactorCase, Recorder, connected, reset


class PlainSideTests(ReactorCase):
    """
    What is done differently because both are plain: the rest stands with the relay's tests.
    """

    reactorClass = LeanReactor

    def setUp(self) -> None:
        super().setUp()
        ends = Recorder(), Recorder()
        port = listenStream(self.reactor, Address("127.0.0.1", 0), OneByOne(*ends))
        self.client, self.backend = connected(port), connected(port)
        self.addCleanup(self.client.close)
        self.addCleanup(self.backend.close)
        self.until(lambda: ends[1].events)
        port.stopListening()
        self.wires: list[Any] = [end.transport for end in ends]
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock)
        self.done: list[Pipe] = []
        self.pipe = Pipe(self.wires[0], self.wires[1], self.done.append, self.deadlines)
        self.pipe.start()

    def test_isUsedForPlainSockets(self) -> None:
        """
        Two plain sockets get it, in both parts.
        """
        self.assertIsInstance(self.pipe.client, PlainSide)
        self.assertIsInstance(self.pipe.backend, PlainSide)

    def fill(self) -> None:
        """
        The client talks until nobody takes more; the backend does not read.
        """
        self.client.setblocking(False)
        idle = 0
        while idle < 20:
            try:
                self.client.send(bytes(1 << 16))
                idle = 0
            except BlockingIOError:
                idle += 1
            self.reactor.iterate(0.001)

    def test_aFullSocketHoldsBackTheOther(self) -> None:
        """
        No more is queued than one read, and reading goes on when the queue is empty.
        """
        self.fill()
        self.assertFalse(self.wires[0].reading)
        self.assertTrue(0 < self.wires[1].queued <= 65536)
        self.backend.setblocking(False)

        def drained() -> bool:
            try:
                self.backend.recv(1 << 20)
            except BlockingIOError:
                pass
            return bool(self.wires[0].reading)

        self.until(drained)

    def test_closingWaitsForTheQueue(self) -> None:
        """
        Bytes that wait here are delivered before the end.
        """
        self.fill()
        self.pipe.close(Ending.DRAINED)
        self.assertEqual(self.done, [])
        count = len(self.received(self.backend, 1 << 30))
        self.assertEqual(count, self.pipe.bytesUp)
        self.client.close()
        self.backend.close()
        self.until(lambda: self.done)
        self.assertEqual(len(self.deadlines), 0)

    def test_closingInStages(self) -> None:
        """
        Both are told the end first; what they still say is dropped, and not counted. When they have
        ended too, both are closed.
        """
        self.pipe.close(Ending.DRAINED)
        self.client.send(b"too late")
        self.assertTrue(self.ended(self.client) and self.ended(self.backend))
        self.client.setblocking(True)
        self.client.shutdown(socket.SHUT_WR)
        self.turns()
        self.assertEqual(self.done, [])
        self.backend.shutdown(socket.SHUT_WR)
        self.until(lambda: self.done)
        self.assertEqual(self.pipe.bytesUp, 0)

    def test_closingWhoDoesNotEnd(self) -> None:
        """
        Peers that keep their half open, and even talk on, are closed after a while.
        """
        self.deadlines.start()
        self.pipe.close(Ending.DRAINED)
        for _ in range(int(3 * LINGER)):
            self.client.send(b"and on")
            self.turns()
            self.clock.advance(1.0)
        self.turns()
        self.assertEqual(self.done, [self.pipe])

    def test_resetWhileWriting(self) -> None:
        """
        Whoever reset is found out by writing to him, too; what he had said before is passed on.
        """
        self.fill()
        reset(self.backend)
        self.until(lambda: self.done)
        self.assertIs(self.pipe.ending, Ending.BACKEND_RESET)
        self.client.setblocking(True)
        self.assertRaises(ConnectionResetError, self.client.recv, 1)

    def test_oneEndIsPassedOnWhenTheOtherStays(self) -> None:
        """
        An end that comes alone reaches the other side, is not read again and again, and leaves the
        way back open.
        """
        reads = []
        read = self.wires[0].doRead
        self.wires[0].doRead = lambda: reads.append(read())
        self.client.shutdown(socket.SHUT_WR)
        self.assertTrue(self.ended(self.backend))
        self.assertEqual(len(reads), 1)
        self.assertNotIn(self.wires[0], self.reactor.getReaders())
        self.backend.setblocking(True)
        self.backend.send(b"answer")
        self.assertEqual(self.received(self.client, 6), b"answer")
        self.assertEqual(self.done, [])
        self.backend.close()
        self.assertTrue(self.ended(self.client))
        self.until(lambda: self.done)
        self.assertIs(self.pipe.ending, Ending.CLIENT_CLOSED)

    def test_endAndOwnEndInOneTurn(self) -> None:
        """
        A pipe that is closed by us in the turn in which a peer ended tells the other once.
        """
        self.client.shutdown(socket.SHUT_WR)
        side = self.pipe.client
        self.until(lambda: side.eof)
        self.pipe.close(Ending.DRAINED)
        self.assertTrue(self.ended(self.backend))
        self.backend.close()
        self.until(lambda: self.done)
        self.turns()
        self.assertEqual(self.done, [self.pipe])
        self.assertIs(self.pipe.ending, Ending.CLIENT_CLOSED)

    def test_nothingForTheCollector(self) -> None:
        """
        What is over is gone at once.
        """
        mine = self.pipe, self.pipe.client, self.pipe.backend
        known = (each for each in gc.get_objects() if isinstance(each, Pipe | PlainSide))
        before = [each for each in known if each not in mine]
        del mine
        gc.disable()
        self.addCleanup(gc.enable)
        self.client.close()
        self.backend.close()
        self.until(lambda: self.done)
        self.turns()
        self.wires.clear()
        self.done.clear()
        del self.pipe
        left = [each for each in gc.get_objects() if isinstance(each, Pipe | PlainSide)]
        self.assertEqual([each for each in left if each not in before], [])

    def test_bothEndInOneTurn(self) -> None:
        """
        Two ends in one turn close both, once.
        """
        self.client.shutdown(socket.SHUT_WR)
        self.backend.shutdown(socket.SHUT_WR)
        self.until(lambda: self.done)
        self.turns()
        self.assertEqual(self.done, [self.pipe])
        self.assertIs(self.pipe.ending, Ending.CLIENT_CLOSED)
