"""
What does a TLS connection look like to a protocol? The same as any stream, except for its end.

TLS has no half-close that peers agree on, so the peer's close_notify ends both directions once what
is queued has left. Closing from this side waits for the peer, but not for long::

    open --loseConnection--> draining --all sent--> close_notify sent --theirs, or EOF--> lost
      |                        |                      |
      |                        '- stuck: aborted      '- silence: lost, or aborted when stuck
      |
      '--the peer's close_notify--> draining --all sent, close_notify sent--> lost
                                    |
                                    '- stuck: aborted
"""

from __future__ import annotations

import re
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet import main
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from twisted.python.failure import Failure

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.directstream import DirectStream
from lbproxy.net.progress import unsentBytes
from lbproxy.net.stream import Stream, StreamAddress
from lbproxy.net.tls.tlssocket import READ_SIZE, PortableTLSSocket

# RFC 6066 3; the underscore some names have. This gets into logs and headers.
_hostName = re.compile(rb"[A-Za-z0-9._-]+").fullmatch

_DONE = Failure(main.CONNECTION_DONE)
_LOST = Failure(main.CONNECTION_LOST)

#: Seconds a closing connection may stand still.
CLOSE_TIMEOUT = 5.0
_UNKNOWN = 1 << 62  # bytes; how much is on its way is only found out when somebody waits for it


class TLSStream(Stream):
    """
    A connection whose handshake is over. An end without close_notify is a C{ConnectionLost}: what
    came before it may have been cut short by anybody on the way.
    """

    isSecure = True
    deadline = 0.0
    _peerLeft = False  # close_notify received
    _readWaits = False  # a read has to write first
    _writeWaits = False  # a write has to read first
    _lingering = False  # close_notify sent, the peer's is awaited
    _unsent = 0

    socket: PortableTLSSocket  # type: ignore[assignment]

    def __init__(
        self,
        skt: PortableTLSSocket,
        protocol: IProtocol,
        peer: StreamAddress,
        reactor: Any,
        deadlines: Deadlines,
        closeTimeout: float = CLOSE_TIMEOUT,
    ) -> None:
        """
        @param closeTimeout: seconds; see the drawing above.
        """
        super().__init__(skt, protocol, peer, reactor)  # type: ignore[arg-type]
        self._connection = skt
        self._deadlines = deadlines
        self._closeTimeout = closeTimeout

    def logPrefix(self) -> str:
        return "TLSStream"  # asked for at the end of each connection, and used by hardly anybody

    # What was agreed on; found out when somebody asks, also after the end

    @property
    def serverName(self) -> str:  # type: ignore[override]
        """
        What the client asked for by SNI, lower-case; C{""} when it asked for nobody, or for
        something that is no host name.
        """
        name = self._connection.get_servername()
        return name.decode("ascii").lower().rstrip(".") if name and _hostName(name) else ""

    @property
    def negotiatedProtocol(self) -> bytes | None:  # type: ignore[override]
        """
        By ALPN; L{None} when there was none.
        """
        return self._connection.get_alpn_proto_negotiated() or None

    @property
    def tlsVersion(self) -> str:
        """
        C{"TLSv1.3"} or C{"TLSv1.2"}.
        """
        return self._connection.get_protocol_version_name()

    @property
    def cipher(self) -> str:
        """
        As OpenSSL names it.
        """
        return self._connection.get_cipher_name() or ""

    @property
    def peerCertificate(self) -> x509.Certificate | None:
        """
        Verified, unless whoever made the context did not want that. L{None}: the peer showed none.
        """
        return self._connection.get_peer_certificate(as_cryptography=True)

    # What is written goes through OpenSSL, which is the socket here.
    write = DirectStream.write

    # Reading

    def doRead(self) -> Any:
        skt = self.socket
        try:
            data = skt.recv(READ_SIZE)
        except OSError as e:
            return self._readFailed(e)
        if not data:
            self._peerLeft = True
            return main.CONNECTION_DONE
        if not self.disconnecting:
            self.protocol.dataReceived(data)
        if skt.again:
            self._soon(self._readAgain)
        if self._writeWaits:
            self._writeWaits = False
            self.reactor.addWriter(self)
        return None

    def _readFailed(self, error: OSError) -> Any:
        if not isinstance(error, BlockingIOError):
            # Who was told goodbye may leave as he likes.
            return main.CONNECTION_DONE if self._lingering else main.CONNECTION_LOST
        if self.socket.wantsWrite:
            self._readWaits = True
            self._unwatch()
            self.reactor.addWriter(self)
        return None

    def _unwatch(self) -> None:
        """
        Leave the reactor in peace about reading, though somebody wants to read.
        """
        if self._watched:
            self._watched = False
            self.reactor.removeReader(self)

    def _readAgain(self) -> None:
        """
        What was read past stays unread until somebody wants to read; the descriptor won't tell.
        """
        if self.connected and self.reading and not self._ended and self.socket.again:
            self._report(self.doRead(), reading=True)

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if self.reading and self.connected and self.socket.again:
            self._soon(self._readAgain)

    def _report(self, why: Any, reading: bool) -> None:
        """
        What the reactor does with the answer of a C{doRead}.
        """
        if why is main.CONNECTION_DONE:
            self.readConnectionLost(_DONE)
        elif why is not None:
            self.connectionLost(_LOST)

    def doWrite(self) -> Any:
        if self._readWaits:
            self._readWaits = False
            if self.reading:
                self.startReading()
                why = self.doRead()
                if why is not None or self._readWaits or not self.connected:
                    return why
        self.socket.wantsRead = False
        why = super().doWrite()
        if self._queue and self.connected and self.socket.wantsRead:
            self._writeWaits = True
            self.reactor.removeWriter(self)
        return why

    # Closing

    def loseConnection(self) -> None:
        # Reading goes on if it did; what comes is dropped, until the peer says goodbye as well.
        if self.connected and not self.disconnecting and not self._ended:
            self.disconnecting = True
            self._flush()
            self._watchClosing()

    def readConnectionLost(self, reason: Failure) -> None:
        self.stopReading()
        if self._lingering:
            self.connectionLost(_DONE)
        elif not self._peerLeft:
            self.connectionLost(_LOST)
        elif self._queue:
            self._writeDisconnected = True  # nothing more is taken
            self.disconnecting = True
            self._watchClosing()
        else:
            self._sayGoodbye()
            self.connectionLost(_DONE)

    def _flushed(self) -> Any:
        if self._peerLeft:
            self._sayGoodbye()
            return main.CONNECTION_DONE
        if super()._flushed() is None:
            return None
        if not self._sayGoodbye():
            return None
        return main.CONNECTION_DONE

    def _sayGoodbye(self) -> bool:
        """
        @return: there is nothing to wait for any more.
        """
        try:
            self._closeNotify()
        except SSL.WantWriteError:
            self.reactor.addWriter(self)
            return False
        except SSL.Error:
            return True
        # OpenSSL takes nothing more, and would have us believe that the connection is dead.
        self._writeDisconnected = True
        self._direct = False
        if self._peerLeft:
            return True
        # With unread bytes left the kernel would answer them with a reset, which takes what is
        # still on its way to the peer with it. So read on, for the peer's goodbye.
        self._lingering = True
        self.startReading()
        return False

    def _closeNotify(self) -> None:
        # A second call would look for the peer's, and fail when something else comes before it.
        if not self.socket.get_shutdown() & SSL.SENT_SHUTDOWN:
            self.socket.shutdown()

    def _closeWriteConnection(self) -> None:
        # TLS 1.3 allows to go on reading (RFC 8446 6.1); no FIN, or the peer would miss its alerts.
        try:
            self._closeNotify()
        except SSL.Error:
            pass
        protocol = IHalfCloseableProtocol(self.protocol, None)
        if protocol is not None:
            protocol.writeConnectionLost()

    def _watchClosing(self) -> None:
        self._unsent = _UNKNOWN
        self.deadline = self._deadlines.seconds() + self._closeTimeout / 2
        self._deadlines.watch(self)

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}: the connection is closing. Twice without progress is the end.
        """
        if not self.connected:
            return
        unsent = unsentBytes(self)
        if self._unsent > unsent or (self.producer is not None and not unsent):
            self._unsent = unsent
            self.deadline = now + self._closeTimeout / 2
        elif unsent:
            self.abortConnection()
        else:
            self.connectionLost(_DONE)

    def connectionLost(self, reason: Failure) -> None:
        if not self.disconnected:
            self._deadlines.forget(self)
            # Or OpenSSL would throw away the session of a connection that ended otherwise, which
            # RFC 8446 6.1 does not ask for.
            self._connection.set_shutdown(SSL.SENT_SHUTDOWN | SSL.RECEIVED_SHUTDOWN)
            super().connectionLost(reason)
