"""
What if a backend is just slow? A second one is asked beside it, and the first answer is taken.

Only for requests without a body that may be repeated; a rival counts against the pool's retry
budget, so that a pool that is slow as a whole isn't asked twice for everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.l7.download import Body
from lbproxy.l7.trouble import IDEMPOTENT
from lbproxy.wire.http1 import ResponseHead

if TYPE_CHECKING:
    from lbproxy.l7.client import HTTPClientProtocol
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.plan import ProxyPlan
    from lbproxy.pool.lease import Lease

# Times to the first byte of which the percentile is taken, and how often it is taken anew.
_WINDOW = 512
_RENEW = 64


class HedgeDelay:
    """
    When a rival is asked: after fixed seconds, or a percentile of the pool's recent times.
    """

    __slots__ = ("_count", "_percentile", "_seconds", "_times")

    def __init__(self, seconds: float = 0.0, percentile: int = 0) -> None:
        """
        @param percentile: 1 to 99; 0 for fixed C{seconds}.
        """
        self._seconds = seconds
        self._percentile = percentile
        self._times: list[float] = []
        self._count = 0

    def note(self, latency: float) -> None:
        """
        A response's first byte took that long.
        """
        if not self._percentile:
            return
        if len(self._times) < _WINDOW:
            self._times.append(latency)
        else:
            self._times[self._count % _WINDOW] = latency
        self._count += 1
        if self._count % _RENEW == 0:
            ordered = sorted(self._times)
            self._seconds = ordered[len(ordered) * self._percentile // 100]

    def seconds(self) -> float:
        """
        How long to wait; 0 while too little is known.
        """
        return self._seconds


class Hedging:
    """
    How the requests of one pool are hedged.
    """

    __slots__ = ("clock", "delay", "most")

    def __init__(self, clock: IReactorTime, delay: HedgeDelay, most: int = 1) -> None:
        """
        @param most: how many rivals one request may have.
        """
        self.clock = clock
        self.delay = delay
        self.most = most

    def begin(self, exchange: Exchange, plan: ProxyPlan) -> Hedge | None:
        """
        Hedge an exchange whose request was sent, if it may be.
        """
        wait = self.delay.seconds()
        head = exchange.head
        if not wait or exchange.upload is not None or head.block.upgrade:
            return None
        if head.method not in IDEMPOTENT:
            return None
        return Hedge(self, exchange, plan, wait)


class Hedge:
    """
    The rivals of one exchange's backend.
    """

    __slots__ = ("_call", "_exchange", "_hedging", "_plan", "_wait", "asked", "rivals")

    def __init__(self, hedging: Hedging, exchange: Exchange, plan: ProxyPlan, wait: float) -> None:
        self._hedging = hedging
        self._exchange = exchange
        self._plan = plan
        self._wait = wait
        self.asked = 0
        self.rivals: list[Rival] = []
        self._call: IDelayedCall | None = hedging.clock.callLater(wait, self._ask)

    def _ask(self) -> None:
        self._call = None
        exchange = self._exchange
        tried = [rival.lease.backend for rival in self.rivals]
        if exchange.lease is not None:
            tried.append(exchange.lease.backend)
        try:
            lease = self._plan.upstream.pool.retry(exchange, tried)
        except NoBackendAvailable:
            return
        self.asked += 1
        rival = Rival(self, exchange, self._plan, lease)
        self.rivals.append(rival)
        if self.asked < self._hedging.most:
            self._call = self._hedging.clock.callLater(self._wait, self._ask)
        rival.begin()

    def won(self, rival: Rival, client: HTTPClientProtocol | None) -> None:
        """
        C{rival} has answered first: the exchange goes on with it, and the slow backend, which has
        done nothing wrong, is let go.
        """
        self.rivals.remove(rival)
        self.cancel()
        exchange = self._exchange
        former, exchange.client = exchange.client, client
        if former is not None:
            former.abandon()
        elif exchange.lease is not None:
            self._plan.upstream.cancel(exchange)
        if exchange.lease is not None:
            exchange.lease.release(Outcome.CLIENT_LEFT)
        exchange.lease = rival.lease
        exchange.backend = rival.lease.backend

    def lost(self, rival: Rival, outcome: Outcome, code: str, detail: str) -> None:
        """
        C{rival} failed. If it was the last one in the race, so has the exchange.
        """
        self.rivals.remove(rival)
        if self._exchange.lease is None and not self.rivals:
            self._exchange.lease = rival.lease
            self._exchange.responseBroken(outcome, code, detail, False)
        else:
            rival.lease.release(outcome)

    def cancel(self) -> None:
        """
        The race is over, or nobody wants its result.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        rivals, self.rivals = self.rivals, []
        for rival in rivals:
            rival.abandon()


class Rival:
    """
    One more backend that has the request: for its connection it stands in for the exchange.
    """

    __slots__ = (
        "_hedge",
        "client",
        "connection",
        "exchange",
        "firstByte",
        "head",
        "lease",
        "plan",
        "requestDone",
    )

    def __init__(self, hedge: Hedge, exchange: Exchange, plan: ProxyPlan, lease: Lease) -> None:
        self._hedge = hedge
        self.exchange = exchange
        self.connection = exchange.connection
        self.head = exchange.head
        self.plan = plan
        self.lease = lease
        self.requestDone = True
        self.firstByte = 0.0
        self.client: HTTPClientProtocol | None = None

    def begin(self) -> None:
        """
        Get a connection.
        """
        upstream = self.plan.upstream
        idle = upstream.idle.get(self.lease.backend)
        if idle:
            client, _ = idle.popitem()
            client.exchange = self
            self.upstreamReady(client)
        else:
            upstream.dial(self.lease.backend, self)

    def abandon(self) -> None:
        """
        Somebody else was faster.
        """
        if self.client is not None:
            self.client.abandon()
        else:
            self.plan.upstream.cancel(self)
        self.lease.release(Outcome.CLIENT_LEFT)

    # What its connection tells.

    def upstreamReady(self, client: HTTPClientProtocol) -> None:
        """
        Connected.
        """
        self.client = client
        client.send(self.plan.requestHead(self.exchange))

    def connectFailed(self, failure: Failure) -> None:
        """
        Not connected.
        """
        reason = failure.getErrorMessage()
        self._hedge.lost(self, Outcome.CONNECT_FAILED, "connectFailed", reason)

    def informational(self, head: ResponseHead) -> None:
        """
        Only the winner's interim responses would count, and who that is isn't known yet.
        """

    def retryable(self, head: ResponseHead) -> bool:
        """
        One race is enough.
        """
        return False

    def wholeResponse(self, head: ResponseHead, payload: bytes) -> None:
        """
        First, and all at once.
        """
        self.responseReceived(head, None, payload, True)

    def responseReceived(
        self, head: ResponseHead, body: Body | None, payload: bytes, done: bool
    ) -> None:
        """
        First.
        """
        client, exchange = self.client, self.exchange
        exchange.firstByte = self.firstByte
        if client is not None and not done:
            client.exchange = exchange
        self._hedge.won(self, client)
        exchange.responseReceived(head, body, payload, done)

    def responseData(self, payload: bytes, done: bool) -> None:
        """
        Goes to the exchange itself once the rival has won.
        """
        self.exchange.responseData(payload, done)

    def upgraded(self, head: ResponseHead, client: HTTPClientProtocol, rest: bytes) -> None:
        """
        Never: upgrades aren't hedged.
        """
        raise AssertionError("a hedged request was upgraded")

    def responseBroken(self, outcome: Outcome, code: str, detail: str, silent: bool) -> None:
        """
        Out of the race.
        """
        self.client = None
        self._hedge.lost(self, outcome, code, detail)
