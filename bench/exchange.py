"""
What does one HTTP exchange cost in Python alone? Both connections in memory, no system call.

Run by hand: C{python -m bench.exchange}. The best of several rounds is printed: it holds on a busy
machine.
"""

from __future__ import annotations

import sys
from time import process_time
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock

from lbproxy.config.address import Address
from lbproxy.control.accesslog import CombinedLog
from lbproxy.l7.factory import HTTPFactory, HTTPSettings
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan, ProxyPlan
from lbproxy.l7.routing import Route, RouteTable
from lbproxy.l7.upstream import Upstream, UpstreamSettings
from lbproxy.net.deadlines import Deadlines
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.pool import Pool

GET = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
OK = (
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 32\r\nConnection: keep-alive\r\n\r\n" + b"x" * 32
)


class Wire:
    """
    A transport that swallows what is written.
    """

    __slots__ = ()

    def write(self, data: bytes) -> None: ...
    def registerProducer(self, producer: Any, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def abortConnection(self) -> None: ...
    def loseConnection(self) -> None: ...

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", "127.0.0.1", 4711)


class Sink:
    """
    A log that swallows its lines.
    """

    __slots__ = ()

    def write(self, line: bytes) -> None: ...


class Dialed:
    """
    A dial that was over at once.
    """

    def cancel(self) -> None: ...


def build(routes: int = 1) -> tuple[Any, list[Any]]:
    """
    @return: a client's connection, and the list in which connections to backends will be.
    """
    clock = Clock()
    deadlines = Deadlines(clock)
    pool = Pool("web", [BackendSpec("b1", Address("127.0.0.1", 80))])
    dialed: list[Any] = []

    def dial(backend: Any, protocol: Any) -> Dialed:
        dialed.append(protocol)
        return Dialed()

    upstream = Upstream(pool, dial, deadlines, clock.seconds, UpstreamSettings())
    plan: Plan = ProxyPlan(upstream)
    others = [Route(Match(pathPrefixes=[b"/r%d/" % n]), plan) for n in range(routes - 1)]
    settings = HTTPSettings(record=CombinedLog(Sink()).record)
    table = RouteTable([*others, Route(Match(), plan)])
    server = HTTPFactory(table, settings, deadlines, clock.seconds).buildProtocol(None)
    server.makeConnection(Wire())
    return server, dialed


def measure(request: bytes, response: bytes, routes: int = 1, count: int = 20000) -> float:
    """
    @return: microseconds for one exchange.
    """
    server, dialed = build(routes)
    server.dataReceived(request)
    client = dialed[0]
    client.makeConnection(Wire())
    client.dataReceived(response)
    begun = process_time()
    for _ in range(count):
        server.dataReceived(request)
        client.dataReceived(response)
    return (process_time() - begun) / count * 1e6


def main() -> None:
    """
    Print the figures.
    """
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    browser = GET[:-2] + b"".join(
        b"X-Field-%d: some value or other %d\r\n" % (n, n) for n in range(20)
    )
    for name, request, routes in (
        ("small", GET, 1),
        ("20 fields, 50 routes", browser + b"\r\n", 50),
    ):
        best = min(measure(request, OK, routes) for _ in range(rounds))
        print(f"{name}: {best:.2f} us")


if __name__ == "__main__":
    main()
