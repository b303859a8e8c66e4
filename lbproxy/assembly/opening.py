"""
How does a stream listener open its addresses: with which options, TLS and PROXY headers?
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lbproxy.assembly.networks import networkSet
from lbproxy.assembly.parts import Parts
from lbproxy.config.address import Address
from lbproxy.config.listener import HTTPListener, TCPListener
from lbproxy.config.socketoptions import SocketOptions
from lbproxy.net.listening import SocketOption, adoptStream, listenStream
from lbproxy.net.proxyprotocol import ProxiedListener
from lbproxy.net.socketoptions import keepAlive, listeningOptions, userTimeout
from lbproxy.net.tls.server import ServerTLS
from lbproxy.services.listener import Port


def streamOpener(
    parts: Parts, asked: HTTPListener | TCPListener, factory: Any, tls: ServerTLS | None
) -> Callable[[Address], Port]:
    """
    @param factory: an HTTP factory or a TCP relay; it is told of each port.
    @param tls: what the ports speak; L{None}: plain.
    @return: opens an address, or raises L{CannotStart}.
    """
    entrance: Any = factory
    transports: Any = tls
    header = asked.proxyProtocol
    if header is not None:
        entrance = transports = ProxiedListener(
            factory,
            networkSet(header.from_),
            parts.deadlines,
            required=header.required,
            tls=tls,
        )

    def openPort(address: Address) -> Port:
        if address.systemd:
            skt = parts.inherited.take(address.systemd)
            port = adoptStream(parts.reactor, skt, entrance, tls=transports)
        else:
            port = listenStream(
                parts.reactor,
                address,
                entrance,
                reusePort=asked.socket.reusePort,
                tls=transports,
                options=listenerOptions(
                    address, asked.socket, getattr(asked, "transparent", False)
                ),
            )
        factory.addPort(port)
        return port

    return openPort


def probes(asked: SocketOptions) -> list[SocketOption]:
    """
    How long a silent or deaf peer is believed to be there.
    """
    alive = asked.keepAlive
    return [*keepAlive(alive.idle, alive.interval, alive.count), *userTimeout(asked.userTimeout)]


def listenerOptions(
    address: Address, asked: SocketOptions, transparent: bool, *, stream: bool = True
) -> list[SocketOption]:
    """
    @param stream: TCP; otherwise UDP, which has no connections to be probed.
    """
    return listeningOptions(
        address,
        interface=asked.interface,
        dualStack=asked.dualStack,
        fastOpen=asked.fastOpen if stream else 0,
        probes=probes(asked) if stream else (),
        transparent=transparent,
    )
