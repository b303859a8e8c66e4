"""
Who comes in? A listening socket that accepts many connections per wake, and can leave them waiting.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from errno import (
    ECONNABORTED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EINTR,
    ENETDOWN,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPERM,
    EPROTO,
)
from typing import Any, Protocol

from twisted.internet.abstract import FileDescriptor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import (
    IDelayedCall,
    IListeningPort,
    IProtocol,
    IProtocolFactory,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.leansocket import LeanSocket
from lbproxy.net.stream import StreamAddress, streamAddress

# So many connections at most are accepted before others get their turn; about 100 us each.
_MOST_ACCEPTS = 128
# Seconds between two looks while descriptors or memory are out. nginx waits 500 ms. Connections
# stay in the backlog meanwhile; Twisted's own port would close them.
_REST = 0.1
# What accept(2) reports about one connection (gone already, or refused by a packet filter).
_THEIRS = frozenset(
    {
        ECONNABORTED,
        EHOSTDOWN,
        EHOSTUNREACH,
        EINTR,
        ENETDOWN,
        ENETUNREACH,
        ENONET,
        ENOPROTOOPT,
        EOPNOTSUPP,
        EPERM,
        EPROTO,
    }
)


class BegunTransport(Protocol):
    """
    A transport for a socket that was just accepted.
    """

    def begin(self) -> None:
        """
        Connect the protocol (with TLS: after the handshake) and start reading.
        """

    def abortConnection(self) -> None:
        """
        C{begin} failed.
        """


class TransportFactory(Protocol):
    """
    Makes transports for accepted sockets; L{lbproxy.net.stream.StreamServer} is one.
    """

    def __call__(
        self,
        skt: socket.socket,
        protocol: IProtocol,
        peer: StreamAddress,
        server: StreamPort,
        reactor: Any,
        /,
    ) -> BegunTransport:
        """
        @param skt: connected, non-blocking, C{TCP_NODELAY}; the transport's from here on.
        """


def _nothing() -> None:
    """
    What most ports do when they have been closed.
    """


@implementer(IListeningPort)
class StreamPort(FileDescriptor):
    """
    Accepts connections from a socket that already listens.

    While paused (L{pauseProducing}, L{resumeProducing}) it accepts nobody: connections wait in the
    kernel's backlog, and are refused by the kernel once that is full.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        skt: socket.socket,
        factory: IProtocolFactory,
        makeTransport: TransportFactory,
    ) -> None:
        super().__init__(reactor)
        skt.setblocking(False)
        self.reactor: Any = reactor
        self.socket = skt
        # Each asking of a socket for these makes an enum's member.
        self._kind = int(skt.family), int(skt.type), skt.proto
        self.fileno = skt.fileno  # type: ignore[method-assign]
        self.factory = factory
        self._makeTransport = makeTransport
        self._batch = 1
        self._wanted = True
        self._resting: IDelayedCall | None = None
        #: Called once, when the port has been closed.
        self.whenClosed: Callable[[], object] = _nothing

    def startListening(self) -> None:
        """
        Begin to accept.
        """
        self.factory.doStart()
        self.connected = 1
        self.startReading()

    def stopListening(self) -> Deferred[None]:
        """
        Accept nobody any more. Connections that wait in the backlog are reset by the kernel.
        """
        if self.connected:
            self._close()
        return succeed(None)

    def pauseProducing(self) -> None:
        self._wanted = False
        self.stopReading()

    def resumeProducing(self) -> None:
        self._wanted = True
        if self.connected and self._resting is None:
            self.startReading()

    def getHost(self) -> StreamAddress:
        return streamAddress(self.socket.family, self.socket.getsockname())

    def logPrefix(self) -> str:
        return type(self.factory).__name__

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.getHost() if self.connected else '(closed)'}>"

    def connectionLost(self, reason: Failure) -> None:
        if self.connected:
            self._close()

    def doRead(self) -> None:
        # Asking once too often costs a system call and an exception; asking too seldom leaves
        # connections waiting for another turn. So the batch follows what was found last time.
        batch = self._batch
        for count in range(batch):
            try:
                descriptor, name = self.socket._accept()  # type: ignore[attr-defined]
            except BlockingIOError:
                self._batch = max(1, count)
                return
            except OSError as e:
                if e.errno not in _THEIRS:
                    self._rest(e)
                    return
            else:
                self._accepted(descriptor, name)
                if not (self.connected and self._wanted):
                    return
        self._batch = min(batch * 2, _MOST_ACCEPTS)

    def _accepted(self, descriptor: int, name: Any) -> None:
        family, kind, protocolNumber = self._kind
        skt = LeanSocket(family, kind, protocolNumber, descriptor)
        skt.setblocking(False)
        peer = streamAddress(family, name)
        try:
            protocol = self.factory.buildProtocol(peer)
        except Exception:
            self._log.failure("no protocol could be made for a connection from {peer}", peer=peer)
            protocol = None
        if protocol is None:
            skt.close()
            return
        makeTransport = self._makeTransport
        transport = makeTransport(skt, protocol, peer, self, self.reactor)
        try:
            transport.begin()
        except Exception:
            self._log.failure("a connection from {peer} could not be begun", peer=peer)
            transport.abortConnection()

    def _rest(self, error: OSError) -> None:
        """
        Descriptors or memory have run out, or worse: asking again at once would only burn time.
        """
        self._log.warn("{port} cannot accept for now: {error}", port=self, error=error.strerror)
        self.stopReading()
        self._resting = self.reactor.callLater(_REST, self._lookAgain)

    def _lookAgain(self) -> None:
        self._resting = None
        if self._wanted:
            self.resumeProducing()

    def _close(self) -> None:
        self.connected = 0
        self.disconnected = 1
        self.stopReading()
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        self.socket.close()
        self.whenClosed()
        self.factory.doStop()
