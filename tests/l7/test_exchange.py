"""
Tests for L{lbproxy.l7.exchange}: one request with its response, over connections in memory.
"""

from __future__ import annotations

from twisted.internet.error import TimeoutError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.factory import HTTPSettings
from lbproxy.l7.upstream import UpstreamSettings
from lbproxy.pool.backend import Health
from tests.l7.doubles import GET, LOST, OK, Dialed, Stage, Wire


def status(wire: Wire) -> bytes:
    return wire.take().partition(b"\r\n")[0]


class RelayTests(SynchronousTestCase):
    """
    Requests reach a backend and responses the client.
    """

    def setUp(self) -> None:
        self.stage = Stage()
        self.protocol, self.wire = self.stage.connect()

    def request(self, data: bytes) -> Dialed:
        self.protocol.dataReceived(data)
        dialed = self.stage.dials[-1]
        dialed.accept()
        return dialed

    def test_requestIsWrittenAnew(self) -> None:
        """
        The backend gets the request in our words: Host first, forwarding fields behind, framing
        normal.
        """
        dialed = self.request(GET.replace(b"\r\n\r\n", b"\r\nAccept: */*\r\n\r\n"))
        head = dialed.wire.value()
        self.assertTrue(head.startswith(b"GET / HTTP/1.1\r\nHost: shop.example\r\nAccept: */*\r\n"))
        self.assertIn(b"X-Forwarded-For: 192.0.2.7\r\n", head)
        self.assertIn(b"X-Forwarded-Proto: http\r\n", head)
        self.assertIn(b"X-Forwarded-Host: shop.example\r\n", head)
        self.assertIn(b"Via: 1.1 lbproxy\r\n", head)
        self.assertTrue(head.endswith(b"\r\n\r\n"))

    def test_hopByHopFieldsEnd(self) -> None:
        """
        What concerns one hop only, named by Connection or not, doesn't reach the backend.
        """
        fields = b"Connection: close, X-Private\r\nX-Private: 1\r\n"
        fields += b"Keep-Alive: 5\r\nProxy-Connection: x\r\n"
        head = self.request(GET[:-2] + fields + b"\r\n").wire.value().lower()
        for name in (b"connection:", b"x-private", b"keep-alive", b"proxy-connection"):
            self.assertNotIn(name, head)

    def test_responseReachesClient(self) -> None:
        """
        A whole response is passed on, and the connection stays for the next request.
        """
        dialed = self.request(GET)
        dialed.answer(OK)
        sent = self.wire.take()
        self.assertTrue(sent.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(sent.endswith(b"Content-Length: 2\r\n\r\nok"))
        self.assertFalse(self.wire.disconnecting)
        self.assertEqual(self.stage.pool.backends["b1"].active, 0)

    def test_connectionToBackendIsKept(self) -> None:
        """
        The next request takes the same connection to the backend.
        """
        dialed = self.request(GET)
        dialed.answer(OK)
        self.protocol.dataReceived(GET)
        self.assertEqual(len(self.stage.dials), 1)
        dialed.answer(OK)
        self.assertEqual(len(self.stage.records), 2)

    def test_whatEndedWellIsUsedAgain(self) -> None:
        """
        A client's next request is served without making anything new, unless somebody still has
        the exchange before; and knows nothing of that.
        """
        records = self.stage.records
        dated = OK.replace(b"\r\n\r\n", b"\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n")
        dialed = self.request(GET)
        dialed.answer(dated)
        spare = self.protocol.spare
        self.assertIs(spare, records[-1])
        self.protocol.dataReceived(GET)
        self.assertIsNot(self.protocol.exchange, spare)
        dialed.answer(dated)
        spare = self.protocol.spare
        del records[:]
        second, spare = id(spare), None
        self.stage.pool.setHealth(self.stage.pool.backends["b1"], Health.DOWN)
        self.stage.advance(1)
        self.protocol.dataReceived(GET)
        self.assertEqual(id(records[0]), second)
        self.assertEqual(
            (records[0].status, records[0].code, records[0].served, records[0].bytesDown > 2),
            (503, "noBackend", "", True),
        )
        self.assertEqual(records[0].started, records[0].ended)
        self.assertIsNone(self.protocol.spare)

    def test_pipelinedRequestsAreAnsweredInOrder(self) -> None:
        """
        Requests sent ahead wait for their turn.
        """
        first = GET.replace(b"GET /", b"GET /1")
        second = GET.replace(b"GET /", b"GET /2")
        dialed = self.request(first + second)
        self.assertNotIn(b"/2", dialed.wire.take())
        dialed.answer(OK)
        self.assertIn(b"GET /2", dialed.wire.take())
        dialed.answer(OK)
        self.assertEqual(self.wire.take().count(b"HTTP/1.1 200"), 2)

    def test_chunkedResponseIsFramedAnew(self) -> None:
        """
        Chunks are the connection's business: the client gets ours, extensions are gone.
        """
        dialed = self.request(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n")
        self.assertTrue(self.wire.take().endswith(b"chunked\r\n\r\n2\r\nab\r\n"))
        dialed.answer(b"1\r\nc\r\n0\r\n\r\n")
        self.assertEqual(self.wire.take(), b"1\r\nc\r\n0\r\n\r\n")

    def test_closeDelimitedResponse(self) -> None:
        """
        A body that ends with the backend's connection becomes chunks for a client that reads them.
        """
        dialed = self.request(GET)
        dialed.answer(b"HTTP/1.1 200 OK\r\n\r\nab")
        dialed.wire.lose()
        self.assertTrue(self.wire.take().endswith(b"chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"))
        self.assertFalse(self.wire.disconnecting)

    def test_http10ClientGetsCloseDelimited(self) -> None:
        """
        A client of HTTP/1.0 knows no chunks: its response ends with the connection.
        """
        dialed = self.request(b"GET / HTTP/1.0\r\nHost: x\r\n\r\n")
        dialed.answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
        sent = self.wire.take()
        self.assertNotIn(b"chunked", sent)
        self.assertTrue(sent.endswith(b"Connection: close\r\n\r\nab"))
        self.assertTrue(self.wire.disconnecting)

    def test_headResponseHasNoBody(self) -> None:
        """
        The length in an answer to HEAD is told, and no body awaited.
        """
        dialed = self.request(GET.replace(b"GET", b"HEAD"))
        dialed.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
        self.assertIn(b"Content-Length: 5000\r\n\r\n", self.wire.take())
        self.assertEqual(len(self.stage.records), 1)

    def test_dateIsAdded(self) -> None:
        """
        A response without a Date gets one; one that has it keeps its own.
        """
        dialed = self.request(GET)
        dialed.answer(OK)
        self.assertIn(b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", self.wire.take())

    def test_interimResponse(self) -> None:
        """
        103 reaches the client ahead of the response.
        """
        dialed = self.request(GET)
        dialed.answer(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK)
        sent = self.wire.take()
        self.assertTrue(
            sent.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200")
        )

    def test_unaskedBytesEndIdleConnection(self) -> None:
        """
        A backend that speaks unasked, or too much, loses its connection: nobody's next response is
        poisoned.
        """
        dialed = self.request(GET)
        dialed.answer(OK + b"HTTP/1.1 200 OK\r\n\r\n")
        self.assertTrue(dialed.wire.aborted)
        self.protocol.dataReceived(GET)
        self.assertEqual(len(self.stage.dials), 2)

    def test_http10ResponseEndsBackendConnection(self) -> None:
        """
        A backend of HTTP/1.0 is not asked again on the same connection.
        """
        dialed = self.request(GET)
        dialed.answer(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
        self.assertTrue(dialed.wire.disconnecting)
        self.assertFalse(self.wire.disconnecting)


class UploadTests(SynchronousTestCase):
    """
    Request bodies stream to the backend.
    """

    def setUp(self) -> None:
        self.stage = Stage(("b1", "b2"))
        self.protocol, self.wire = self.stage.connect()

    def test_bodyWaitsForBackend(self) -> None:
        """
        Until there is a backend the client is paused, and what it has sent is kept.
        """
        self.protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nab")
        self.assertEqual(self.wire.producerState, "paused")
        backend = self.stage.dials[0].accept()
        self.assertEqual(self.wire.producerState, "producing")
        self.assertTrue(backend.take().endswith(b"\r\n\r\nab"))
        self.protocol.dataReceived(b"cd")
        self.assertEqual(backend.take(), b"cd")

    def test_bodyMovesWithRequest(self) -> None:
        """
        When the first backend can't be reached, the next one gets the whole body.
        """
        self.protocol.dataReceived(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nabcd")
        self.stage.dials[0].refuse()
        backend = self.stage.dials[1].accept()
        self.assertTrue(backend.take().endswith(b"\r\n\r\nabcd"))

    def test_chunkedUpload(self) -> None:
        """
        A chunked body is decoded and framed anew, trailers with it.
        """
        self.protocol.dataReceived(
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        backend = self.stage.dials[0].accept()
        backend.take()
        self.protocol.dataReceived(b"3;a=b\r\nabc\r\n")
        self.assertEqual(backend.take(), b"3\r\nabc\r\n")
        self.protocol.dataReceived(b"0\r\nX-Sum: 1\r\n\r\n")
        self.assertEqual(backend.take(), b"0\r\nX-Sum: 1\r\n\r\n")

    def test_slowBackendPausesClient(self) -> None:
        """
        While the backend takes no more, the client is not read.
        """
        self.protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        backend = self.stage.dials[0].accept()
        backend.producer.pauseProducing()
        self.assertEqual(self.wire.producerState, "paused")
        backend.producer.resumeProducing()
        self.assertEqual(self.wire.producerState, "producing")

    def test_bodyLimit(self) -> None:
        """
        A body over the limit is refused by its length, or as soon as it has grown over it.
        """
        stage = Stage(settings=HTTPSettings(bodyLimit=3))
        protocol, wire = stage.connect()
        protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        self.assertEqual(status(wire), b"HTTP/1.1 413 Content Too Large")
        protocol, wire = stage.connect()
        protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        backend = stage.dials[-1].accept()
        protocol.dataReceived(b"4\r\nabcd\r\n")
        self.assertEqual(status(wire), b"HTTP/1.1 413 Content Too Large")
        self.assertTrue(backend.aborted)

    def test_earlyResponseEndsUpload(self) -> None:
        """
        A whole response before the whole request: the client gets it, and the connection ends
        gently.
        """
        self.protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(OK)
        sent = self.wire.take()
        self.assertIn(b"Connection: close\r\n", sent)
        self.assertTrue(self.wire.ended)
        self.assertFalse(self.wire.aborted)
        self.assertTrue(self.stage.dials[0].wire.aborted)
        self.stage.advance(3)
        self.assertTrue(self.wire.aborted)

    def test_earlyStreamedResponseEndsConnection(self) -> None:
        """
        A response that comes in pieces and ends before the request has: what is left of the body
        is never taken for the next request.
        """
        self.protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nab")
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.stage.dials[0].answer(b"cd")
        self.assertTrue(self.wire.ended)
        self.protocol.dataReceived(b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual([record.head.method for record in self.stage.records], [b"PUT"])
        self.assertEqual(len(self.stage.dials), 1)

    def test_stalledBodyBehindItsBeginning(self) -> None:
        """
        A client that sends the beginning of a body with its head and then no more is not waited
        for longer than one that sends none.
        """
        self.protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab")
        backend = self.stage.dials[0].accept()
        self.stage.advance(31)
        self.assertEqual(status(self.wire), b"HTTP/1.1 408 Request Timeout")
        self.assertTrue(backend.aborted)

    def test_stalledBodyAfterBlockedWrites(self) -> None:
        """
        Reading the response for a while doesn't free a client from sending its request.
        """
        self.protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        self.wire.producer.pauseProducing()
        self.wire.producer.resumeProducing()
        self.stage.advance(31)
        self.assertTrue(self.wire.aborted)

    def test_invitationThatNeverComes(self) -> None:
        """
        A client that waits for 100 (Continue) and a backend that waits for the body don't wait for
        ever: the backend owes an answer.
        """
        self.protocol.dataReceived(
            b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        )
        self.stage.dials[0].accept()
        self.stage.advance(61)
        self.assertEqual(status(self.wire), b"HTTP/1.1 504 Gateway Timeout")
        self.assertEqual(self.stage.records[0].code, "responseTimeout")

    def test_refusedRequestIsReadOut(self) -> None:
        """
        A client still sending what was refused gets the answer, not the reset that unread bytes
        would cause.
        """
        self.protocol.dataReceived(b"GET / HTTP/1.1\r\nbad line\r\n")
        self.assertEqual(status(self.wire), b"HTTP/1.1 400 Bad Request")
        self.assertTrue(self.wire.ended)
        self.assertFalse(self.wire.disconnecting)
        self.protocol.dataReceived(GET)
        self.assertEqual(len(self.stage.records), 1)
        self.stage.advance(3)
        self.assertTrue(self.wire.aborted)


class OnlyRouteTests(SynchronousTestCase):
    """
    Where there is one pool for everything, paths are held to the rules all the same.
    """

    def test_climbingPath(self) -> None:
        """
        A path that climbs above the root is refused; dots that climb nowhere pass as they are.
        """
        for path, wanted in ((b"/../x", 1), (b"/a/..;/../x", 1), (b"/a/../x", 0), (b"/a..b", 0)):
            stage = Stage()
            protocol, _ = stage.connect()
            protocol.dataReceived(b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n" % path)
            codes = [record.code for record in stage.records]
            self.assertEqual((path, codes), (path, ["badPath"] * wanted))
            if not wanted:
                self.assertIn(b"GET %b HTTP/1.1\r\n" % path, stage.dials[0].accept().take())


class FailureTests(SynchronousTestCase):
    """
    What goes wrong gets its answer.
    """

    def stageWith(self, *backends: str) -> tuple[Stage, Wire]:
        stage = Stage(backends)
        self.protocol, wire = stage.connect()
        return stage, wire

    def test_noBackend(self) -> None:
        """
        A pool with nobody to serve is 503.
        """
        stage, wire = self.stageWith("b1")
        stage.pool.setHealth(stage.pool.backends["b1"], Health.DOWN, "test")
        self.protocol.dataReceived(GET)
        self.assertEqual(status(wire), b"HTTP/1.1 503 Service Unavailable")
        self.assertEqual(stage.records[0].code, "noBackend")

    def test_connectFailsOver(self) -> None:
        """
        A backend that can't be reached costs the client nothing while there is another.
        """
        stage, wire = self.stageWith("b1", "b2")
        self.protocol.dataReceived(GET)
        stage.dials[0].refuse()
        stage.dials[1].accept()
        stage.dials[1].answer(OK)
        self.assertEqual(status(wire), b"HTTP/1.1 200 OK")
        self.assertIsNot(stage.dials[0].backend, stage.dials[1].backend)

    def test_allConnectsFail(self) -> None:
        """
        No backend reached is 502, a connect that timed out 504.
        """
        for error, expected in (
            (None, b"502 Bad Gateway"),
            (TimeoutError(), b"504 Gateway Timeout"),
        ):
            stage, wire = self.stageWith("b1")
            self.protocol.dataReceived(GET)
            stage.dials[0].refuse(error)
            self.assertEqual(status(wire), b"HTTP/1.1 " + expected)

    def test_backendClosesWithoutResponse(self) -> None:
        """
        POST is never repeated once it was sent.
        """
        stage, wire = self.stageWith("b1", "b2")
        self.protocol.dataReceived(GET.replace(b"GET", b"POST"))
        stage.dials[0].accept().lose()
        self.assertEqual(status(wire), b"HTTP/1.1 502 Bad Gateway")
        self.assertEqual(len(stage.dials), 1)

    def test_idempotentMovesToAnotherBackend(self) -> None:
        """
        GET is sent to another backend when the first resets the connection.
        """
        stage, wire = self.stageWith("b1", "b2")
        self.protocol.dataReceived(GET)
        stage.dials[0].accept().lose(LOST)
        stage.dials[1].accept()
        stage.dials[1].answer(OK)
        self.assertEqual(status(wire), b"HTTP/1.1 200 OK")

    def test_keepAliveRace(self) -> None:
        """
        A kept connection that closes just as a GET is sent is no failure: a new one to the same
        backend serves.
        """
        stage, wire = self.stageWith("b1")
        self.protocol.dataReceived(GET)
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        wire.take()
        self.protocol.dataReceived(GET)
        stage.dials[0].wire.lose()
        stage.dials[1].accept()
        stage.dials[1].answer(OK)
        self.assertEqual(status(wire), b"HTTP/1.1 200 OK")
        self.assertEqual(stage.pool.backends["b1"].failures, 0)

    def test_shortResponseIsAborted(self) -> None:
        """
        A response that breaks off never looks whole.
        """
        stage, wire = self.stageWith("b1")
        self.protocol.dataReceived(GET)
        backend = stage.dials[0].accept()
        stage.dials[0].answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        backend.lose()
        self.assertTrue(wire.aborted)
        self.assertEqual(stage.records[0].code, "shortBody")
        self.assertEqual(stage.pool.backends["b1"].active, 0)

    def test_malformedResponse(self) -> None:
        """
        A backend that doesn't speak HTTP is 502, and its connection is dropped.
        """
        stage, wire = self.stageWith("b1")
        self.protocol.dataReceived(GET)
        backend = stage.dials[0].accept()
        stage.dials[0].answer(b"SSH-2.0-OpenSSH\r\n\r\n")
        self.assertEqual(status(wire), b"HTTP/1.1 502 Bad Gateway")
        self.assertTrue(backend.aborted)

    def test_silentBackend(self) -> None:
        """
        No response head in time is 504.
        """
        stage = Stage(upstream=UpstreamSettings(headTimeout=5))
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        stage.dials[0].accept()
        stage.advance(4.5)
        self.assertEqual(wire.value(), b"")
        stage.advance(1)
        self.assertEqual(status(wire), b"HTTP/1.1 504 Gateway Timeout")
        self.assertTrue(stage.dials[0].wire.aborted)

    def test_errorStatusGetsAnotherChance(self) -> None:
        """
        502 from a backend is asked of another for a GET; when there is none, it is passed on.
        """
        bad = OK.replace(b"200 OK", b"502 Bad Gateway")
        stage, wire = self.stageWith("b1", "b2")
        self.protocol.dataReceived(GET)
        stage.dials[0].accept()
        stage.dials[0].answer(bad)
        stage.dials[1].accept()
        stage.dials[1].answer(bad)
        self.assertEqual(status(wire), b"HTTP/1.1 502 Bad Gateway")
        self.assertEqual(len(stage.dials), 2)


class ClientLeavesTests(SynchronousTestCase):
    """
    For a client that left nothing is done any more.
    """

    def setUp(self) -> None:
        self.stage = Stage()
        self.protocol, self.wire = self.stage.connect()
        self.protocol.dataReceived(GET)

    def test_whileBackendWorks(self) -> None:
        """
        The backend's connection is reset at once, and the backend isn't to blame.
        """
        backend = self.stage.dials[0].accept()
        self.wire.lose(LOST)
        self.assertTrue(backend.aborted)
        record = self.stage.records[0]
        self.assertEqual((record.code, record.status), ("clientLeft", 0))
        self.assertEqual(self.stage.pool.backends["b1"].failures, 0)

    def test_whileConnecting(self) -> None:
        """
        The dial is called off.
        """
        self.wire.lose(LOST)
        self.assertTrue(self.stage.dials[0].cancelled)
        self.assertEqual(self.stage.pool.backends["b1"].active, 0)

    def test_halfClose(self) -> None:
        """
        A client that only ended its sending side still gets a prompt answer; a slow one is called
        off.
        """
        backend = self.stage.dials[0].accept()
        self.protocol.readConnectionLost()
        self.stage.dials[0].answer(OK)
        self.assertEqual(status(self.wire), b"HTTP/1.1 200 OK")
        self.assertTrue(self.wire.disconnecting)
        protocol, wire = self.stage.connect()
        protocol.dataReceived(GET)
        protocol.readConnectionLost()
        self.stage.advance(0.5)
        self.assertTrue(backend.aborted)
        self.assertTrue(wire.aborted)

    def test_withRequestsSentAhead(self) -> None:
        """
        A client that has sent further requests is read on, so that it is noticed when it leaves;
        but no more is taken in than a bound.
        """
        self.stage.dials[0].accept()
        self.protocol.dataReceived(GET)
        self.assertEqual(self.wire.producerState, "producing")
        self.protocol.dataReceived(b"x" * 16384)
        self.assertEqual(self.wire.producerState, "paused")

    def test_halfCloseWithinResponse(self) -> None:
        """
        A client that ended its sending side and takes its response gets all of it, however long
        that is; one whose response rests is called off.
        """
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        self.protocol.readConnectionLost()
        for _ in range(5):
            self.stage.dials[0].answer(b"a")
            self.stage.advance(0.2)
        self.assertFalse(self.wire.aborted)
        self.stage.advance(0.6)
        self.assertTrue(self.wire.aborted)
        self.assertEqual(self.stage.records[0].code, "clientLeft")


class BackPressureTests(SynchronousTestCase):
    """
    Nothing is read that can't be passed on.
    """

    def test_slowClientPausesBackend(self) -> None:
        """
        While the client takes no more, the backend is not read; one that takes nothing at all is
        dropped.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        backend = stage.dials[0].accept()
        stage.dials[0].answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
        wire.producer.pauseProducing()
        self.assertEqual(backend.producerState, "paused")
        wire.producer.resumeProducing()
        self.assertEqual(backend.producerState, "producing")
        wire.producer.pauseProducing()
        stage.advance(31)
        self.assertTrue(wire.aborted)
        self.assertTrue(backend.aborted)
        self.assertEqual(stage.records[0].code, "clientStalled")
