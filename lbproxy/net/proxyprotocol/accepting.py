"""
Who is it that this proxy speaks for? Reads the PROXY header of accepted connections, before TLS.

The protocol above is built when the header is there, for the client that it names: from
C{buildProtocol} on everything is as if the client had connected itself.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocolFactory, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.port import BegunTransport, StreamPort, TransportFactory
from lbproxy.net.proxyprotocol.proxiedsocket import ProxiedSocket, streamAddressOf
from lbproxy.net.stream import StreamAddress, StreamServer
from lbproxy.wire.proxyprotocol import MAX_LENGTH, BadProxyHeader, HeaderReader, ProxyHeader

#: Seconds that a header may take. At least three, says the specification: that covers a segment
#: that was lost and sent again.
HEADER_TIMEOUT: Final = 5.0
SHORTEST_TIMEOUT: Final = 3.0

# At most one line about bad headers in so many seconds.
_LOG_PAUSE: Final = 60.0

# The longest header that is accepted.
_LONGEST: Final = 16 + MAX_LENGTH


@implementer(IProtocolFactory)
class ProxiedListener:
    """
    Stands before a listener's factory and transports: to be given to
    L{lbproxy.net.listening.listenStream} both as C{factory} and as C{tls}.

    @ivar denied: connections of peers that may not send headers, where headers are required.
    @ivar malformed: connections whose header was none, or wrong.
    @ivar late: connections whose header did not come in time.
    @ivar waiting: connections whose header is being waited for.
    """

    _log = Logger()

    def __init__(
        self,
        factory: IProtocolFactory,
        trusted: Callable[[str], bool],
        deadlines: Deadlines,
        *,
        required: bool = True,
        timeout: float = HEADER_TIMEOUT,
        tls: Any = None,
    ) -> None:
        """
        @param trusted: must (and may) this peer send a header? Numeric text, C{""} over UNIX
            sockets.
        @param required: others are refused; if not, they are served as what they are. It is never
            guessed from the bytes whether there is a header.
        @param timeout: seconds, 3 at least.
        @param tls: makes the transports: a L{lbproxy.net.tls.server.ServerTLS}; L{None} for none.
        """
        if timeout < SHORTEST_TIMEOUT:
            raise ValueError(f"a PROXY header needs {SHORTEST_TIMEOUT:g} seconds, not {timeout:g}")
        self.deadlines = deadlines
        self.timeout = timeout
        self.denied = self.malformed = self.late = self.waiting = 0
        self._factory = factory
        self._trusted = trusted
        self._required = required
        self._makeTransport: TransportFactory = tls.serverTransport if tls else StreamServer
        self._quietUntil = 0.0

    # -- as a factory

    def doStart(self) -> None:
        """
        A port begins to use this.
        """
        self._factory.doStart()

    def doStop(self) -> None:
        """
        A port is closed.
        """
        self._factory.doStop()

    def buildProtocol(self, addr: Any) -> Any:
        """
        @return: this very object where a header has to be read first, L{None} for those who are
            refused.
        """
        if self._trusted(getattr(addr, "host", "")):
            return self
        if self._required:
            self.denied += 1
            return None
        return self._factory.buildProtocol(addr)

    # -- as what makes transports

    def serverTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, server: Any, reactor: Any
    ) -> BegunTransport:
        """
        For L{lbproxy.net.port.StreamPort}.
        """
        if protocol is not self:
            return self._makeTransport(skt, protocol, peer, server, reactor)
        return AwaitedHeader(self, skt, peer, server, reactor)

    def headerRead(
        self,
        skt: socket.socket,
        header: ProxyHeader,
        peer: StreamAddress,
        server: StreamPort,
        reactor: Any,
    ) -> None:
        """
        For L{AwaitedHeader}: go on as if C{skt} had just been accepted from the client.
        """
        if header.source is not None:
            skt = ProxiedSocket(skt, header)
            peer = streamAddressOf(header.source)
        protocol = self._factory.buildProtocol(peer)
        if protocol is None:
            skt.close()
            return
        transport = self._makeTransport(skt, protocol, peer, server, reactor)
        try:
            transport.begin()
        except Exception:
            self._log.failure("a connection from {peer} could not be begun", peer=peer)
            transport.abortConnection()

    def headerFailed(self, peer: StreamAddress, reason: str) -> None:
        """
        For L{AwaitedHeader}: there is none, or not in time.
        """
        now = self.deadlines.seconds()
        if now >= self._quietUntil:
            self._quietUntil = now + _LOG_PAUSE
            self._log.warn("no PROXY header from {peer}: {reason}", peer=peer, reason=reason)


@implementer(IReadDescriptor)
class AwaitedHeader:
    """
    One accepted connection until its header is there.
    """

    __slots__ = (
        "_listener",
        "_peer",
        "_reactor",
        "_reader",
        "_server",
        "_socket",
        "_watched",
        "deadline",
    )

    _log = Logger()

    def __init__(
        self,
        listener: ProxiedListener,
        skt: socket.socket,
        peer: StreamAddress,
        server: StreamPort,
        reactor: Any,
    ) -> None:
        self._listener = listener
        self._socket: socket.socket | None = skt
        self._peer = peer
        self._server = server
        self._reactor = reactor
        self._reader = HeaderReader()
        self._watched = False
        self.deadline = 0.0
        listener.waiting += 1

    def begin(self) -> None:
        """
        The header often comes with the connection; otherwise it is waited for.
        """
        self.doRead()
        if self._socket is not None:
            listener = self._listener
            self._watched = True
            self._reactor.addReader(self)
            self.deadline = listener.deadlines.seconds() + listener.timeout
            listener.deadlines.watch(self)

    def abortConnection(self) -> None:
        """
        Forget it.
        """
        skt = self._release()
        if skt is not None:
            skt.close()

    def doRead(self) -> None:
        """
        Look at what came, take the header's bytes and leave the others in the socket, for TLS or
        whoever is next.
        """
        skt = self._socket
        assert skt is not None
        try:
            peeked = skt.recv(_LONGEST, socket.MSG_PEEK)
            if not peeked:
                self._fail("it closed the connection")
                return
            header = self._reader.feed(peeked)
            # What is not (yet) a whole header is all the header's: no byte is looked at twice, and
            # the descriptor does not stay readable.
            skt.recv(len(peeked) - len(self._reader.rest))
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error.strerror or str(error))
        except BadProxyHeader as error:
            self._listener.malformed += 1
            self._fail(error.detail)
        else:
            if header is not None:
                self._release()
                listener = self._listener
                listener.headerRead(skt, header, self._peer, self._server, self._reactor)

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}.
        """
        self._listener.late += 1
        self._fail("it did not come in time")

    def connectionLost(self, reason: Failure) -> None:
        """
        For the reactor, when it ends, or sees the peer's reset.
        """
        if isinstance(reason.value, ConnectionDone):
            self._fail("it reset the connection")
        else:
            self.abortConnection()

    def _fail(self, reason: str) -> None:
        skt = self._release()
        if skt is not None:
            skt.close()  # unread bytes make it a reset, which is meant
            self._listener.headerFailed(self._peer, reason)

    def _release(self) -> socket.socket | None:
        skt, self._socket = self._socket, None
        if skt is not None:
            self._listener.waiting -= 1
            self._listener.deadlines.forget(self)
            if self._watched:
                self._watched = False
                self._socket = skt  # its number is still needed
                self._reactor.removeReader(self)
                self._socket = None
        return skt

    def fileno(self) -> int:
        """
        For the reactor.
        """
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """
        For the reactor.
        """
        return "PROXY header"
