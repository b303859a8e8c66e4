"""
How is a socket set up? Options as listening and dialing take them, C{(level, option, value)}.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.listening import SocketOption

# Not in Python's socket module; linux/in.h and linux/in6.h.
_IP_TRANSPARENT = 19
_IPV6_TRANSPARENT = 75


def keepAlive(idle: float, interval: float = 15.0, count: int = 4) -> list[SocketOption]:
    """
    The kernel's probes of silent connections.

    @param idle: seconds of silence before the first; 0: no probes. The kernel counts whole seconds.
    @param interval: seconds between two.
    @param count: how many may be lost.
    """
    if not idle:
        return []
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, max(1, round(idle))),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, max(1, round(interval))),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, count),
    ]


def userTimeout(seconds: float) -> list[SocketOption]:
    """
    How long sent bytes may stay unacknowledged; 0: the kernel's choice, about a quarter of an hour.
    """
    if not seconds:
        return []
    return [(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(seconds * 1000)))]


def listeningOptions(
    address: Address,
    *,
    interface: str = "",
    dualStack: bool = True,
    fastOpen: int = 0,
    probes: Sequence[SocketOption] = (),
    transparent: bool = False,
) -> list[SocketOption]:
    """
    For L{lbproxy.net.listening.listenStream}; what it accepts inherits them. None for UNIX sockets.

    @param interface: only what comes through it; C{""}: any.
    @param dualStack: whether C{[::]} takes IPv4 as well.
    @param fastOpen: how many connections may wait with data in their SYN; 0: none.
    @param probes: L{keepAlive} and L{userTimeout}.
    @param transparent: take connections to addresses that are not this machine's, as a firewall's
        TPROXY hands them over.
    """
    if address.path:
        return []
    options: list[SocketOption] = list(probes)
    if interface:
        options.append((socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0"))
    if ":" in address.host:
        options.append((socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not dualStack)))
    if fastOpen:
        options.append((socket.IPPROTO_TCP, socket.TCP_FASTOPEN, fastOpen))
    if transparent:
        options.append(transparency(address.host))
    return options


def transparency(host: str) -> SocketOption:
    """
    Lets a socket be bound to C{host}, or any other address, though it is not this machine's.
    """
    if ":" in host:
        return (socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    return (socket.IPPROTO_IP, _IP_TRANSPARENT, 1)


def checkTransparent() -> None:
    """
    @raise CannotStart: this process may not make transparent sockets.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as skt:
        try:
            skt.setsockopt(*transparency("0.0.0.0"))  # noqa: S104 - nothing is bound
        except OSError as error:
            raise CannotStart(
                f"transparent: {(error.strerror or str(error)).lower()};"
                " it needs root or CAP_NET_ADMIN"
            ) from error
