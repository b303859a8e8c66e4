"""
Tests for L{lbproxy.l7.connection}: how a client's connection ends.
"""

from __future__ import annotations

from tests.l7.doubles import GET
from tests.l7.servercase import PUT, ServerCase, numbered, statuses
from tests.l7.slowwire import BUFFER, SlowWire, connectSlowly


class HalfCloseTests(ServerCase):
    """
    Clients that shut their sending side, as C{nc -N} does.
    """

    def test_promptAnswer(self) -> None:
        """
        The answer still comes, and then the connection ends.
        """
        self.protocol.dataReceived(GET)
        self.protocol.readConnectionLost()
        self.serve()
        self.assertEqual(statuses(self.wire.value()), [200])
        self.assertTrue(self.wire.disconnecting)
        self.assertFalse(self.wire.aborted)

    def test_allThatWereSentAhead(self) -> None:
        """
        Every request that was sent before is answered.
        """
        self.protocol.dataReceived(numbered(3))
        self.protocol.readConnectionLost()
        for at in range(3):
            self.assertFalse(self.wire.disconnecting)
            self.assertIn(b"GET /%d " % at, self.serve())
        self.assertEqual(statuses(self.wire.value()), [200] * 3)
        self.assertTrue(self.wire.disconnecting)

    def test_eachInItsTime(self) -> None:
        """
        For none of them a backend works long: who has shut may have left.
        """
        self.protocol.dataReceived(numbered(2))
        self.protocol.readConnectionLost()
        self.stage.advance(0.1)
        self.serve()
        self.stage.advance(0.2)
        self.assertFalse(self.wire.aborted)
        self.stage.advance(0.3)
        self.assertTrue(self.wire.aborted)
        self.assertTrue(self.stage.dials[0].wire.aborted)
        self.assertEqual([record.code for record in self.stage.records], ["ok", "clientLeft"])

    def test_sentAheadAndReadSlowly(self) -> None:
        """
        The answers are not cut short when the client reads slowly.
        """
        self.respond(b"x" * 10000)
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET * 20)
        protocol.readConnectionLost()
        answers = b""
        while wire.queued:
            self.stage.advance(20)
            answers += wire.read(30000)
        self.assertEqual(statuses(answers), [200] * 20)
        self.assertFalse(wire.aborted)
        self.assertIsNone(wire.protocol)

    def test_idle(self) -> None:
        """
        Without a request in hand the connection ends, also amid a head.
        """
        self.protocol.readConnectionLost()
        self.assertTrue(self.wire.disconnecting)
        protocol, wire = self.stage.connect()
        protocol.dataReceived(b"GET / HT")
        protocol.readConnectionLost()
        self.assertTrue(wire.disconnecting)
        self.assertEqual(wire.value(), b"")

    def test_restOfAHead(self) -> None:
        """
        Half a request behind a whole one doesn't keep the connection open.
        """
        self.protocol.dataReceived(GET + b"GET / HT")
        self.protocol.readConnectionLost()
        self.serve()
        self.assertTrue(self.wire.disconnecting)

    def test_amidABody(self) -> None:
        """
        A body that will never be whole never looks whole to a backend.
        """
        self.protocol.dataReceived(PUT + b"ab")
        backend = self.stage.dials[0].accept()
        self.protocol.readConnectionLost()
        self.assertTrue(backend.aborted)
        self.assertTrue(self.wire.aborted)
        self.assertEqual([record.code for record in self.stage.records], ["clientLeft"])

    def test_longDownload(self) -> None:
        """
        A response that has begun is served to its end while it moves.
        """
        self.protocol.dataReceived(GET)
        self.protocol.readConnectionLost()
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(20):
            self.stage.advance(0.2)
            self.stage.dials[0].answer(b"x")
        self.assertFalse(self.wire.aborted)
        self.assertTrue(self.wire.disconnecting)

    def test_slowDownload(self) -> None:
        """
        Also while it is the client that is slow.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET)
        protocol.readConnectionLost()
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n" + b"x" * 5000)
        self.stage.advance(2)
        self.assertFalse(wire.aborted)
        wire.read()
        self.stage.advance(0.6)
        self.assertTrue(wire.aborted)


class ClosingTests(ServerCase):
    """
    Connections that we end.
    """

    def lingering(self) -> tuple[SlowWire, bytes]:
        """
        A refused upload: the answer is written, the body still on its way.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(PUT.replace(b"4", b"x"))
        self.protocol = protocol
        return wire, wire.value()

    def test_answerIsSeen(self) -> None:
        """
        What a refused client still sends is read for a while, so that it sees the answer and no
        reset.
        """
        wire, answer = self.lingering()
        self.assertEqual(statuses(answer), [400])
        self.assertTrue(wire.ended)
        self.protocol.dataReceived(b"x" * 1000)
        self.assertFalse(wire.aborted)
        wire.read()
        self.stage.advance(2.2)
        self.assertTrue(wire.aborted)

    def test_nobodySendsForEver(self) -> None:
        """
        But not without a bound.
        """
        wire, _ = self.lingering()
        for _ in range(17):
            self.protocol.dataReceived(b"x" * 65536)
        self.assertTrue(wire.aborted)

    def test_bothHaveShut(self) -> None:
        """
        When the client has shut its side, too, the connection is over at once.
        """
        wire, _ = self.lingering()
        self.protocol.readConnectionLost()
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)

    def test_slowReaderOfTheLastAnswer(self) -> None:
        """
        Nobody is cut off who still reads; who doesn't is, after a while.
        """
        for request in (PUT, GET[:-2] + b"Connection: close\r\n\r\n"):
            self.respond(b"x" * 60000)
            protocol, wire = connectSlowly(self.stage)
            protocol.dataReceived(request)
            for _ in range(3):
                self.stage.advance(29)
                wire.read(15000)
                self.assertFalse(wire.aborted)
            self.stage.advance(61)
            self.assertTrue(wire.aborted)

    def test_drainAmidLastAnswer(self) -> None:
        """
        A drain doesn't cut off a connection that is closing already.
        """
        wire, _ = self.lingering()
        self.stage.factory.drain()
        self.assertFalse(wire.disconnecting)
        wire.read()
        self.protocol.readConnectionLost()
        self.assertTrue(wire.disconnecting)


class DrainTests(ServerCase):
    """
    Connections end with what they have in hand.
    """

    def drain(self) -> list[object]:
        """
        @return: gets something when the drain is over.
        """
        over: list[object] = []
        self.stage.factory.drain().addCallback(over.append)
        return over

    def test_idle(self) -> None:
        """
        Idle connections close at once.
        """
        over = self.drain()
        self.assertTrue(self.wire.disconnecting)
        self.assertEqual(over, [])
        self.wire.lose()
        self.assertEqual(len(over), 1)

    def test_amidAHead(self) -> None:
        """
        A request that has begun to arrive is served; it is the last one.
        """
        self.protocol.dataReceived(GET[:20])
        self.drain()
        self.assertFalse(self.wire.disconnecting)
        self.protocol.dataReceived(GET[20:])
        self.serve()
        self.assertIn(b"Connection: close\r\n", self.wire.value())
        self.assertTrue(self.wire.disconnecting)

    def test_headThatNeverEnds(self) -> None:
        """
        It has no longer than any other head.
        """
        self.protocol.dataReceived(GET[:20])
        self.drain()
        self.stage.advance(10.2)
        self.assertEqual(statuses(self.wire.value()), [408])

    def test_amidABody(self) -> None:
        """
        An upload goes on to its end.
        """
        self.protocol.dataReceived(PUT + b"ab")
        backend = self.stage.dials[0].accept()
        self.drain()
        self.protocol.dataReceived(b"cd")
        self.assertTrue(backend.value().endswith(b"abcd"))
        self.serve()
        self.assertIn(b"Connection: close\r\n", self.wire.value())
        self.assertTrue(self.wire.disconnecting)

    def test_amidAResponse(self) -> None:
        """
        A download goes on to its end.
        """
        self.protocol.dataReceived(GET)
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.drain()
        self.assertFalse(self.wire.disconnecting)
        self.stage.dials[0].answer(b"cd")
        self.assertTrue(self.wire.value().endswith(b"abcd"))
        self.assertTrue(self.wire.disconnecting)

    def test_unreadAnswer(self) -> None:
        """
        An answer that isn't read yet is not cut off; then the connection ends.
        """
        self.respond(b"x" * (BUFFER + 1))
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET)
        self.drain()
        self.assertFalse(wire.disconnecting)
        self.assertEqual(statuses(wire.read()), [200])
        self.assertTrue(wire.disconnecting)

    def test_abort(self) -> None:
        """
        Whoever has not ended in time is reset, with the backend's work.
        """
        self.protocol.dataReceived(GET)
        backend = self.stage.dials[0].accept()
        other, wire = self.stage.connect()
        other.dataReceived(b"GET")
        over = self.drain()
        self.stage.factory.abortAll()
        for each in (self.wire, wire, backend):
            self.assertTrue(each.aborted)
        self.assertEqual(len(over), 1)
