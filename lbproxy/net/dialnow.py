"""
What takes no waiting to be reached? Other sockets of this machine: there the kernel has shaken
hands with itself by the time C{connect} returns.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from errno import EINPROGRESS
from typing import Any

from lbproxy.config.address import Address
from lbproxy.net.dialsocket import isOwnEcho, newSocket
from lbproxy.net.listening import SocketOption
from lbproxy.net.resolving import Destination, numericDestination
from lbproxy.net.stream import StreamClient


def nearDestination(address: Address) -> Destination | None:
    """
    @return: what L{dialNow} takes; L{None} for all that is, or may be, on another machine.
    """
    if address.family is None or "%" in address.host:
        return None
    found = numericDestination(address)
    if found is not None and (found.loopback or found.family == socket.AF_UNIX):
        return found
    return None


def dialNow(
    reactor: Any, there: Destination, protocol: Any, options: Iterable[SocketOption] = ()
) -> StreamClient | None:
    """
    Connect before this returns. C{protocol} is not told: it is for the caller to make use of the
    transport, which reads nothing until it is resumed.

    @param options: set before connecting.
    @return: L{None} when it did not come about, for whatever reason: L{lbproxy.net.dialing.dial}
        tries as long as it should, and tells the reason.
    """
    try:
        skt = newSocket(there.family, None, options)
    except OSError:
        return None
    name = there.name
    code = skt.connect_ex(name)
    if code == EINPROGRESS:
        code = skt.connect_ex(name)
    if code or (there.loopback and isOwnEcho(skt, (there.family, name))):
        skt.close()
        return None
    return StreamClient(skt, protocol, there.peer, reactor)
