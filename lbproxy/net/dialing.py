"""
How is a backend reached? Connecting to an address: numeric, UNIX or a name; plain or with TLS.

No Deferreds and, where the caller shares a timer wheel, no timers: a relay dials for each client.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.interfaces import IProtocol
from twisted.python.failure import Failure

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dial import Dial
from lbproxy.net.listening import SocketOption
from lbproxy.net.resolving import numericDestination
from lbproxy.net.stream import StreamAddress


class DialingProtocol(IProtocol):
    """
    The protocol of a connection to be: gets C{makeConnection} or C{connectFailed}, never both.
    """

    def connectFailed(failure: Failure) -> object:
        """
        There will be no connection. C{failure} holds one of L{twisted.internet.error}:
        C{ConnectBindError} says that the fault is on this side, C{TimeoutError} that time is up,
        C{DNSLookupError} that there is no such name; otherwise a C{ConnectError}. With TLS, also
        what went wrong in the handshake.
        """


class HandshakingTransport(Protocol):
    """
    A transport that has to agree on TLS before its protocol may be connected.
    """

    def handshake(self, done: Callable[[Failure | None], object]) -> None:
        """
        Begin. C{done} is called once, not from within this call: with L{None} when all is well, or
        with a failure after the socket has been closed. Not called after C{abortConnection}.
        """

    def begin(self) -> None:
        """
        Connect the protocol and start reading.
        """

    def abortConnection(self) -> None:
        """
        Give up.
        """


class ClientTLS(Protocol):
    """
    What makes a dialed connection speak TLS.
    """

    def clientTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, reactor: Any, /
    ) -> HandshakingTransport:
        """
        @param skt: connected, non-blocking, C{TCP_NODELAY}.
        """


def dial(
    reactor: Any,
    address: Address,
    protocol: Any,
    *,
    timeout: float,
    tls: ClientTLS | None = None,
    bindAddress: tuple[str, int] | None = None,
    options: Iterable[SocketOption] = (),
    deadlines: Deadlines | None = None,
) -> Dial:
    """
    Connect C{protocol}, a L{DialingProtocol}. It hears nothing before this has returned.

    @param timeout: seconds for all of it: name, connection and handshake; 0: no limit.
    @param bindAddress: the host and port (0: any) to come from.
    @param options: set before connecting.
    @param deadlines: a wheel that is shared; without one the dial has a timer of its own.
    """
    new = Dial(reactor, protocol, tls, bindAddress, options)
    if timeout:
        new.limit(timeout, deadlines)
    try:
        target = numericDestination(address)
    except OSError:
        target = None  # a scope that is not there: let the lookup say so
    if target is not None:
        new.connect(target)
    else:
        new.lookUp(address)
    return new
