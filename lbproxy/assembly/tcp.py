"""
Which tcp listeners were asked for?
"""

from __future__ import annotations

from collections.abc import Callable

from lbproxy.assembly.networks import admission, networkSet
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.reaching import reaching
from lbproxy.config import listener, route
from lbproxy.control.relaylog import RelayLog
from lbproxy.l4.tcprelay import RelaySettings, TCPRelay
from lbproxy.l4.tcproutes import TCPMatch, TCPRoute
from lbproxy.net.connector import Connector

Log = Callable[[listener.AccessLog], RelayLog | None]


def tcpRelay(parts: Parts, name: str, asked: listener.TCPListener, log: Log) -> TCPRelay:
    """
    The relay of one listener.
    """
    return TCPRelay(
        name,
        [_route(parts, asked, each) for each in asked.routes],
        parts.deadlines,
        RelaySettings(
            idleTimeout=asked.timeouts.idle,
            helloTimeout=asked.timeouts.tlsHandshake,
            maxAge=asked.maxAge,
            maxConnections=asked.maxConnections,
            maxConnectionsPerIP=asked.maxConnectionsPerIP,
        ),
        allowed=admission(asked.allow, asked.deny),
        log=log(asked.accessLog),
        kernelPipes=parts.kernelPipes,
        rng=parts.rng,
    )


def _route(parts: Parts, asked: listener.TCPListener, each: route.TCPRoute) -> TCPRoute:
    pool = each.targets[0].pool
    reach = reaching(parts, parts.configuration.pools[pool], asked.timeouts.connect)
    match = TCPMatch(
        serverNames=each.match.serverName,
        alpn=frozenset(name.encode("ascii") for name in each.match.alpn),
        source=networkSet(each.match.source) if each.match.source else None,
    )
    attempts = parts.configuration.pools[pool].retries.attempts
    target = Connector(parts.registry.pool(pool), reach, attempts)
    return TCPRoute(each.name, target, match, each.passthrough)
