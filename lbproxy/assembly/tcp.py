"""
Which tcp listeners were asked for?
"""

from __future__ import annotations

from collections.abc import Callable

from lbproxy.assembly.networks import admission, networkSet
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.reaching import dialer
from lbproxy.config import listener, route
from lbproxy.config.limits import RateLimit as RateLimitConfig
from lbproxy.control.relaylog import RelayLog
from lbproxy.l4.splittarget import SplitTarget
from lbproxy.l4.tcprelay import RelaySettings, TCPRelay
from lbproxy.l4.tcproutes import TCPMatch, TCPRoute
from lbproxy.net.connector import Connector
from lbproxy.net.ratelimit import RateLimit
from lbproxy.net.socketoptions import checkTransparent
from lbproxy.net.tls.server import ServerTLS

Log = Callable[[listener.AccessLog], RelayLog | None]


def tcpRelay(
    parts: Parts, name: str, asked: listener.TCPListener, log: Log, tls: ServerTLS | None
) -> TCPRelay:
    """
    The relay of one listener.

    @param tls: for those routes that don't pass TLS through; L{None} where the ports end it.
    """
    if asked.transparent:
        checkTransparent()
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
            up=asked.bandwidth.up,
            down=asked.bandwidth.down,
            totalUp=asked.totalBandwidth.up,
            totalDown=asked.totalBandwidth.down,
        ),
        allowed=admission(asked.allow, asked.deny),
        limited=limiter(parts, asked.rateLimit),
        log=log(asked.accessLog),
        kernelPipes=parts.kernelPipes,
        rng=parts.rng,
        tls=tls,
    )


def limiter(parts: Parts, asked: RateLimitConfig | None) -> Callable[[str], bool] | None:
    """
    @return: tells whether an address comes too often, and counts it.
    """
    if asked is None:
        return None
    bucket = RateLimit(asked.requests, asked.per, asked.burst, parts.reactor.seconds)
    return lambda address: bucket.admit(address) > 0


def _route(parts: Parts, asked: listener.TCPListener, each: route.TCPRoute) -> TCPRoute:
    match = TCPMatch(
        serverNames=each.match.serverName,
        alpn=frozenset(name.encode("ascii") for name in each.match.alpn),
        source=networkSet(each.match.source) if each.match.source else None,
    )
    shares = [(_connector(parts, asked, s.pool), s.weight) for s in each.targets]
    target = shares[0][0] if len(shares) == 1 else SplitTarget(shares, parts.rng.random)
    return TCPRoute(each.name, target, match, each.passthrough)


def _connector(parts: Parts, asked: listener.TCPListener, name: str) -> Connector:
    pool = parts.configuration.pools[name]
    reach = dialer(parts, pool, asked.timeouts.connect, transparent=asked.transparent)
    return Connector(parts.registry.pool(name), reach, pool.retries.attempts, reach.now)
