"""
Tests for L{lbproxy.l7.server}: one client's connection.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.address import UNIXAddress

from lbproxy.l7.factory import HTTPSettings
from tests.l7.doubles import GET, Stage, Wire
from tests.l7.servercase import TIMES, ServerCase, numbered, statuses
from tests.l7.slowwire import BUFFER, connectSlowly


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
