"""
Which udp listeners were asked for?
"""

from __future__ import annotations

from collections.abc import Callable

from lbproxy.assembly.networks import admission, networkSet
from lbproxy.assembly.opening import listenerOptions
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.tcp import limiter
from lbproxy.config import listener, route
from lbproxy.config.address import Address
from lbproxy.control.relaylog import RelayLog
from lbproxy.l4.udpcontext import UDPContext
from lbproxy.l4.udprecord import recorder
from lbproxy.l4.udprelay import UDPRelay
from lbproxy.l4.udpsettings import UDPRoute, UDPSettings
from lbproxy.net.socketoptions import checkTransparent
from lbproxy.services.listener import Port

Test = Callable[[str], bool]


Log = Callable[[listener.AccessLog], RelayLog | None]


def udpRelay(parts: Parts, name: str, asked: listener.UDPListener, log: Log) -> UDPRelay:
    """
    The relay of one listener.
    """
    if asked.transparent:
        checkTransparent()
    settings = UDPSettings(
        idleTimeout=asked.udp.idleTimeout,
        responses=asked.udp.responses,
        maxSessions=asked.udp.maxSessions,
        perDatagram=asked.udp.perDatagram,
        transparent=asked.transparent,
    )
    lines = log(asked.accessLog)
    relay = UDPRelay(
        parts.reactor,
        _chooser(parts, asked),
        settings,
        deadlines=parts.deadlines,
        targets=parts.targets,
        name=name,
        allowed=_admission(parts, asked),
        record=recorder(name, lines, parts.deadlines.seconds) if lines is not None else None,
    )
    header = asked.proxyProtocol
    if header is not None:
        relay.expectHeaders(networkSet(header.from_), header.required)
    return relay


def datagramOpener(
    parts: Parts, asked: listener.UDPListener, relay: UDPRelay
) -> Callable[[Address], Port]:
    """
    @return: opens an address, or raises L{CannotStart}.
    """

    def openPort(address: Address) -> Port:
        if address.systemd:
            return relay.adopt(parts.inherited.take(address.systemd))
        options = listenerOptions(address, asked.socket, asked.transparent, stream=False)
        return relay.listen(address, reusePort=asked.socket.reusePort, options=options)

    return openPort


def _admission(parts: Parts, asked: listener.UDPListener) -> Test | None:
    """
    Asked once for each new session.
    """
    allowed, limited = admission(asked.allow, asked.deny), limiter(parts, asked.rateLimit)
    if limited is None:
        return allowed
    return lambda address: (allowed is None or allowed(address)) and not limited(address)


def _chooser(parts: Parts, asked: listener.UDPListener) -> Callable[[UDPContext], UDPRoute | None]:
    routes = [
        (networkSet(each.match.source) if each.match.source else None, _shares(parts, each))
        for each in asked.routes
    ]
    if len(routes) == 1 and routes[0][0] is None and len(routes[0][1]) == 1:
        only = routes[0][1][0][0]
        return lambda context: only

    def choose(context: UDPContext) -> UDPRoute | None:
        for source, shares in routes:
            if source is None or source(context.clientIP):
                (chosen,) = parts.rng.choices(
                    [share[0] for share in shares], [share[1] for share in shares]
                )
                return chosen
        return None

    return choose


def _shares(parts: Parts, each: route.UDPRoute) -> list[tuple[UDPRoute, int]]:
    shares = []
    for share in each.targets:
        header = parts.configuration.pools[share.pool].sendProxyProtocol == "v2"
        pool = parts.registry.pool(share.pool)
        shares.append((UDPRoute(pool, each.name, header), share.weight))
    return shares
