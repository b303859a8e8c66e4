"""
Tests for L{lbproxy.l7.server}: one client's connection.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.address import UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.answers import RespondPlan
from lbproxy.l7.factory import HTTPSettings, ServerTimeouts
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan
from lbproxy.l7.replies import Reply
from lbproxy.l7.routing import Route
from tests.l7.doubles import GET, OK, Stage, Wire
from tests.l7.slowwire import BUFFER, SlowWire, connectSlowly

PUT = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 4\r\n\r\n"
TIMES = ServerTimeouts(requestHead=10, keepAlive=60, body=30, idle=300)


def statuses(sent: bytes) -> list[int]:
    """
    The statuses of the answers in C{sent}.
    """
    return [int(part[:3]) for part in sent.split(b"HTTP/1.1 ")[1:]]


def numbered(count: int) -> bytes:
    """
    Pipelined requests for /0, /1 and so on.
    """
    return b"".join(GET.replace(b"GET /", b"GET /%d" % at) for at in range(count))


class ServerCase(SynchronousTestCase):
    """
    One listener in memory.
    """

    def setUp(self) -> None:
        self.stage = Stage(settings=HTTPSettings(timeouts=TIMES))
        self.protocol, self.wire = self.stage.connect()

    def tearDown(self) -> None:
        """
        Whatever happened, no lease is left behind when all connections are gone.
        """
        stage = self.stage
        stage.factory.abortAll()
        self.assertEqual(stage.pool.active, 0)
        self.assertEqual(stage.factory.active, 0)
        self.assertEqual(len({id(record) for record in stage.records}), len(stage.records))

    def respond(self, body: bytes) -> None:
        """
        Have a listener that answers by itself.
        """
        plan: Plan = RespondPlan(Reply(200, body))
        settings = HTTPSettings(timeouts=TIMES)
        self.stage = Stage(settings=settings, routes=lambda plain: [Route(Match(), plan)])

    def serve(self, number: int = -1, answer: bytes = OK) -> bytes:
        """
        The backend answers.

        @return: what it had been sent.
        """
        dialed = self.stage.dials[number]
        backend = dialed.wire if dialed.accepted else dialed.accept()
        sent = backend.take()
        dialed.answer(answer)
        return sent


class HeadTests(ServerCase):
    """
    Reading requests.
    """

    def test_anyFragmentation(self) -> None:
        """
        A request that comes byte by byte is the same request.
        """
        for at in range(len(GET)):
            self.protocol.dataReceived(GET[at : at + 1])
        self.assertTrue(self.serve().startswith(b"GET / HTTP/1.1\r\nHost: shop.example\r\n"))

    def test_headDeadline(self) -> None:
        """
        A head must be there in time, counted from its first byte: bytes that trickle in don't put
        it off. It is 408, and the connection ends.
        """
        self.stage.advance(50)
        for at in range(19):
            self.protocol.dataReceived(GET[at : at + 1])
            self.stage.advance(0.5)
        self.assertEqual(self.wire.value(), b"")
        self.stage.advance(0.7)
        self.assertEqual(statuses(self.wire.value()), [408])
        self.assertTrue(self.wire.disconnecting or self.wire.ended)
        self.assertEqual(self.stage.records[0].code, "requestHeadTimeout")

    def test_headDeadlineOfNextRequest(self) -> None:
        """
        The same for the second request on a connection, and for one that began behind the first.
        """
        self.protocol.dataReceived(GET + b"GET / HT")
        self.serve()
        self.wire.take()
        self.stage.advance(9.5)
        self.assertFalse(self.wire.disconnecting)
        self.stage.advance(0.7)
        self.assertEqual(statuses(self.wire.value()), [408])

    def test_silentConnection(self) -> None:
        """
        A connection on which nothing is asked closes quietly after a while; so does one that has
        served.
        """
        self.stage.advance(59)
        self.assertFalse(self.wire.disconnecting)
        self.protocol.dataReceived(GET)
        self.serve()
        self.wire.take()
        self.stage.advance(59.5)
        self.assertFalse(self.wire.disconnecting)
        self.stage.advance(0.7)
        self.assertTrue(self.wire.disconnecting)
        self.assertEqual(self.wire.value(), b"")
        self.assertEqual(len(self.stage.records), 1)

    def test_silentWithTheLastBytes(self) -> None:
        """
        One that has not read all of its last answer is closed no less quietly.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET)
        self.serve()
        self.stage.advance(60.2)
        self.assertTrue(wire.disconnecting)
        self.assertFalse(wire.aborted)

    def test_shortKeepAlive(self) -> None:
        """
        A keep-alive shorter than anything else is kept, too.
        """
        settings = HTTPSettings(timeouts=replace(TIMES, keepAlive=1))
        self.stage = Stage(settings=settings)
        self.protocol, self.wire = self.stage.connect()
        self.protocol.dataReceived(GET)
        self.stage.advance(20)
        self.serve()
        self.stage.advance(0.8)
        self.assertFalse(self.wire.disconnecting)
        self.stage.advance(0.4)
        self.assertTrue(self.wire.disconnecting)

    def test_badRequest(self) -> None:
        """
        What is no request is answered, and nothing that follows it is read as one.
        """
        self.protocol.dataReceived(b"GET / HTTP/1.1\r\nBad Header\r\n\r\n" + GET)
        self.assertEqual(statuses(self.wire.value()), [400])
        self.assertIn(b"Connection: close\r\n", self.wire.value())
        self.protocol.dataReceived(GET)
        self.assertEqual(self.stage.dials, [])
        record = self.stage.records[0]
        self.assertEqual((record.code, record.head.method), ("badHeader", b"-"))

    def test_badRequestBehindAnother(self) -> None:
        """
        The answers come in order: the good request's first.
        """
        self.protocol.dataReceived(GET + b"bad\r\n\r\n")
        self.serve()
        self.assertEqual(statuses(self.wire.value()), [200, 400])

    def test_http10(self) -> None:
        """
        After an answer to HTTP/1.0 the connection ends, also when the client asked to keep it.
        """
        self.protocol.dataReceived(
            b"GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n" + GET
        )
        self.serve()
        self.assertEqual(statuses(self.wire.value()), [200])
        self.assertIn(b"Connection: close\r\n", self.wire.value())
        self.assertTrue(self.wire.ended or self.wire.disconnecting)
        self.assertEqual(len(self.stage.records), 1)

    def test_connectionClose(self) -> None:
        """
        The same for a client that says so; what it sent behind that is not a request.
        """
        self.protocol.dataReceived(GET[:-2] + b"Connection: close\r\n\r\n" + GET)
        self.serve()
        self.assertEqual(len(self.stage.records), 1)
        self.assertTrue(self.wire.ended)

    def test_unixPeer(self) -> None:
        """
        A client over a UNIX socket is served; it has no address.
        """
        wire = Wire()
        wire.peerAddr = UNIXAddress(None)
        protocol = self.stage.factory.buildProtocol(None)
        wire.protocol = protocol
        protocol.makeConnection(wire)
        protocol.dataReceived(GET)
        self.assertIn(b"X-Forwarded-For: unknown\r\n", self.serve())
        self.assertEqual((self.stage.records[0].clientIP, protocol.logName), ("", b"unix"))

    def test_secureClient(self) -> None:
        """
        Of a client that came over TLS the name is known that it asked for.
        """
        self.stage = Stage(settings=HTTPSettings(secure=True))
        wire = Wire()
        wire.serverName = "shop.example"  # type: ignore[attr-defined]
        protocol = self.stage.factory.buildProtocol(None)
        wire.protocol = protocol
        protocol.makeConnection(wire)
        protocol.dataReceived(GET)
        self.assertIn(b"X-Forwarded-Proto: https\r\n", self.serve())
        record = self.stage.records[0]
        self.assertEqual((record.secure, record.serverName), (True, "shop.example"))


class PipeliningTests(ServerCase):
    """
    Requests sent ahead.
    """

    def test_order(self) -> None:
        """
        Each is sent when the one before it is answered, and answered in its turn.
        """
        self.protocol.dataReceived(numbered(50))
        for at in range(50):
            self.assertIn(b"GET /%d HTTP" % at, self.serve())
        self.assertEqual(statuses(self.wire.take()), [200] * 50)

    def test_heldIsBounded(self) -> None:
        """
        While many requests wait, no more is read.
        """
        self.protocol.dataReceived(numbered(1000))
        self.assertEqual(self.wire.producerState, "paused")
        for _ in range(1000):
            self.serve()
        self.assertEqual(self.wire.producerState, "producing")

    def test_readWhileWaiting(self) -> None:
        """
        A client that waits for its answer is listened to, so that it's noticed when it leaves.
        """
        self.protocol.dataReceived(GET)
        self.assertEqual(self.wire.producerState, "producing")

    def test_answersAreBounded(self) -> None:
        """
        A client that asks and asks and reads nothing doesn't fill our memory with answers.
        """
        self.respond(b"x" * 10000)
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET * 1000)
        self.assertLess(wire.queued, BUFFER + 20000)
        self.assertEqual(wire.producerState, "paused")
        answers = 0
        while wire.queued:
            sent = wire.read()
            self.assertLess(len(sent), BUFFER + 20000)
            answers += sent.count(b"HTTP/1.1 200 OK")
        self.assertEqual(answers, 1000)
        self.assertEqual(wire.producerState, "producing")

    def test_nextAnswerWaitsForReader(self) -> None:
        """
        The same with backends: the next request is not begun before the client has read.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(numbered(2))
        body = b"x" * (BUFFER + 1)
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        self.assertTrue(wire.blocked)
        self.assertEqual(self.stage.dials[0].wire.take(), b"")
        wire.read(1000)
        self.assertEqual(self.stage.dials[0].wire.take(), b"")
        wire.read()
        self.assertIn(b"GET /1 ", self.serve())
        self.assertEqual(statuses(wire.read()), [200])

    def test_requestWhileReaderIsSlow(self) -> None:
        """
        A request that comes while the answer before it isn't read waits, too, and so does its
        client.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET)
        body = b"x" * (BUFFER + 1)
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        protocol.dataReceived(numbered(1))
        self.assertEqual(len(self.stage.dials), 1)
        self.assertEqual(self.stage.dials[0].wire.take(), b"")
        wire.read()
        self.assertIn(b"GET /0 ", self.serve())

    def test_stalledReader(self) -> None:
        """
        A client that reads nothing of its answer is given up, with the requests that it had sent
        ahead.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(numbered(2))
        body = b"x" * (BUFFER + 1)
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        self.stage.advance(30.2)
        self.assertTrue(wire.aborted)
        self.assertEqual(len(self.stage.records), 1)

    def test_slowReader(self) -> None:
        """
        One that reads a little now and then is served.
        """
        protocol, wire = connectSlowly(self.stage)
        protocol.dataReceived(GET)
        body = b"x" * (BUFFER + 1)
        self.serve(answer=b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        while wire.queued:
            self.stage.advance(29)
            wire.read(5000)
        self.assertFalse(wire.aborted)
        protocol.dataReceived(GET)
        self.serve()
        self.assertEqual(statuses(wire.read()), [200])


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
