"""
Tests for L{lbproxy.l7.client}: one connection to a backend.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.l7.upstream import UpstreamSettings
from lbproxy.pool.lease import Lease
from tests.l7.doubles import DONE, GET, LOST, OK, Dialed, Stage, Wire
from tests.l7.slowwire import BUFFER, SlowWire

SETTINGS = UpstreamSettings(headTimeout=20, idleTimeout=10, keepAliveTimeout=40)
PUT = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 4\r\n\r\n"
BIG = 200_000
UPLOAD = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: %d\r\n\r\n" % BIG
UPGRADE = GET[:-2] + b"Connection: upgrade\r\nUpgrade: websocket, chat\r\n\r\n"


class ClientCase(SynchronousTestCase):
    """
    A listener with one backend.

    @ivar outcomes: how the uses of backends ended.
    """

    def setUp(self) -> None:
        release = Lease.release

        def noting(lease: Lease, outcome: Outcome, latency: float = 0.0) -> None:
            self.outcomes.append(outcome)
            release(lease, outcome, latency)

        self.patch(Lease, "release", noting)
        self.play(Stage(upstream=SETTINGS))

    def play(self, stage: Stage) -> None:
        """
        Go on with C{stage}.
        """
        self.stage = stage
        self.outcomes: list[Outcome] = []
        self.protocol, self.wire = stage.connect()

    def send(self, data: bytes, wire: Wire | None = None) -> Dialed:
        """
        @return: the last connection to the backend, accepted.
        """
        self.protocol.dataReceived(data)
        dialed = self.stage.dials[-1]
        if not dialed.accepted:
            if wire is not None:
                dialed.wire = wire
            dialed.accept()
        return dialed

    def status(self) -> int:
        """
        That of the last answer; 0 before one was.
        """
        parts = self.wire.take().split(b"HTTP/1.1 ")
        return int(parts[-1][:3]) if len(parts) > 1 else 0

    def code(self) -> str:
        """
        How the last exchange ended.
        """
        return str(self.stage.records[-1].code)

    def idle(self) -> int:
        """
        Connections that wait for the next request.
        """
        return sum(map(len, self.stage.upstream.idle.values()))


class ReuseTests(ClientCase):
    """
    Which connections serve again.
    """

    def test_reused(self) -> None:
        """
        One after a whole response, however it was framed and cut.
        """
        chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
        empty = b"HTTP/1.1 204 No Content\r\n\r\n"
        for answer in (
            OK,
            chunked,
            empty,
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
        ):
            for size in (1000, 1):
                dialed = self.send(GET)
                for at in range(0, len(answer), size):
                    dialed.answer(answer[at : at + size])
                self.assertEqual(self.idle(), 1)
        self.assertEqual(len(self.stage.dials), 1)
        self.assertEqual(set(self.outcomes), {Outcome.OK})

    def test_notReused(self) -> None:
        """
        Not one that the backend wants to end, or that has said more than it should.
        """
        for answer in (
            OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
            OK.replace(b"1.1", b"1.0"),
            OK + b"x",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nx",
            b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc",
            b"HTTP/1.1 304 Not Modified\r\n\r\nx",
        ):
            for size in range(1, len(answer) + 1):
                self.play(Stage(upstream=SETTINGS))
                dialed = self.send(GET)
                dialed.answer(answer[:size])
                if len(answer) > size and dialed.wire.protocol is not None:
                    dialed.answer(answer[size:])
                self.assertEqual(self.idle(), 0, answer)
                self.assertTrue(dialed.wire.disconnecting, answer)
                if answer.endswith(b"ok"):  # a reset is for those who have said too much
                    self.assertFalse(dialed.wire.aborted, (answer, size))
                self.assertIn(self.status(), (200, 204, 304))
                self.assertEqual(self.outcomes, [Outcome.OK])

    def test_bodyWhereThereIsNone(self) -> None:
        """
        Bytes behind an answer that has no body are nobody's, even where their length was told: the
        client gets none of them, and the connection serves nobody else.
        """
        for method, answer in (
            (b"HEAD", OK),
            (b"GET", OK.replace(b"200 OK", b"304 Not Modified")),
            (b"GET", OK.replace(b"200 OK", b"204 No Content")),
        ):
            self.play(Stage(upstream=SETTINGS))
            dialed = self.send(GET.replace(b"GET", method))
            dialed.answer(answer)
            self.assertTrue(self.wire.take().endswith(b"\r\n\r\n"), answer)
            self.assertTrue(dialed.wire.aborted)
            self.assertEqual((self.idle(), self.outcomes), (0, [Outcome.OK]))

    def test_http10WithKeepAlive(self) -> None:
        """
        A backend of HTTP/1.0 that keeps its connection is taken at its word.
        """
        dialed = self.send(GET)
        dialed.answer(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok")
        self.assertEqual(self.idle(), 1)

    def test_unfinishedRequest(self) -> None:
        """
        Not one on which a request is only half sent: its rest would begin the next one.
        """
        for pieces in ((OK,), (OK[:-1], OK[-1:])):
            self.play(Stage(upstream=SETTINGS))
            dialed = self.send(PUT + b"ab")
            for piece in pieces:
                dialed.answer(piece)
            self.assertEqual(self.idle(), 0)
            self.assertTrue(dialed.wire.aborted)

    def test_untakenRequest(self) -> None:
        """
        Nor one whose backend has answered before it took all of the request.
        """
        wire = SlowWire()
        dialed = self.send(UPLOAD + b"x" * BIG, wire)
        self.assertTrue(wire.blocked)
        dialed.answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(self.idle(), 0)
        self.assertTrue(wire.aborted)
        # The client, who waited for that backend, is read again.
        self.assertEqual(self.wire.producerState, "producing")

    def test_unasked(self) -> None:
        """
        A connection on which a backend speaks unasked is never used again.
        """
        dialed = self.send(GET)
        dialed.answer(OK)
        dialed.answer(OK)
        self.assertTrue(dialed.wire.aborted)
        self.assertEqual(self.idle(), 0)

    def test_keepAliveTimeout(self) -> None:
        """
        A connection that nobody needs is closed after a while.
        """
        dialed = self.send(GET)
        dialed.answer(OK)
        self.stage.advance(39.5)
        self.assertFalse(dialed.wire.disconnecting)
        self.stage.advance(0.7)
        self.assertTrue(dialed.wire.disconnecting)
        self.assertEqual(self.idle(), 0)

    def test_backendCloses(self) -> None:
        """
        One that the backend closes is not offered any more.
        """
        dialed = self.send(GET)
        dialed.answer(OK)
        dialed.wire.lose()
        self.assertEqual(self.idle(), 0)
        self.assertIsNot(self.send(GET), dialed)


class ResponseTests(ClientCase):
    """
    What is understood of a backend.
    """

    def test_malformed(self) -> None:
        """
        What is no response is 502, the backend is to blame, and its connection is dropped.
        """
        dialed = self.send(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
        self.assertEqual(self.status(), 502)
        self.assertTrue(dialed.wire.aborted)
        self.assertEqual((self.code(), self.outcomes), ("badContentLength", [Outcome.BAD_RESPONSE]))

    def test_malformedBody(self) -> None:
        """
        A body that breaks off in nonsense resets the client: it must not look whole.
        """
        dialed = self.send(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        dialed.answer(b"xyz")
        self.assertTrue(self.wire.aborted)
        self.assertTrue(dialed.wire.aborted)
        self.assertEqual((self.code(), self.outcomes), ("badChunk", [Outcome.BAD_RESPONSE]))

    def test_shortBodies(self) -> None:
        """
        Nor must one that ends too early: by length, by chunks, or by a reset where the end of the
        connection is the end of the body.
        """
        for head, reason, code in (
            (b"Content-Length: 9\r\n", DONE, "shortBody"),
            (b"Transfer-Encoding: chunked\r\n", DONE, "shortBody"),
            (b"", LOST, "backendReset"),
        ):
            self.play(Stage(upstream=SETTINGS))
            dialed = self.send(GET)
            dialed.answer(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n" + b"1\r\na\r\n")
            dialed.wire.lose(reason)
            self.assertTrue(self.wire.aborted)
            self.assertEqual((self.code(), self.outcomes), (code, [Outcome.RESET]))

    def test_closedAmidHead(self) -> None:
        """
        A head that breaks off is no response.
        """
        self.send(GET.replace(b"GET", b"POST")).answer(b"HTTP/1.1 200")
        self.stage.dials[0].wire.lose()
        self.assertEqual(self.status(), 502)
        self.assertEqual((self.code(), self.outcomes), ("backendClosed", [Outcome.RESET]))

    def test_interim(self) -> None:
        """
        Interim responses are passed on, in one read or several; a backend that never comes to the
        point is given up.
        """
        dialed = self.send(GET)
        hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        dialed.answer(hint + hint[:5])
        dialed.answer(hint[5:])
        self.assertEqual(self.wire.take(), hint * 2)
        dialed.answer(hint * 31)
        self.assertEqual(self.status(), 502)
        self.assertEqual(self.code(), "tooManyInformational")
        self.assertTrue(dialed.wire.aborted)

    def test_interimEndWithTheRequest(self) -> None:
        """
        The next request on the connection has its own count of them.
        """
        hint = b"HTTP/1.1 103 Early Hints\r\n\r\n"
        for _ in range(3):
            self.send(GET).answer(hint * 30 + OK)
            self.assertEqual(self.status(), 200)

    def test_noInterimForHTTP10(self) -> None:
        """
        HTTP/1.0 knows none.
        """
        dialed = self.send(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        dialed.answer(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        self.assertEqual(self.wire.take(), b"")

    def test_firstByte(self) -> None:
        """
        Each piece of a response is with the client as soon as it is here.
        """
        dialed = self.send(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\n\r\n")
        self.assertEqual(self.status(), 200)
        for piece in (b"a", b"bc"):
            dialed.answer(piece)
            self.assertEqual(self.wire.take(), b"%x\r\n%b\r\n" % (len(piece), piece))


class UpgradeTests(ClientCase):
    """
    101, only as asked for.
    """

    def upgrade(self, request: bytes, answer: bytes) -> Dialed:
        self.wire.isSecure = False  # type: ignore[attr-defined]
        wire = Wire()
        wire.isSecure = False  # type: ignore[attr-defined]
        dialed = self.send(request, wire)
        dialed.answer(b"HTTP/1.1 101 Switching Protocols\r\n" + answer + b"\r\n")
        return dialed

    def test_invited(self) -> None:
        """
        One of the protocols that the client named, in any case.
        """
        for name in (b"websocket", b"Chat"):
            self.play(Stage(upstream=SETTINGS))
            self.upgrade(UPGRADE, b"Upgrade: " + name + b"\r\nConnection: Upgrade\r\n")
            self.assertEqual(self.status(), 101)
            self.stage.factory.abortAll()
            self.assertEqual(self.outcomes, [Outcome.OK])

    def test_uninvited(self) -> None:
        """
        Another protocol, none at all, or no wish for one: 502, and the connection is dropped.
        """
        upgraded = b"Upgrade: websocket\r\nConnection: upgrade\r\n"
        for request, answer in (
            (GET, upgraded),
            (GET[:-2] + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n", b"Upgrade: h2c\r\n"),
            (UPGRADE, b"Upgrade: other\r\nConnection: upgrade\r\n"),
            (UPGRADE, b"Upgrade: websocket, other\r\n"),
            (UPGRADE, b"Connection: upgrade\r\n"),
        ):
            self.play(Stage(upstream=SETTINGS))
            dialed = self.upgrade(request, answer)
            self.assertEqual(self.status(), 502)
            self.assertTrue(dialed.wire.aborted)
            self.assertEqual(self.code(), "uninvitedUpgrade")
            self.assertEqual(self.outcomes, [Outcome.BAD_RESPONSE])

    def test_refused(self) -> None:
        """
        A backend that doesn't want to is an ordinary backend.
        """
        self.send(UPGRADE).answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(self.idle(), 1)


class DeadlineTests(ClientCase):
    """
    Every wait for a backend ends.
    """

    def test_head(self) -> None:
        """
        No response head in time is 504; a piece of one doesn't help.
        """
        for beginning in (b"", b"HTTP/1.1 20"):
            self.play(Stage(upstream=SETTINGS))
            dialed = self.send(GET)
            self.stage.advance(10)
            if beginning:
                dialed.answer(beginning)
            self.stage.advance(9.8)
            self.assertEqual(self.status(), 0)
            self.stage.advance(0.5)
            self.assertEqual(self.status(), 504)
            self.assertEqual((self.code(), self.outcomes), ("responseTimeout", [Outcome.TIMED_OUT]))

    def test_headOnAKeptConnection(self) -> None:
        """
        The same on a connection that has served before.
        """
        self.send(GET).answer(OK)
        self.stage.advance(30)
        self.send(GET)
        self.wire.take()
        self.stage.advance(19.5)
        self.assertEqual(self.status(), 0)
        self.stage.advance(0.7)
        self.assertEqual(self.status(), 504)

    def test_shortHeadTimeout(self) -> None:
        """
        A time shorter than anything else is kept, too.
        """
        self.play(Stage(upstream=UpstreamSettings(headTimeout=1)))
        self.send(GET).answer(OK)
        self.stage.advance(17)
        self.wire.take()
        self.send(GET)
        self.stage.advance(1.3)
        self.assertEqual(self.status(), 504)

    def test_body(self) -> None:
        """
        A response that stalls is given up, a slow one is not.
        """
        dialed = self.send(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(5):
            self.stage.advance(9)
            dialed.answer(b"x")
        self.assertFalse(self.wire.aborted)
        self.stage.advance(10.3)
        self.assertTrue(self.wire.aborted)
        self.assertEqual((self.code(), self.outcomes), ("responseStalled", [Outcome.TIMED_OUT]))

    def test_slowClientIsNotItsFault(self) -> None:
        """
        While the client doesn't read, the backend is not waited for.
        """
        dialed = self.send(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        self.wire.producer.pauseProducing()
        self.assertEqual(dialed.wire.producerState, "paused")
        self.stage.advance(25)
        self.wire.producer.resumeProducing()
        self.assertEqual(dialed.wire.producerState, "producing")
        self.stage.advance(9.5)
        self.assertFalse(self.wire.aborted)
        self.stage.advance(0.8)
        self.assertTrue(self.wire.aborted)
        self.assertEqual(self.outcomes, [Outcome.TIMED_OUT])

    def test_slowUpload(self) -> None:
        """
        While the client is still sending, the backend owes no answer; each piece gives it time.
        """
        dialed = self.send(PUT + b"a")
        for piece in (b"b", b"c"):
            self.stage.advance(25)
            self.protocol.dataReceived(piece)
        self.assertFalse(dialed.wire.aborted)
        self.protocol.dataReceived(b"d")
        self.stage.advance(19.5)
        self.assertEqual(self.status(), 0)
        self.stage.advance(0.8)
        self.assertEqual(self.status(), 504)

    def test_stalledUpload(self) -> None:
        """
        A backend that takes nothing of a request for a while is given up.
        """
        wire = SlowWire()
        self.send(UPLOAD, wire)
        self.protocol.dataReceived(b"x" * (BUFFER + 1))
        self.assertTrue(wire.blocked)
        self.assertEqual(self.wire.producerState, "paused")
        self.stage.advance(9.5)
        self.assertFalse(wire.aborted)
        self.stage.advance(0.8)
        self.assertTrue(wire.aborted)
        self.assertEqual(self.status(), 504)
        self.assertEqual((self.code(), self.outcomes), ("requestStalled", [Outcome.TIMED_OUT]))

    def test_slowBackend(self) -> None:
        """
        One that takes it slowly is not.
        """
        wire = SlowWire()
        self.send(UPLOAD, wire)
        self.protocol.dataReceived(b"x" * (BUFFER + 1))
        while wire.blocked:
            self.stage.advance(9)
            wire.read(10000)
        self.assertFalse(wire.aborted)
        self.stage.advance(15)
        self.assertEqual(self.wire.producerState, "producing")
        self.protocol.dataReceived(b"x" * (BIG - BUFFER - 1))
        wire.read()
        self.stage.dials[0].answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(self.idle(), 1)

    def test_afterTheHead(self) -> None:
        """
        When the head is here the body has its own time, from then on.
        """
        dialed = self.send(GET)
        self.stage.advance(5)
        dialed.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        self.stage.advance(9.5)
        self.assertFalse(self.wire.aborted)
        self.stage.advance(0.8)
        self.assertTrue(self.wire.aborted)

    def test_invitation(self) -> None:
        """
        A client that waits with its body for an invitation doesn't wait for ever.
        """
        expecting = PUT[:-2] + b"Expect: 100-continue\r\n\r\n"
        self.send(expecting)
        self.stage.advance(20.3)
        self.assertEqual(self.status(), 504)
        self.assertEqual(self.outcomes, [Outcome.TIMED_OUT])

    def test_invited(self) -> None:
        """
        One that was invited has its own time for its body.
        """
        dialed = self.send(PUT[:-2] + b"Expect: 100-continue\r\n\r\n")
        self.stage.advance(15)
        dialed.answer(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.assertEqual(self.status(), 100)
        self.stage.advance(29.5)
        self.assertEqual(self.status(), 0)
        self.stage.advance(0.8)
        self.assertEqual(self.status(), 408)
        self.assertEqual(self.outcomes, [Outcome.CLIENT_LEFT])

    def test_uninvitedBody(self) -> None:
        """
        A client that didn't wait for its invitation is a client that is sending.
        """
        self.send(PUT[:-2] + b"Expect: 100-continue\r\n\r\n")
        self.stage.advance(1)
        self.protocol.dataReceived(b"a")
        self.stage.advance(22)
        self.assertEqual(self.status(), 0)
        self.protocol.dataReceived(b"bcd")
        self.stage.dials[0].answer(OK)
        self.assertEqual(self.status(), 200)

    def test_closingConnection(self) -> None:
        """
        A connection that is closing doesn't stay because its backend takes nothing.
        """
        wire = SlowWire()
        dialed = self.send(UPLOAD[:-2] + b"Connection: close\r\n\r\n" + b"x" * BIG, wire)
        dialed.answer(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        self.stage.advance(10.3)
        self.assertTrue(wire.aborted)

    def test_lateDial(self) -> None:
        """
        A connection that comes when nobody wants it any more is closed.
        """
        self.protocol.dataReceived(GET)
        self.wire.lose(LOST)
        dialed = self.stage.dials[0]
        self.assertTrue(dialed.cancelled)
        dialed.accept()
        self.assertTrue(dialed.wire.disconnecting)
        self.assertEqual(self.outcomes, [Outcome.CLIENT_LEFT])
