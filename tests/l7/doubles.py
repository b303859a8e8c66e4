"""
An HTTP listener with its backends, in memory: both ends of every connection are in the test's
hands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone, ConnectionLost, ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from lbproxy.config.address import Address
from lbproxy.l7.client import HTTPClientProtocol
from lbproxy.l7.factory import HTTPFactory, HTTPSettings
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan, ProxyPlan
from lbproxy.l7.routing import Route, RouteTable
from lbproxy.l7.server import HTTPServerProtocol
from lbproxy.l7.upstream import Upstream, UpstreamSettings
from lbproxy.net.deadlines import Deadlines
from lbproxy.pool.backend import Backend, BackendSpec
from lbproxy.pool.pool import Pool

DONE = Failure(ConnectionDone())
LOST = Failure(ConnectionLost())


class Wire(StringTransport):
    """
    A transport that shows what the protocol did to it.

    @ivar aborted: it was reset.
    @ivar ended: its sending side was shut.
    """

    def __init__(self, peer: str = "192.0.2.7") -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            peerAddress=IPv4Address("TCP", peer, 4711)
        )
        self.producer: Any = None
        self.aborted = False
        self.ended = False
        self.protocol: Any = None

    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connectionLost(LOST)

    def loseWriteConnection(self) -> None:
        self.ended = True

    def take(self) -> bytes:
        """
        What was written since the last time.
        """
        data: bytes = self.value()
        self.clear()
        return data

    def lose(self, reason: Failure = DONE) -> None:
        """
        The connection is lost.
        """
        protocol, self.protocol = self.protocol, None
        protocol.connectionLost(reason)


class Dialed:
    """
    A connection that the proxy wants to a backend.
    """

    def __init__(self, backend: Backend, protocol: HTTPClientProtocol) -> None:
        self.backend = backend
        self.protocol = protocol
        self.cancelled = False
        self.accepted = False
        self.wire = Wire("198.51.100.1")

    def cancel(self) -> None:
        self.cancelled = True

    def accept(self) -> Wire:
        """
        The backend answers the dial.
        """
        self.accepted = True
        self.wire.protocol = self.protocol
        self.protocol.makeConnection(self.wire)
        return self.wire

    def refuse(self, error: Exception | None = None) -> None:
        """
        The backend can't be reached.
        """
        self.protocol.connectFailed(Failure(error or ConnectionRefusedError("refused")))

    def answer(self, data: bytes) -> None:
        """
        The backend sends bytes.
        """
        self.protocol.dataReceived(data)


class Stage:
    """
    One listener, one pool, a clock.

    @ivar dials: every dial so far, oldest first.
    @ivar records: the exchanges that are over.
    """

    def __init__(
        self,
        backends: Sequence[str] = ("b1",),
        settings: HTTPSettings | None = None,
        routes: Callable[[Plan], Sequence[Route[Plan]]] | None = None,
        upstream: UpstreamSettings | None = None,
    ) -> None:
        self.clock = Clock()
        self.clock.advance(1000)
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        specs = [BackendSpec(name, Address("192.0.2.1", 80)) for name in backends]
        self.pool = Pool("web", specs, seconds=self.clock.seconds)
        self.dials: list[Dialed] = []
        self.records: list[Any] = []
        self.upstream = Upstream(
            self.pool,
            self._dial,
            self.deadlines,
            self.clock.seconds,
            upstream or UpstreamSettings(),
        )
        self.plan = ProxyPlan(self.upstream)
        everything: list[Route[Plan]] = [Route(Match(), self.plan)]
        table = routes(self.plan) if routes else everything
        chosen = settings or HTTPSettings()
        self.factory = HTTPFactory(
            RouteTable(table),
            _recording(chosen, self.records.append),
            self.deadlines,
            self.clock.seconds,
            lambda: 784111777.0,
        )

    def _dial(self, backend: Backend, protocol: HTTPClientProtocol) -> Dialed:
        dialed = Dialed(backend, protocol)
        self.dials.append(dialed)
        return dialed

    def connect(self, peer: str = "192.0.2.7") -> tuple[HTTPServerProtocol, Wire]:
        """
        A client connects.
        """
        wire = Wire(peer)
        protocol: HTTPServerProtocol = self.factory.buildProtocol(None)
        wire.protocol = protocol
        protocol.makeConnection(wire)
        return protocol, wire

    def advance(self, seconds: float) -> None:
        """
        Let time pass, in steps as small as a reactor's.
        """
        steps = max(1, int(seconds / 0.1))
        self.clock.pump([seconds / steps] * steps)


def _recording(settings: HTTPSettings, record: Callable[[Any], object]) -> HTTPSettings:
    from dataclasses import replace

    return replace(settings, record=record)


GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
