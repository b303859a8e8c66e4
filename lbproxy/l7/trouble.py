"""
What if a backend can't be had, or fails? The second chances of one exchange.

Made only when something goes wrong: an exchange that goes well costs nothing here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from twisted.internet import error
from twisted.python.failure import Failure

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.lease import Lease
from lbproxy.pool.refusal import Refused

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.plan import ProxyPlan
    from lbproxy.pool.backend import Backend
    from lbproxy.pool.context import Context
    from lbproxy.pool.waiting import Wait

# RFC 9110 9.2.2: what a proxy may repeat on its own.
IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"TRACE", b"PUT", b"DELETE"))


class Trouble:
    """
    Waits for a free backend, tries another one, or says what status it has come to.
    """

    __slots__ = ("_exchange", "_left", "_plan", "_status", "_tried", "_wait")

    def __init__(self, exchange: Exchange, plan: ProxyPlan) -> None:
        self._exchange = exchange
        self._plan = plan
        self._left = plan.upstream.attempts
        self._tried: tuple[Backend, ...] = ()
        self._status = 503
        self._wait: Wait | None = None

    # A backend is not to be had.

    def refused(self, none: NoBackendAvailable) -> None:
        """
        The pool has nobody: wait for one if that can help, else 503.
        """
        if isinstance(none, Refused) and none.mayWait:
            # The answer may come before this returns.
            wait = self._plan.upstream.pool.wait(self._exchange, self, self._tried)
            exchange = self._exchange
            if exchange.lease is None and not exchange.over:
                self._wait = wait
            return
        self.leaseRefused(none)

    def leaseGranted(self, lease: Lease) -> None:
        """
        The wait was worth it.
        """
        self._wait = None
        self._exchange.lease = lease
        self._exchange.connect(self._plan, lease)

    def leaseRefused(self, error: NoBackendAvailable) -> None:
        """
        There is nobody, and it's no use waiting.
        """
        self._wait = None
        exchange = self._exchange
        extra = b""
        if self._status == 503:
            exchange.code, exchange.detail = "noBackend", error.reason
            after = error.retryAfter if isinstance(error, Refused) else 0.0
            extra = b"Retry-After: %d\r\n" % max(1, math.ceil(after)) if after else b""
        exchange.fail(self._status, extra)

    def cancel(self) -> None:
        """
        The client left.
        """
        if self._wait is not None:
            self._wait.cancel()
            self._wait = None

    # A backend failed.

    def connectFailed(self, lease: Lease, failure: Failure) -> None:
        """
        Nothing was sent: any request may go to another backend.
        """
        timedOut = isinstance(failure.value, error.TimeoutError)
        outcome = Outcome.TIMED_OUT if timedOut else Outcome.CONNECT_FAILED
        code = "connectTimeout" if timedOut else "connectFailed"
        self._failed(lease, outcome, code, failure.getErrorMessage())
        # Nothing was sent, so nothing is sent twice: that is not what the retry budget is for.
        again = self._plan.upstream.pool.acquire
        self._again("connect" in self._plan.upstream.retryOn, again)

    def broken(self, lease: Lease, outcome: Outcome, code: str, detail: str) -> None:
        """
        It was sent, but no response came: only what may be repeated goes to another backend.
        """
        self._failed(lease, outcome, code, detail)
        reason = "timeout" if outcome is Outcome.TIMED_OUT else "reset"
        wanted = reason in self._plan.upstream.retryOn and outcome is not Outcome.BAD_RESPONSE
        self._again(wanted and mayRepeat(self._exchange), self._plan.upstream.pool.retry)

    def _failed(self, lease: Lease, outcome: Outcome, code: str, detail: str) -> None:
        exchange = self._exchange
        exchange.code, exchange.detail = code, f"{lease.backend.name}: {detail}"
        self._status = 504 if outcome is Outcome.TIMED_OUT else 502
        lease.release(outcome)
        exchange.connection.factory.backendFailed(exchange)
        self._tried = (*self._tried, lease.backend)

    def _again(self, allowed: bool, take: Callable[[Context, Collection[Backend]], Lease]) -> None:
        if not allowed or self._left <= 0:
            self._exchange.fail(self._status)
            return
        self._left -= 1
        exchange = self._exchange
        try:
            exchange.lease = lease = take(exchange, self._tried)
        except NoBackendAvailable as none:
            self.refused(none)
            return
        exchange.connect(self._plan, lease)

    def otherThan(self, lease: Lease) -> bool:
        """
        A response came whose status is one to try again: begin with another backend, if one is
        free and the request may be repeated.

        @return: whether that has begun. If not, the response is passed on.
        """
        exchange = self._exchange
        if self._left <= 0 or not mayRepeat(exchange):
            return False
        tried = (*self._tried, lease.backend)
        try:
            following = self._plan.upstream.pool.retry(exchange, tried)
        except NoBackendAvailable:
            return False
        self._left -= 1
        self._tried = tried
        lease.release(Outcome.SERVER_ERROR)
        exchange.lease = following
        exchange.client = None
        exchange.connect(self._plan, following)
        return True


def mayRepeat(exchange: Exchange) -> bool:
    """
    Whether the request may be sent again although a backend has seen it: its method is idempotent
    and its body still there.
    """
    upload = exchange.upload
    return exchange.head.method in IDEMPOTENT and (upload is None or upload.intact)
