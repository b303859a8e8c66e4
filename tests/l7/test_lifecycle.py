"""
Whatever clients, backends and time do, in whatever order: nothing breaks, nothing is left behind.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.error import TimeoutError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.l7.factory import HTTPSettings, ServerTimeouts
from lbproxy.l7.hedging import HedgeDelay, Hedging
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan, ProxyChanges, ProxyPlan
from lbproxy.l7.routing import Route
from lbproxy.l7.server import HTTPServerProtocol
from lbproxy.l7.upstream import UpstreamSettings
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.lease import Lease
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from tests.l7.doubles import DONE, GET, LOST, OK, Dialed, Stage
from tests.l7.slowwire import BUFFER, SlowWire, connectSlowly

PUT = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 6\r\n\r\n"
POST = GET.replace(b"GET", b"POST")[:-2] + b"Transfer-Encoding: chunked\r\n\r\n"
EXPECT = PUT[:-2] + b"Expect: 100-continue\r\n\r\n"
BIG = b"x" * (BUFFER + 1)
FROM_CLIENTS = [
    GET,
    GET + GET,
    GET[:20],
    GET[20:],
    GET.replace(b"GET", b"HEAD"),
    GET[:-2] + b"Connection: close\r\n\r\n",
    GET.replace(b"1.1", b"1.0"),
    GET.replace(b"/ ", b"/timed "),
    PUT,
    PUT + b"abcdef",
    PUT + b"abcdef" + GET,
    EXPECT,
    b"abc",
    POST + b"3\r\nabc\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"nonsense\r\n\r\n",
    BIG,
]
FROM_BACKENDS = [
    OK,
    OK[:25],
    OK[25:],
    OK + b"x",
    OK.replace(b"200 OK", b"503 Busy"),
    OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"3\r\nabc\r\n",
    b"0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BIG), BIG),
    b"nonsense",
]


class Life(RuleBasedStateMachine):
    """
    Two clients, two backends with room for one each, a queue, and everything that can happen.
    """

    def __init__(self) -> None:
        super().__init__()
        self.released: Counter[int] = Counter()
        self.leases: list[Lease] = []
        self.stage = self._stage()
        self.clients: list[tuple[HTTPServerProtocol, SlowWire]] = []
        self.failures: list[object] = []
        self.stage.deadlines._log.failure = (  # type: ignore[method-assign]
            lambda *arguments, **values: self.failures.append(values)
        )

    def _stage(self) -> Stage:
        def routes(plain: Plan) -> list[Route[Plan]]:
            assert isinstance(plain, ProxyPlan)
            timed = ProxyPlan(plain.upstream, ProxyChanges(timeout=4.0))
            return [Route(Match(paths=[b"/timed"]), timed), Route(Match(), plain)]

        stage = Stage(
            ("b1", "b2"),
            settings=HTTPSettings(timeouts=ServerTimeouts(10, 15, 8, 20)),
            routes=routes,
            upstream=UpstreamSettings(headTimeout=12, idleTimeout=6, keepAliveTimeout=9),
        )
        specs = [
            BackendSpec(name, backend.address, maxConnections=1)
            for name, backend in stage.pool.backends.items()
        ]
        life = self

        class CountingPool(Pool):
            """
            Keeps the leases that it gave.
            """

            def acquire(self, context: Any, exclude: Any = ()) -> Lease:
                lease = super().acquire(context, exclude)
                life.leases.append(lease)
                return lease

            def retry(self, context: Any, exclude: Any) -> Lease:
                lease = super().retry(context, exclude)
                life.leases[-1] = lease  # made from the one just taken
                return lease

        policy = Policy(queue=QueueSettings(size=2, timeout=3))
        pool = CountingPool("web", specs, seconds=stage.clock.seconds, policy=policy)
        stage.pool = stage.upstream.pool = pool
        return stage

    # Clients

    @precondition(lambda self: len(self.clients) < 4)
    @rule()
    def clientConnects(self) -> None:
        """
        One more.
        """
        self.clients.append(connectSlowly(self.stage))

    def _client(self, number: int) -> tuple[HTTPServerProtocol, SlowWire] | None:
        here = [each for each in self.clients if each[1].protocol is not None]
        return here[number % len(here)] if here else None

    @rule(number=st.integers(0, 3), data=st.sampled_from(FROM_CLIENTS))
    def clientSends(self, number: int, data: bytes) -> None:
        """
        Something, if it is read.
        """
        client = self._client(number)
        if client is not None:
            protocol, wire = client
            if wire.producerState == "producing" and not wire.disconnecting:
                protocol.dataReceived(data)

    @rule(number=st.integers(0, 3), size=st.sampled_from([100, BUFFER, 1 << 30]))
    def clientReads(self, number: int, size: int) -> None:
        """
        Some of what was written to it.
        """
        client = self._client(number)
        if client is not None:
            client[1].read(size)

    @rule(number=st.integers(0, 3))
    def clientShuts(self, number: int) -> None:
        """
        Its sending side, which is noticed when it is read.
        """
        client = self._client(number)
        if client is not None:
            protocol, wire = client
            if wire.producerState == "producing" and not wire.disconnecting:
                wire.producerState = "stopped"
                protocol.readConnectionLost()

    @rule(number=st.integers(0, 3), reason=st.sampled_from([DONE, LOST]))
    def clientLeaves(self, number: int, reason: Any) -> None:
        """
        Its connection is gone.
        """
        client = self._client(number)
        if client is not None:
            client[1].lose(reason)

    # Backends

    def _dialing(self) -> list[Dialed]:
        return [d for d in self.stage.dials if not d.accepted and not d.cancelled]

    def _connected(self) -> list[Dialed]:
        return [d for d in self.stage.dials if d.accepted and d.wire.protocol is not None]

    @precondition(lambda self: self._dialing())
    @rule()
    def backendAccepts(self) -> None:
        """
        The oldest dial.
        """
        dialed = self._dialing()[0]
        dialed.wire = SlowWire()
        dialed.accept()

    @precondition(lambda self: self._dialing())
    @rule(slow=st.booleans())
    def backendRefuses(self, slow: bool) -> None:
        """
        The oldest dial.
        """
        dialed = self._dialing()[0]
        dialed.accepted = True
        dialed.wire.protocol = None
        dialed.refuse(TimeoutError() if slow else None)

    @precondition(lambda self: self._connected())
    @rule(number=st.integers(0, 3), data=st.sampled_from(FROM_BACKENDS))
    def backendSends(self, number: int, data: bytes) -> None:
        """
        Something, if it is read.
        """
        connected = self._connected()
        dialed = connected[number % len(connected)]
        if dialed.wire.producerState == "producing" and not dialed.wire.disconnecting:
            dialed.answer(data)

    @precondition(lambda self: self._connected())
    @rule(number=st.integers(0, 3))
    def backendReads(self, number: int) -> None:
        """
        What it was sent.
        """
        connected = self._connected()
        wire = connected[number % len(connected)].wire
        assert isinstance(wire, SlowWire)
        wire.read()

    @precondition(lambda self: self._connected())
    @rule(number=st.integers(0, 3), reason=st.sampled_from([DONE, LOST]))
    def backendLeaves(self, number: int, reason: Any) -> None:
        """
        Its connection is gone.
        """
        connected = self._connected()
        connected[number % len(connected)].wire.lose(reason)

    # Time

    @rule(seconds=st.sampled_from([0.1, 0.3, 1.0, 5.0, 20.0]))
    def timePasses(self, seconds: float) -> None:
        """
        In steps.
        """
        self.stage.advance(seconds)
        self.stage.pool.tick()

    @rule()
    def drain(self) -> None:
        """
        The listener is to end.
        """
        self.stage.factory.drain()

    # What holds

    @invariant()
    def nothingBreaks(self) -> None:
        """
        No deadline has raised.
        """
        assert self.failures == [], self.failures

    @invariant()
    def leasesBelongToExchanges(self) -> None:
        """
        As many leases are held as exchanges hold.
        """
        held = sum(not lease.released for lease in self.leases)
        served = [protocol.exchange for protocol, _ in self.clients if protocol.exchange]
        leases = [exchange.lease for exchange in served if exchange.lease is not None]
        rivals = [exchange.hedge.rivals for exchange in served if exchange.hedge is not None]
        assert held == len(leases) + sum(map(len, rivals))
        assert held == self.stage.pool.active

    @invariant()
    def eachIsRecordedOnce(self) -> None:
        """
        And not before it is over.
        """
        records = self.stage.records
        assert len({id(record) for record in records}) == len(records)
        assert all(record.over for record in records)

    @invariant()
    def memoryIsBounded(self) -> None:
        """
        Nothing is held beyond what queues may hold and one read more.
        """
        for protocol, wire in self.clients:
            assert len(protocol._held) <= 2 * BUFFER
            assert wire.queued <= 3 * BUFFER, wire.queued
        for dialed in self._connected():
            assert len(dialed.wire.value()) <= 4 * BUFFER

    @invariant()
    def idleOnesAreIdle(self) -> None:
        """
        A connection that waits for a request serves none, and is open.
        """
        for clients in self.stage.upstream.idle.values():
            for client in clients:
                assert client.exchange is None
                assert not client._closed

    def teardown(self) -> None:
        """
        In the end all is over: nothing waits, no use of a backend is left, every exchange is
        recorded.
        """
        self.stage.factory.abortAll()
        for _, wire in self.clients:
            if wire.protocol is not None:
                wire.lose(LOST)
        assert self.stage.pool.active == 0
        assert all(lease.released for lease in self.leases)
        assert len(self.stage.pool.admission.room) == 0
        assert self.stage.factory.active == 0
        assert not self.stage.upstream._dialing
        self.nothingBreaks()
        self.stage.upstream.stop()
        for dialed in self._connected():
            dialed.wire.lose(DONE)
        assert not any(self.stage.upstream.idle.values())
        assert all(not isinstance(outcome, Outcome) for outcome in self.failures)


class HedgedLife(Life):
    """
    The same, where slow backends get rivals.
    """

    def _stage(self) -> Stage:
        stage = super()._stage()
        stage.upstream.hedging = Hedging(stage.clock, HedgeDelay(0.2), 1)
        return stage


class LifecycleTests(SynchronousTestCase):
    """
    All of it.
    """

    def test_anyOrder(self) -> None:
        """
        Clients that send, read, shut and leave; backends that accept, refuse, answer, stall and
        leave; time that passes and a drain: in any order leases are given back once, exchanges
        recorded once, memory bounded, and nothing raises.
        """
        run_state_machine_as_test(Life, settings=settings(max_examples=60, stateful_step_count=40))

    def test_withRivals(self) -> None:
        """
        Neither does a race between backends change that.
        """
        chosen = settings(max_examples=60, stateful_step_count=40)
        run_state_machine_as_test(HedgedLife, settings=chosen)
