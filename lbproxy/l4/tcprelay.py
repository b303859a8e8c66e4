"""
Who relays TCP? A listener's factory: it admits clients, counts them, and lets them end in peace.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred, gatherResults, succeed
from twisted.internet.interfaces import IProtocolFactory
from zope.interface import implementer

from lbproxy.l4.relayrecord import RelayRecord
from lbproxy.l4.tcpconnection import TCPConnection
from lbproxy.l4.tcproutes import RouteTable, TCPRoute
from lbproxy.net.bandwidth import Bandwidth
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.pipe import Pipe
from lbproxy.net.pipeside import Ending


class Port(Protocol):
    """
    What a relay does with its listening sockets.
    """

    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def stopListening(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """
    How a listener treats its connections. Times are seconds; 0 means no limit everywhere.

    C{maxAge} is shortened by up to a tenth, differently for each connection, so that those that
    came together do not all come back together. Bandwidths are in bytes per second, C{up} from the
    client; C{totalUp} and C{totalDown} are for all connections together.
    """

    idleTimeout: float = 0.0
    helloTimeout: float = 10.0
    maxAge: float = 0.0
    maxConnections: int = 0
    maxConnectionsPerIP: int = 0
    up: int = 0
    down: int = 0
    totalUp: int = 0
    totalDown: int = 0


@implementer(IProtocolFactory)
class TCPRelay:
    """
    Everything that the connections of one listener share.

    @ivar connections: those that are not over yet.
    @ivar total: connections ever, without those that were refused at the door.
    @ivar refused: refused at the door, by C{allowed}, C{limited} or C{maxConnectionsPerIP}.
    @ivar only: the route, where there is nothing to choose.
    """

    def __init__(
        self,
        name: str,
        routes: Iterable[TCPRoute],
        deadlines: Deadlines,
        settings: RelaySettings = RelaySettings(),
        *,
        allowed: Callable[[str], bool] | None = None,
        limited: Callable[[str], bool] | None = None,
        log: Callable[[RelayRecord], object] | None = None,
        kernelPipes: KernelPipes | None = None,
        rng: random.Random | None = None,
        tls: Any = None,
    ) -> None:
        """
        @param name: the listener's.
        @param allowed: whether an address, as numeric text, may come at all.
        @param limited: whether it comes too often now; counts it.
        @param log: told of each connection after its end.
        @param kernelPipes: L{None}: never splice.
        @param tls: a L{lbproxy.net.tls.server.ServerTLS}: end TLS here, except for routes that pass
            it through. The ports then have to be plain. Where no route does, give it to the ports.
        """
        self.name = name
        self.settings = settings
        self.deadlines = deadlines
        self.seconds = deadlines.seconds
        self.log = log
        self.kernelPipes = kernelPipes
        self.tls = tls
        self.connections: set[TCPConnection] = set()
        self.active = 0
        self.total = 0
        self.refused = 0
        self._allowed = allowed
        self._tooOften = limited
        self._rng = rng or random.Random()
        self._ports: list[Port] = []
        self._perIP: dict[str, int] = {}
        self._full = False
        self._endedUp = 0
        self._endedDown = 0
        self._waiting: list[Deferred[None]] = []
        self._totalUp = _bandwidths(settings.totalUp)
        self._totalDown = _bandwidths(settings.totalDown)
        self._limited = bool(settings.up or settings.down or settings.totalUp or settings.totalDown)
        self._counted = bool(settings.maxConnections or settings.maxConnectionsPerIP)
        self._guarded = bool(allowed or limited or settings.maxConnectionsPerIP)
        self.replaceRoutes(routes)

    def replaceRoutes(self, routes: Iterable[TCPRoute]) -> None:
        """
        From now on new connections take these; those there are stay where they are.
        """
        listed = tuple(routes)
        self.routes = RouteTable(listed)
        self.only: TCPRoute | None = listed[0] if self.routes.unconditional else None

    # -- the door

    def doStart(self) -> None:
        """
        A port begins to use this.
        """

    def doStop(self) -> None:
        """
        A port is closed.
        """

    def buildProtocol(self, address: Any) -> TCPConnection | None:
        """
        @return: L{None} for those who may not come in: they are closed at once.
        """
        if self._guarded and not self._admits(getattr(address, "host", "")):
            return None
        return TCPConnection(self)

    def _admits(self, clientIP: str) -> bool:
        limit = self.settings.maxConnectionsPerIP
        admitted = (
            (self._allowed is None or self._allowed(clientIP))
            and not (limit and self._perIP.get(clientIP, 0) >= limit)
            and not (self._tooOften is not None and self._tooOften(clientIP))
        )
        if not admitted:
            self.refused += 1
        return admitted

    def addPort(self, port: Port) -> None:
        """
        Connections come from C{port}: it is paused while there are too many.
        """
        self._ports.append(port)
        if self._full:
            port.pauseProducing()

    # -- counting

    def opened(self, connection: TCPConnection) -> None:
        """
        For L{TCPConnection}: one more.
        """
        self.connections.add(connection)
        self.total += 1
        self.active += 1
        if not self._counted:
            return
        settings = self.settings
        if settings.maxConnectionsPerIP:
            clientIP = connection.context.clientIP
            self._perIP[clientIP] = self._perIP.get(clientIP, 0) + 1
        if settings.maxConnections and self.active >= settings.maxConnections and not self._full:
            self._full = True
            for port in self._ports:
                port.pauseProducing()

    def closed(self, connection: TCPConnection, up: int, down: int) -> None:
        """
        For L{TCPConnection}: one less, after so many bytes.
        """
        self.connections.discard(connection)
        self.active -= 1
        self._endedUp += up
        self._endedDown += down
        if self._counted:
            self._leave(connection)
        if self._waiting and not self.connections:
            waiting, self._waiting = self._waiting, []
            for deferred in waiting:
                deferred.callback(None)

    def _leave(self, connection: TCPConnection) -> None:
        settings = self.settings
        if settings.maxConnectionsPerIP:
            clientIP = connection.context.clientIP
            count = self._perIP[clientIP] - 1
            if count:
                self._perIP[clientIP] = count
            else:
                del self._perIP[clientIP]
        if self._full and self.active < settings.maxConnections:
            self._full = False
            for port in self._ports:
                port.resumeProducing()

    @property
    def bytesUp(self) -> int:
        """
        Bytes from clients, of all connections ever.
        """
        return self._endedUp + sum(connection.bytesUp for connection in self.connections)

    @property
    def bytesDown(self) -> int:
        """
        Bytes from backends, of all connections ever.
        """
        return self._endedDown + sum(connection.bytesDown for connection in self.connections)

    def pipe(self, client: Any, backend: Any, whenDone: Callable[[Pipe], object]) -> Pipe:
        """
        Couple a client and a backend, as the settings have it.
        """
        settings, deadlines, kernelPipes = self.settings, self.deadlines, self.kernelPipes
        idle = settings.idleTimeout
        if not self._limited:
            return Pipe(client, backend, whenDone, deadlines, idle, kernelPipes)
        up = (*_bandwidths(settings.up), *self._totalUp)
        down = (*_bandwidths(settings.down), *self._totalDown)
        return Pipe(client, backend, whenDone, deadlines, idle, kernelPipes, up, down)

    def lifetime(self) -> float:
        """
        How many seconds the next connection may live.
        """
        return self.settings.maxAge * (1.0 - 0.1 * self._rng.random())

    # -- the end

    def stopAccepting(self) -> Deferred[None]:
        """
        Close the ports. Connections go on.
        """
        ports, self._ports = self._ports, []
        closing = gatherResults([port.stopListening() or succeed(None) for port in ports])
        return closing.addCallback(lambda _: None)

    def whenIdle(self) -> Deferred[None]:
        """
        @return: fires when there is no connection (any more). Cancelling it is harmless.
        """
        deferred: Deferred[None] = Deferred(self._forgetWaiting)
        if self.connections:
            self._waiting.append(deferred)
        else:
            deferred.callback(None)
        return deferred

    def _forgetWaiting(self, deferred: Deferred[None]) -> None:
        if deferred in self._waiting:
            self._waiting.remove(deferred)

    def closeAll(self, ending: Ending = Ending.DRAINED) -> None:
        """
        End all connections in peace: what was read is delivered.
        """
        for connection in list(self.connections):
            connection.close(ending)

    def abortAll(self, ending: Ending = Ending.DRAINED) -> None:
        """
        End all connections now, with a reset for both sides.
        """
        for connection in list(self.connections):
            connection.abort(ending)


def _bandwidths(rate: int) -> tuple[Bandwidth, ...]:
    return (Bandwidth(rate),) if rate else ()
