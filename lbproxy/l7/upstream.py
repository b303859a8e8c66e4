"""
How does an exchange get its connection to a backend: an idle one, or a new one?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lbproxy.l7.client import HTTPClientProtocol
from lbproxy.l7.served import Served
from lbproxy.l7.upload import HOLD_LIMIT
from lbproxy.net.deadlines import HORIZON, Deadlines
from lbproxy.wire.http1 import DEFAULT_LIMITS, HeadLimits

if TYPE_CHECKING:
    from lbproxy.l7.hedging import Hedging
    from lbproxy.pool.backend import Backend
    from lbproxy.pool.pool import Pool


class Cancellable(Protocol):
    """
    A dial under way.
    """

    def cancel(self) -> None: ...


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """
    How connections to a pool's backends are used. Times are seconds; C{perTryTimeout} is for one
    attempt's response head, 0 for C{headTimeout} alone; C{bodyLimit} is in bytes: a longer request
    body is not held, and so not sent again.
    """

    headTimeout: float = 60.0
    idleTimeout: float = 60.0
    idlePerBackend: int = 64
    keepAliveTimeout: float = 60.0
    maxRequests: int = 0
    attempts: int = 2
    perTryTimeout: float = 0.0
    bodyLimit: int = HOLD_LIMIT
    retryOn: frozenset[str | int] = frozenset(("connect", "reset", 502, 503, 504))
    limits: HeadLimits = DEFAULT_LIMITS


class Upstream:
    """
    The connections to one pool's backends.

    @ivar idle: those that wait for an exchange, the last one used at the end.
    """

    __slots__ = (
        "_dial",
        "_dialing",
        "_idlePerBackend",
        "_keepAliveTimeout",
        "_maxRequests",
        "attempts",
        "bodyLimit",
        "deadlines",
        "headTimeout",
        "hedging",
        "idle",
        "idleTimeout",
        "limits",
        "pool",
        "retryOn",
        "seconds",
    )

    def __init__(
        self,
        pool: Pool,
        dial: Callable[[Backend, HTTPClientProtocol], Cancellable],
        deadlines: Deadlines,
        seconds: Callable[[], float],
        settings: UpstreamSettings,
        hedging: Hedging | None = None,
    ) -> None:
        """
        @param hedging: L{None}: requests aren't hedged.
        @param dial: starts a connection for a protocol; its C{connectionMade} or C{connectFailed}
            follows.
        """
        self.pool = pool
        self.deadlines = deadlines
        self.seconds = seconds
        perTry = settings.perTryTimeout
        self.headTimeout = min(perTry or settings.headTimeout, settings.headTimeout)
        self.bodyLimit = settings.bodyLimit
        self.hedging = hedging
        self.idleTimeout = settings.idleTimeout
        self.limits = settings.limits
        self.attempts = settings.attempts
        # Who limits each try wants another one after it.
        self.retryOn = settings.retryOn | ({"timeout"} if perTry else set())
        self._idlePerBackend = settings.idlePerBackend
        self._keepAliveTimeout = settings.keepAliveTimeout
        self._maxRequests = settings.maxRequests
        self._dial = dial
        # Inside, dictionaries for their order: any of thousands may leave at any time.
        self.idle: dict[Backend, dict[HTTPClientProtocol, None]] = {}
        self._dialing: dict[Served, tuple[Cancellable, HTTPClientProtocol]] = {}

    def dial(self, backend: Backend, exchange: Served) -> None:
        """
        Give C{exchange} a new connection; its C{upstreamReady} or C{connectFailed} is called,
        perhaps before this returns.
        """
        if backend not in self.idle:
            self.idle[backend] = {}
        client = HTTPClientProtocol(self, backend, exchange)
        dialing = self._dial(backend, client)
        if client.exchange is exchange and client.transport is None:
            self._dialing[exchange] = (dialing, client)

    def dialed(self, exchange: Served) -> None:
        """
        The dial for C{exchange} is over, either way.
        """
        self._dialing.pop(exchange, None)

    def cancel(self, exchange: Served) -> None:
        """
        Nobody waits for the connection any more.
        """
        entry = self._dialing.pop(exchange, None)
        if entry is not None:
            dialing, client = entry
            client.exchange = None
            dialing.cancel()

    def park(self, client: HTTPClientProtocol, now: float) -> None:
        """
        Keep a connection for the next exchange, within bounds.
        """
        backend, wait = client.backend, self._keepAliveTimeout
        idle = self.idle.get(backend)
        # Without a place of its own the backend was forgotten since this connection was dialed.
        if idle is None or len(idle) >= self._idlePerBackend or client.served == self._maxRequests:
            client.close()
            return
        client.deadline = now + wait
        if wait < HORIZON:
            self.deadlines.watch(client)
        idle[client] = None

    def lost(self, client: HTTPClientProtocol) -> None:
        """
        A connection is gone or about to go.
        """
        idle = self.idle.get(client.backend)
        if idle:
            idle.pop(client, None)

    def forget(self, backend: Backend) -> None:
        """
        C{backend} is down or has left: close the connections to it, those that are busy when they
        have ended what they do.
        """
        for client in self.idle.pop(backend, ()):
            client.close()

    def stop(self) -> None:
        """
        Close all idle connections.
        """
        for backend in list(self.idle):
            self.forget(backend)
