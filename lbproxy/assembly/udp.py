"""
Which udp listeners were asked for?
"""

from __future__ import annotations

from collections.abc import Callable

from lbproxy.assembly.networks import admission, networkSet
from lbproxy.assembly.parts import Parts
from lbproxy.config import listener
from lbproxy.l4.udpcontext import UDPContext
from lbproxy.l4.udprelay import UDPRelay
from lbproxy.l4.udpsettings import UDPRoute, UDPSettings

Test = Callable[[str], bool]


def udpRelay(parts: Parts, name: str, asked: listener.UDPListener) -> UDPRelay:
    """
    The relay of one listener.
    """
    settings = UDPSettings(
        idleTimeout=asked.udp.idleTimeout,
        responses=asked.udp.responses,
        maxSessions=asked.udp.maxSessions,
        perDatagram=asked.udp.perDatagram,
    )
    return UDPRelay(
        parts.reactor,
        _chooser(parts, asked),
        settings,
        deadlines=parts.deadlines,
        targets=parts.targets,
        name=name,
        allowed=admission(asked.allow, asked.deny),
    )


def _chooser(parts: Parts, asked: listener.UDPListener) -> Callable[[UDPContext], UDPRoute | None]:
    routes: list[tuple[Test | None, UDPRoute]] = []
    for each in asked.routes:
        source = networkSet(each.match.source) if each.match.source else None
        routes.append((source, UDPRoute(parts.registry.pool(each.targets[0].pool))))
    if len(routes) == 1 and routes[0][0] is None:
        only = routes[0][1]
        return lambda context: only

    def choose(context: UDPContext) -> UDPRoute | None:
        for source, route in routes:
            if source is None or source(context.clientIP):
                return route
        return None

    return choose
