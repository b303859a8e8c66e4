"""
What does a connection look like to a protocol? Accepted and dialed streams, TCP and UNIX.
"""

from __future__ import annotations

import socket
from os import read, write
from typing import Any

from twisted.internet import main, tcp
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IProtocol

from lbproxy.net.directstream import DirectStream
from lbproxy.net.foresight import foresee, ownCode

# What a stream has from the start, then what it may get; room is left for subclasses.
_ATTRIBUTES = (
    *("socket", "fileno", "protocol", "reactor", "peer", "server"),
    *("connected", "disconnected", "disconnecting", "_writeDisconnecting", "_writeDisconnected"),
    *("_direct", "_fd", "bufferSize", "_watched", "reading", "_queue", "queued", "doRead"),
    *("producer", "streamingProducer", "producerPaused"),
)

_READ_SIZE = 65536  # bytes
_INET = int(socket.AF_INET)  # comparing with an enum's member takes longer
_new = object.__new__

StreamAddress = IPv4Address | IPv6Address | UNIXAddress


def streamAddress(family: int, name: Any) -> StreamAddress:
    """
    @param name: what C{accept} or C{getsockname} gave for a socket of this C{family}.
    """
    if family == _INET:
        host, port = name
    elif family == socket.AF_UNIX:
        return UNIXAddress(name or None)
    else:
        host, port, flow, scope = name
        if not (host.startswith("::ffff:") and "." in host):
            if scope and "%" not in host:
                host = socket.getnameinfo(name, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]
            return IPv6Address("TCP", host, port, flow, scope)
        host = host[7:]  # an IPv4 client of a dual-stack listener
    # Looking whether "TCP" is one of "TCP" and "UDP" takes longer than all else about an address.
    address = _new(IPv4Address)
    address.type = "TCP"
    address.host = host
    address.port = port
    return address


class Stream(DirectStream):
    """
    A connected, non-blocking stream socket. L{begin} connects the protocol and starts reading.

    Nothing is asked of the system that is not needed: C{peer} is known from C{accept} or from the
    dialing, the rest is found out when somebody wants it.
    """

    connected = 1

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        foresee(cls, *_ATTRIBUTES)
        ownCode(cls, "doRead", "write")

    def __init__(
        self, skt: socket.socket, protocol: IProtocol, peer: StreamAddress, reactor: Any
    ) -> None:
        self.socket = skt
        self.fileno = skt.fileno
        self.protocol = protocol
        self.reactor = reactor
        self.peer = peer
        # Asked at every write and read: on the class they would take ten times as long to find.
        self._direct = True
        self._fd = skt.fileno()
        self.bufferSize = _READ_SIZE

    # The system's calls by their own names: a socket's methods for them take a quarter longer.

    def doRead(self) -> Any:
        try:
            data = read(self._fd, self.bufferSize)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if data:
            self.protocol.dataReceived(data)
            return None
        return main.CONNECTION_DONE

    def write(self, data: bytes) -> None:
        if self._direct:
            try:
                sent = write(self._fd, data)
            except OSError as e:
                sent = self._sendFailed(e)
            if sent != len(data):
                self._enqueue(memoryview(data)[sent:])
        else:
            super().write(data)

    def getPeer(self) -> StreamAddress:
        return self.peer

    def getHost(self) -> StreamAddress:
        return streamAddress(self.socket.family, self.socket.getsockname())

    def logPrefix(self) -> str:
        return f"{self._getLogPrefix(self.protocol)},{self.peer}"

    def __repr__(self) -> str:
        what = type(self.protocol).__name__ if self.connected else "(lost)"
        return f"<{type(self).__name__} {what} {self.peer}>"

    def getTcpNoDelay(self) -> bool:
        return self._isTCP() and super().getTcpNoDelay()

    def setTcpNoDelay(self, enabled: bool) -> None:
        if self._isTCP():
            super().setTcpNoDelay(enabled)

    def _isTCP(self) -> bool:
        return not isinstance(self.peer, UNIXAddress)


class StreamServer(Stream, tcp.Server):
    """
    An accepted stream. C{server} is the port that accepted it.
    """

    def __init__(
        self,
        skt: socket.socket,
        protocol: IProtocol,
        peer: StreamAddress,
        server: Any,
        reactor: Any,
    ) -> None:
        # As Stream's, whose code has a StreamClient before it as often: see L{ownCode}.
        self.socket = skt
        self.fileno = skt.fileno
        self.protocol = protocol
        self.reactor = reactor
        self.peer = peer
        self.server = server
        self._direct = True
        self._fd = skt.fileno()
        self.bufferSize = _READ_SIZE


class StreamClient(Stream):
    """
    A dialed stream.
    """

    _tlsClientDefault = True
