"""
Tests for L{lbproxy.l7.serving}: what is held for a request, and how that ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.l7.factory import HTTPSettings
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan, ProxyChanges, ProxyPlan
from lbproxy.l7.routing import Route
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.context import PlainContext
from lbproxy.pool.lease import Lease
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from tests.l7.doubles import GET, LOST, OK, Dialed, Stage

PUT = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 4\r\n\r\n"
Phase = Callable[[], object]


class PhaseCase(SynchronousTestCase):
    """
    A request in each phase of its life, on a route with a timeout.

    @ivar outcomes: how the uses of backends ended.
    """

    def setUp(self) -> None:
        self.outcomes: list[Outcome] = []
        release = Lease.release

        def noting(lease: Lease, outcome: Outcome, latency: float = 0.0) -> None:
            self.outcomes.append(outcome)
            release(lease, outcome, latency)

        self.patch(Lease, "release", noting)

    def play(self, *backends: str) -> None:
        """
        Begin anew.
        """

        def routes(plain: Plan) -> list[Route[Plan]]:
            assert isinstance(plain, ProxyPlan)
            return [Route(Match(), ProxyPlan(plain.upstream, ProxyChanges(timeout=8.0)))]

        self.outcomes.clear()
        self.stage = Stage(backends or ("b1", "b2"), routes=routes)
        self.pool: Pool = self.stage.pool
        self.protocol, self.wire = self.stage.connect()

    def send(self, data: bytes) -> Dialed:
        """
        The request, up to its connection to the backend.
        """
        self.protocol.dataReceived(data)
        dialed = self.stage.dials[-1]
        if not dialed.accepted:
            dialed.accept()
        return dialed

    def queued(self) -> None:
        """
        In the pool's queue: the only backend is full.
        """
        self.pool.policy = Policy(queue=QueueSettings(size=10, timeout=100))
        admission: Any = self.pool.admission
        admission.settings = self.pool.policy.queue
        only = BackendSpec("b1", self.pool.backends["b1"].address, maxConnections=1)
        self.pool.replaceBackends([only])
        self.pool.acquire(PlainContext("192.0.2.9"))
        self.protocol.dataReceived(GET)
        self.assertEqual(len(self.pool.admission.room), 1)

    def connecting(self) -> None:
        """
        While the backend is dialed.
        """
        self.protocol.dataReceived(GET)

    def connectingAgain(self) -> None:
        """
        While another backend is dialed.
        """
        self.protocol.dataReceived(GET)
        self.stage.dials[0].refuse()
        self.assertEqual(len(self.stage.dials), 2)

    def sending(self) -> None:
        """
        While the client is still sending.
        """
        self.send(PUT + b"ab")

    def waiting(self) -> None:
        """
        While the backend works.
        """
        self.send(GET)

    def amidHead(self) -> None:
        """
        While the response's head arrives.
        """
        self.send(GET).answer(b"HTTP/1.1 20")

    def receiving(self) -> None:
        """
        While the response's body arrives.
        """
        self.send(GET).answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")

    def unread(self) -> None:
        """
        While the client doesn't read.
        """
        self.receiving()
        self.wire.producer.pauseProducing()

    def phases(self) -> list[tuple[Phase, list[Outcome]]]:
        """
        All of them, with what had already ended before.
        """
        return [
            (self.queued, []),
            (self.connecting, []),
            (self.connectingAgain, [Outcome.CONNECT_FAILED]),
            (self.sending, []),
            (self.waiting, []),
            (self.amidHead, []),
            (self.receiving, []),
            (self.unread, []),
        ]

    def mine(self) -> list[str]:
        """
        The codes of the exchanges of this client that are over.
        """
        return [r.code for r in self.stage.records if r.connection is self.protocol]


class LeavingTests(PhaseCase):
    """
    Clients that leave.
    """

    def test_inEveryPhase(self) -> None:
        """
        The backend's work ends at once, its lease is given back once, and it isn't to blame.
        """
        for phase, before in self.phases():
            self.play()
            phase()
            self.wire.lose(LOST)
            self.assertEqual(self.mine(), ["clientLeft"], phase)
            held = phase != self.queued
            self.assertEqual(self.outcomes, [*before, *[Outcome.CLIENT_LEFT] * held], phase)
            self.assertEqual(self.pool.active, 0 if held else 1, phase)
            self.assertEqual(len(self.pool.admission.room), 0)
            if held:
                dialed = self.stage.dials[-1]
                self.assertTrue(dialed.cancelled or dialed.wire.aborted, phase)
            self.stage.advance(20)
            self.assertEqual(len(self.mine()), 1)

    def test_afterwards(self) -> None:
        """
        What a backend says when the client has left changes nothing.
        """
        for phase, _ in self.phases():
            self.play()
            phase()
            self.wire.lose(LOST)
            sent = self.wire.take()
            for dialed in self.stage.dials[-1:]:
                if not dialed.accepted:
                    dialed.accept()
                dialed.answer(OK)
            self.assertEqual(self.wire.value(), b"", sent)
            self.assertEqual(len(self.mine()), 1)


class RouteTimeoutTests(PhaseCase):
    """
    The time for the whole exchange.
    """

    def test_inEveryPhase(self) -> None:
        """
        It ends the exchange wherever it is: 504 before a response, a reset within one. Who sends or
        reads slowly doesn't make a backend look bad.
        """
        for phase, before in self.phases():
            self.play()
            phase()
            self.wire.take()
            self.stage.advance(7.5)
            self.assertEqual(self.mine(), [], phase)
            self.stage.advance(0.8)
            self.assertEqual(self.mine(), ["routeTimeout"], phase)
            outcome = Outcome.TIMED_OUT
            if phase in (self.sending, self.unread):
                outcome = Outcome.CLIENT_LEFT
            held = phase != self.queued
            self.assertEqual(self.outcomes, [*before, *[outcome] * held], phase)
            self.assertEqual(self.pool.active, 0 if held else 1)
            if phase in (self.receiving, self.unread):
                self.assertTrue(self.wire.aborted, phase)
            else:
                self.assertTrue(self.wire.value().startswith(b"HTTP/1.1 504 "), phase)
                self.assertEqual(self.wire.ended, phase == self.sending)

    def test_inTime(self) -> None:
        """
        An exchange that ends in time is not disturbed, and the next one has a time of its own.
        """
        self.play("b1")
        for _ in range(3):
            dialed = self.send(GET)
            self.stage.advance(5)
            dialed.answer(OK[:-1])
            self.stage.advance(2)
            dialed.answer(OK[-1:])
        self.assertEqual(self.mine(), ["ok"] * 3)


class LimitTests(PhaseCase):
    """
    Requests that break a rule when others have begun on them.
    """

    def test_amidUpload(self) -> None:
        """
        A body that turns out to be malformed ends the backend's work, and it isn't to blame; the
        client is told, unless the response has begun.
        """
        chunked = GET.replace(b"GET", b"PUT")[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
        for begun in (False, True):
            self.play()
            dialed = self.send(chunked)
            if begun:
                dialed.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab")
            self.wire.take()
            self.protocol.dataReceived(b"nonsense\r\n")
            self.assertEqual(self.mine(), ["badChunk"])
            self.assertEqual(self.outcomes, [Outcome.CLIENT_LEFT])
            self.assertTrue(dialed.wire.aborted)
            self.assertEqual(self.wire.aborted, begun)
            self.assertEqual(self.wire.value().startswith(b"HTTP/1.1 400 "), not begun)


class CompletionTests(PhaseCase):
    """
    Exchanges that go well.
    """

    def test_outcome(self) -> None:
        """
        What a backend answers is its own; 5xx is its failure.
        """
        for status, outcome in (
            (b"200", Outcome.OK),
            (b"404", Outcome.OK),
            (b"500", Outcome.SERVER_ERROR),
            (b"501", Outcome.SERVER_ERROR),
        ):
            self.play()
            self.send(GET).answer(OK.replace(b"200", status))
            self.assertEqual(self.outcomes, [outcome])
            self.assertEqual(self.stage.records[0].status, int(status))

    def test_times(self) -> None:
        """
        The log has when the request was here, when the response began, and when all was over.
        """
        self.play()
        begun = self.stage.clock.seconds()
        dialed = self.send(GET)
        self.stage.advance(2)
        dialed.answer(OK[:-1])
        self.stage.advance(1)
        dialed.answer(OK[-1:])
        record = self.stage.records[0]
        self.assertAlmostEqual(record.started, begun)
        self.assertAlmostEqual(record.firstByte, begun + 2)
        self.assertAlmostEqual(record.ended, begun + 3)
        self.assertEqual((record.bytesDown, record.served), (2, "web/b1"))

    def test_latency(self) -> None:
        """
        Pools learn how long the first byte took.
        """
        self.play()
        latencies: list[float] = []
        release = Lease.release

        def noting(lease: Lease, outcome: Outcome, latency: float = 0.0) -> None:
            latencies.append(latency)
            release(lease, outcome, latency)

        self.patch(Lease, "release", noting)
        dialed = self.send(GET)
        self.stage.advance(2)
        dialed.answer(OK[:-1])
        self.stage.advance(1)
        dialed.answer(OK[-1:])
        self.assertAlmostEqual(latencies[0], 2.0)

    def test_unanswered(self) -> None:
        """
        Of an exchange without an answer no byte and no time of one is told.
        """
        self.play()
        self.protocol.dataReceived(GET)
        self.wire.lose(LOST)
        record = self.stage.records[0]
        told = (record.status, record.bytesDown, record.firstByte, record.detail)
        self.assertEqual(told, (0, 0, 0.0, ""))
        self.assertGreaterEqual(record.ended, record.started)

    def test_whatTheConnectionShows(self) -> None:
        """
        Who the client is, and whether it came over TLS and for which name.
        """
        settings = HTTPSettings(secure=True, isTrusted=lambda peer: peer == "10.0.0.1")
        stage = Stage(settings=settings)
        protocol, _ = stage.connect("10.0.0.1")
        protocol.serverName = "shop.example"
        protocol.dataReceived(GET[:-2] + b"X-Forwarded-For: 192.0.2.9\r\n\r\n")
        exchange = protocol.exchange
        assert exchange is not None
        shown = (exchange.clientIP, exchange.secure, exchange.serverName)
        self.assertEqual(shown, ("192.0.2.9", True, "shop.example"))

    def test_servedByNobody(self) -> None:
        """
        A request that reached no backend names none.
        """
        self.play()
        self.protocol.dataReceived(b"bad\r\n\r\n")
        self.assertEqual(self.stage.records[0].served, "")
