"""
What do all connections of one HTTP listener share?
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from lbproxy.l7.answers import NoRoutePlan
from lbproxy.l7.connection import ClientConnection
from lbproxy.l7.forwarding import Hop
from lbproxy.l7.headers import DateLine
from lbproxy.l7.plan import Plan
from lbproxy.l7.replies import ErrorPages
from lbproxy.l7.routing import RouteTable
from lbproxy.l7.rules import Rules
from lbproxy.l7.server import HTTPServerProtocol
from lbproxy.net.deadlines import HORIZON, Deadlines
from lbproxy.wire.http1 import DEFAULT_LIMITS, HeadLimits

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.serving import Serving


class AcceptingPort(Protocol):
    """
    Where connections come in.
    """

    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ServerTimeouts:
    """
    Seconds that a client may take: for a whole request head, between two requests, between two
    reads of a body, and for the silence in an upgraded connection.
    """

    requestHead: float = 10.0
    keepAlive: float = 60.0
    body: float = 30.0
    idle: float = 300.0


def _nobody(address: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class HTTPSettings:
    """
    How a listener treats its clients.

    @ivar bodyLimit: bytes of a request's body; 0 for no limit.
    @ivar isTrusted: whether a peer's word on the client's address is believed.
    @ivar admits: whether a client's address may come in; L{None}: everybody may.
    @ivar maxConnections: 0 for no limit; over it new ones wait in the kernel's backlog.
    @ivar maxConnectionsPerIP: 0 for no limit; over it a connection's first request is answered 429.
    @ivar record: told of each exchange at its end, for the access log.
    @ivar explain: says what would be done with a request that has the field X-LB-Explain.
    """

    name: str = "http"
    secure: bool = False
    limits: HeadLimits = DEFAULT_LIMITS
    bodyLimit: int = 0
    timeouts: ServerTimeouts = field(default_factory=ServerTimeouts)
    isTrusted: Callable[[str], bool] = _nobody
    admits: Callable[[str], bool] | None = None
    maxConnections: int = 0
    maxConnectionsPerIP: int = 0
    errorPages: ErrorPages = field(default_factory=ErrorPages)
    record: Callable[[Serving], object] | None = None
    explain: Callable[[Exchange], str] | None = None


@dataclass(slots=True)
class Counters:
    """
    What a listener has done so far.

    @ivar statuses: requests answered, by the first digit of their status; 0: not answered.
    """

    connections: int = 0
    statuses: list[int] = field(default_factory=lambda: [0] * 10)

    @property
    def requests(self) -> int:
        """
        All of them.
        """
        return sum(self.statuses)


class HTTPFactory(Factory):
    """
    Makes the connections of one listener and keeps what they share.

    @ivar only: the plan that every plain request gets, where there is nothing to choose.
    @ivar draining: connections end with the response in hand.
    @ivar overloaded: requests are turned away, because serving them would take too long.
    """

    noisy = False
    log = Logger()

    def __init__(
        self,
        routes: RouteTable[Plan],
        settings: HTTPSettings,
        deadlines: Deadlines,
        seconds: Callable[[], float],
        now: Callable[[], float] = time.time,
    ) -> None:
        """
        @param seconds: the clock of deadlines.
        @param now: seconds since the epoch, for what clients and logs get to see.
        """
        self.settings = settings
        self.limits = settings.limits
        self.bodyLimit = settings.bodyLimit
        self.timeouts = settings.timeouts
        self.keepAlive = settings.timeouts.keepAlive
        # The wheel must be told of it.
        self.isShort = self.keepAlive < HORIZON
        self.secure = settings.secure
        self.errorPages = settings.errorPages
        self.rules = Rules(settings.admits, settings.explain)
        self.deadlines = deadlines
        self.seconds = seconds
        self.now = now
        self.draining = False
        self.overloaded = False
        self.counters = Counters()
        self._routes = routes
        self.only = routes.only
        self._record = settings.record
        self._connections: dict[ClientConnection, None] = {}
        self._perIP: dict[str, int] = {}
        self._ports: list[AcceptingPort] = []
        self._full = False
        self._date = DateLine()
        #: A name for a request that brought none.
        self.nextRequestID: Callable[[], bytes] = _names(secrets.token_hex(6)).__next__
        self._drained: Deferred[None] | None = None
        self._failedAt = 0
        self._failed: set[tuple[str, str]] = set()

    def buildProtocol(self, addr: IAddress | None) -> Any:
        return HTTPServerProtocol(self)

    def planFor(self, exchange: Exchange) -> Plan:
        """
        @raise BadMessage: the path cannot be understood.
        @raise DownstreamError: the path is ambiguous.
        """
        return self._routes.find(exchange) or _NO_ROUTE

    def hopOf(self, peer: str) -> Hop:
        """
        What a connection from C{peer} is to be told of.
        """
        return Hop(peer, self.secure, self.settings.isTrusted(peer))

    def dateLine(self) -> bytes:
        """
        The C{Date} line of this second.
        """
        return self._date.line(self.now())

    # What connections report.

    def addPort(self, port: AcceptingPort) -> None:
        """
        Connections come from C{port}: it is paused while there are too many.
        """
        self._ports.append(port)

    def connectionOpened(self, connection: HTTPServerProtocol) -> bool:
        """
        @return: whether its address may have one more.
        """
        self.counters.connections += 1
        connections = self._connections
        connections[connection] = None
        settings = self.settings
        if settings.maxConnections and len(connections) >= settings.maxConnections:
            self._setFull(True)
        if not settings.maxConnectionsPerIP:
            return True
        count = self._perIP[connection.peer] = self._perIP.get(connection.peer, 0) + 1
        return count <= settings.maxConnectionsPerIP

    def connectionClosed(self, connection: ClientConnection) -> None:
        """
        A connection, or the tunnel that it had become, is gone.
        """
        self._connections.pop(connection, None)
        if self._full and len(self._connections) < self.settings.maxConnections:
            self._setFull(False)
        if self._perIP:
            self._perIP[connection.peer] -= 1
            if not self._perIP[connection.peer]:
                del self._perIP[connection.peer]
        if self._drained is not None and not self._connections:
            drained, self._drained = self._drained, None
            drained.callback(None)

    def _setFull(self, full: bool) -> None:
        self._full = full
        for port in self._ports:
            if full:
                port.pauseProducing()
            else:
                port.resumeProducing()

    def exchangeEnded(self, exchange: Serving) -> None:
        """
        An exchange is over: count it, log it.
        """
        self.counters.statuses[exchange.status // 100] += 1
        record = self._record
        if record is not None:
            record(exchange)

    def backendFailed(self, exchange: Exchange) -> None:
        """
        A backend failed an exchange before its response had begun.

        Told once a second for each backend and reason: under load a dead one fails thousands of
        times until it is marked down, and the access log has each request anyway.
        """
        second = int(self.seconds())
        if second != self._failedAt:
            self._failedAt = second
            self._failed.clear()
        if (exchange.served, exchange.code) in self._failed:
            return
        self._failed.add((exchange.served, exchange.code))
        self.log.warn(
            "backend {backend} failed: {code}: {detail}",
            backend=exchange.served,
            code=exchange.code,
            detail=exchange.detail,
        )

    # Stopping.

    @property
    def active(self) -> int:
        """
        Connections open now.
        """
        return len(self._connections)

    def drain(self) -> Deferred[None]:
        """
        Let each connection end with what it has in hand.

        @return: fires when there is none left. Cancelling it aborts those that are.
        """
        self.draining = True
        for connection in list(self._connections):
            connection.closeIdle()
        if not self._connections:
            return succeed(None)
        self._drained = Deferred(lambda _: self.abortAll())
        return self._drained

    def abortAll(self) -> None:
        """
        Reset every connection.
        """
        for connection in list(self._connections):
            connection.abandon()


_NO_ROUTE = NoRoutePlan()

# The last digits of names, ready to be put behind the first ones.
_ENDINGS = tuple(b"%03x" % number for number in range(4096))


def _names(prefix: str) -> Iterator[bytes]:
    """
    Names without end, each with 8 digits behind C{prefix}. No step of Python's is made for one.
    """

    def named(beginning: int) -> Iterator[bytes]:
        return map(f"{prefix}{beginning:05x}".encode("ascii").__add__, _ENDINGS)

    return chain.from_iterable(map(named, count()))
