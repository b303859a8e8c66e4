"""
Where do clients find us? Binds a datagram socket and says in plain words why it cannot.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from typing import Final

from twisted.internet.interfaces import IReactorFDSet

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.listening import SocketOption
from lbproxy.net.udp.address import resolveNow
from lbproxy.net.udp.listening import MAX_DATAGRAM, DatagramPort, DatagramReceiver

# Bytes that the kernel keeps of what was not read yet; its default has room for a few hundred
# small datagrams.
_QUEUE: Final = 1 << 20


def listenDatagrams(
    reactor: IReactorFDSet,
    address: Address,
    receiver: DatagramReceiver,
    *,
    reusePort: bool = False,
    options: Iterable[SocketOption] = (),
    maxDatagram: int = MAX_DATAGRAM,
) -> DatagramPort:
    """
    Bind C{address} and read from it. C{[::]} takes IPv4 as well, unless C{options} say otherwise.

    @param reusePort: share the address with other sockets that say the same; the kernel spreads
        clients over them.
    @param options: set before binding.
    @raise CannotStart: with the address and the system's reason.
    """
    try:
        sock = _bound(address, reusePort, options)
        port = DatagramPort(reactor, sock, receiver, maxDatagram=maxDatagram)
    except OSError as error:
        raise CannotStart(f"cannot listen on {address} (udp): {error.strerror}") from error
    port.startListening()
    return port


def _bound(address: Address, reusePort: bool, options: Iterable[SocketOption]) -> socket.socket:
    if address.path:
        raise OSError(errno.EAFNOSUPPORT, "a UDP listener needs an IP address")
    family, target = resolveNow(address)
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        if reusePort:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # As much of it as the system grants: a burst of questions should wait, not be lost.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _QUEUE)
        for level, option, value in options:
            sock.setsockopt(level, option, value)
        sock.bind(target)
    except BaseException:
        sock.close()
        raise
    return sock
