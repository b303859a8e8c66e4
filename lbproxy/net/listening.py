"""
Where do connections come in? Stream listeners, TCP and UNIX, on an address or on a given socket.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from errno import EACCES, EADDRINUSE, EADDRNOTAVAIL
from typing import Any, Protocol

from twisted.internet.interfaces import IProtocolFactory

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.port import StreamPort, TransportFactory
from lbproxy.net.stream import StreamServer
from lbproxy.net.unixpath import clearStale, remover

#: C{(level, option, value)}, as L{socket.socket.setsockopt} takes them.
SocketOption = tuple[int, int, int | bytes]

_WHY = {
    EACCES: "permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE",
    EADDRINUSE: "somebody listens there already",
    EADDRNOTAVAIL: "this machine has no such address",
}


class ServerTLS(Protocol):
    """
    What makes a listener speak TLS.
    """

    @property
    def serverTransport(self) -> TransportFactory:
        """
        Makes the transport of an accepted socket.
        """


def listenStream(
    reactor: Any,
    address: Address,
    factory: IProtocolFactory,
    *,
    backlog: int = 4096,
    reusePort: bool = False,
    tls: ServerTLS | None = None,
    options: Iterable[SocketOption] = (),
    mode: int | None = None,
) -> StreamPort:
    """
    Listen, and accept at once.

    @param reusePort: other sockets (of the same user) may bind the same address; the kernel spreads
        connections over them.
    @param options: set before binding. On Linux, accepted connections inherit them.
    @param mode: permissions of a UNIX socket's file; L{None}: what the umask leaves.
    @raise CannotStart: with the address and the reason.
    """
    skt = bindStream(address, backlog=backlog, reusePort=reusePort, options=options, mode=mode)
    return adoptStream(reactor, skt, factory, tls=tls, unlink=True)


def adoptStream(
    reactor: Any,
    skt: socket.socket,
    factory: IProtocolFactory,
    *,
    tls: ServerTLS | None = None,
    unlink: bool = False,
) -> StreamPort:
    """
    Accept from a socket that listens already (from L{bindStream}, systemd, another process).

    @param unlink: remove a UNIX socket's file when the port is closed.
    """
    if skt.family != socket.AF_UNIX:
        _noDelay(skt)
    port = StreamPort(reactor, skt, factory, tls.serverTransport if tls else StreamServer)
    if unlink and skt.family == socket.AF_UNIX:
        port.whenClosed = remover(skt.getsockname())
    port.startListening()
    return port


def bindStream(
    address: Address,
    *,
    backlog: int = 4096,
    reusePort: bool = False,
    options: Iterable[SocketOption] = (),
    mode: int | None = None,
) -> socket.socket:
    """
    Bind and listen, without accepting yet: before privileges are dropped, or for other processes.

    @raise CannotStart: with the address and the reason.
    """
    skt: socket.socket | None = None
    try:
        family, name = _socketName(address)
        skt = socket.socket(family, socket.SOCK_STREAM)
        _prepare(skt, family, reusePort, options)
        skt.bind(name)
        if mode is not None and family == socket.AF_UNIX:
            os.chmod(address.path, mode)
        skt.listen(backlog)
    except OSError as e:
        if skt is not None:
            skt.close()
        raise CannotStart(f"cannot listen on {address}: {_reason(e)}") from e
    return skt


def _socketName(address: Address) -> tuple[int, Any]:
    if address.path:
        clearStale(address.path)
        return socket.AF_UNIX, address.path
    # Numeric for all but the likes of "localhost"; also finds the number of "fe80::1%eth0".
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return found[0][0], found[0][4]


def _prepare(
    skt: socket.socket, family: int, reusePort: bool, options: Iterable[SocketOption]
) -> None:
    if family != socket.AF_UNIX:
        _noDelay(skt)
        skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reusePort:
            skt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for level, option, value in options:
        skt.setsockopt(level, option, value)


def _noDelay(skt: socket.socket) -> None:
    # On Linux connections inherit it when they arrive: one system call less for each.
    skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or error.errno not in _WHY or error.strerror is None:
        return (error.strerror or str(error)).lower()
    if error.strerror != os.strerror(error.errno):
        return error.strerror  # ours: it says more
    return _WHY[error.errno]
