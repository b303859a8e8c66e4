"""
What socket is dialed with? Made non-blocking and with its options, and what goes wrong with it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from errno import EADDRNOTAVAIL

from twisted.internet.error import ConnectBindError, getConnectError
from twisted.python.failure import Failure

from lbproxy.net.leansocket import LeanSocket
from lbproxy.net.listening import SocketOption
from lbproxy.net.resolving import Destination, Target

_STREAM = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_UNIX = int(socket.AF_UNIX)  # comparing with an enum's member takes longer
_TCP, _NO_DELAY = int(socket.IPPROTO_TCP), int(socket.TCP_NODELAY)
_BIND_ADDRESS_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT, Linux 4.2; in the socket module since 3.12


def _firstEphemeral() -> int:
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as found:
            return int(found.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 1024


_FIRST_EPHEMERAL = _firstEphemeral()


def newSocket(
    family: int, bindAddress: tuple[str, int] | None, options: Iterable[SocketOption]
) -> socket.socket:
    """
    @raise OSError: nothing stays open.
    """
    skt: socket.socket = LeanSocket(family, _STREAM)
    try:
        if family != _UNIX:
            skt.setsockopt(_TCP, _NO_DELAY, 1)
        for level, option, value in options:
            skt.setsockopt(level, option, value)
        if bindAddress is not None:
            if not bindAddress[1]:
                # The port is chosen on connecting: it need be free for this target only.
                skt.setsockopt(socket.IPPROTO_IP, _BIND_ADDRESS_NO_PORT, 1)
            skt.bind(bindAddress)
    except OSError:
        skt.close()
        raise
    return skt


def connectFailure(code: int) -> Failure:
    """
    @param code: what C{connect} or C{SO_ERROR} said.
    """
    if code == EADDRNOTAVAIL:  # no local port left, or no such local address: not the peer's fault
        return Failure(ConnectBindError(code, os.strerror(code)))
    return Failure(getConnectError((code, os.strerror(code))))


def isLoopback(target: Target) -> bool:
    """
    Whether the other side is this machine for sure.
    """
    return Destination.of(target).loopback


def isOwnEcho(skt: socket.socket, target: Target) -> bool:
    """
    A port of this machine that nobody listens on can be dialed from that very port: TCP's
    simultaneous open then connects the socket to itself.
    """
    family, name = target
    return family != _UNIX and name[1] >= _FIRST_EPHEMERAL and skt.getsockname()[:2] == name[:2]
