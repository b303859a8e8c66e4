"""
How does a listener speak TLS? Certificates by SNI, renewed in place; connections brought up.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.logger import Logger
from twisted.python.failure import Failure

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.stream import StreamAddress
from lbproxy.net.tls.certificates import CertificatePair, loadPair
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.handshake import Handshake, HandshakeFailed
from lbproxy.net.tls.native import sessionReused
from lbproxy.net.tls.servercontext import ServerPolicy
from lbproxy.net.tls.stream import CLOSE_TIMEOUT, TLSStream
from lbproxy.net.tls.tlssocket import PortableTLSSocket, TLSSocket

# At most one line about failed handshakes in so many seconds; scanners make thousands.
_LOG_PAUSE = 1.0
# OpenSSL knows some hundred reasons; nobody can make us remember more than this.
_REASONS = 64


class ServerTLS:
    """
    TLS for a listener; see L{lbproxy.net.listening.listenStream}.

    @ivar pairs: the certificates in use.
    @ivar handshakes: how many came up.
    @ivar resumed: how many of those were abbreviated.
    @ivar failed: how many failed, by reason.
    """

    _log = Logger()

    def __init__(
        self,
        certificates: Iterable[tuple[str, str]],
        *,
        profile: str = "intermediate",
        minVersion: str = "1.2",
        alpn: Iterable[bytes] = (),
        clientAuth: ClientAuth | None = None,
        sessionTickets: bool = True,
        handshakeTimeout: float = 10.0,
        closeTimeout: float = CLOSE_TIMEOUT,
        deadlines: Deadlines | None = None,
    ) -> None:
        """
        @param certificates: paths of (certificate with chain, key). By SNI the exact name counts,
            then a wildcard, then the first.
        @param profile: C{"intermediate"} or C{"modern"}, as Mozilla defines them.
        @param minVersion: C{"1.2"} or C{"1.3"}.
        @param alpn: the best first. A client that offers others only is refused; one that offers
            none is welcome. Empty: ALPN is ignored.
        @param sessionTickets: otherwise sessions are kept here.
        @param handshakeTimeout: seconds; 0: no limit.
        @param closeTimeout: seconds a closing connection may stand still.
        @param deadlines: a wheel to share; without one there is one for this listener.
        @raise ValueError: with a message fit for a user.
        """
        self._paths = list(certificates)
        if not self._paths:
            raise ValueError("at least one certificate is needed")
        self._policy = ServerPolicy(profile, minVersion, tuple(alpn), clientAuth, sessionTickets)
        self._deadlines = deadlines
        self.handshakeTimeout = handshakeTimeout
        self.closeTimeout = closeTimeout
        self.handshakes = 0
        self.resumed = 0
        self.failed: dict[str, int] = {}
        self._scratch = TLSSocket.makeScratch()
        self._quietUntil = 0.0
        self._unlogged = 0
        self._seen = self._look()
        self._load()

    # Certificates

    def reload(self, force: bool = False) -> bool:
        """
        Take changed files into use. Connections that are up stay as they are; sessions from before
        are not resumed any more.

        @param force: also when no file has changed: that makes new ticket keys.
        @return: there was something to do.
        @raise ValueError: a file is of no use. All stays as it was, and the next call tries again.
        """
        seen = self._look()
        if seen == self._seen and not force:
            return False
        self._load()
        self._seen = seen
        return True

    def warnings(self) -> list[str]:
        """
        What is odd about the certificates in use: expired, without names.
        """
        return [warning for pair in self.pairs for warning in pair.warnings()]

    def _load(self) -> None:
        pairs: Sequence[CertificatePair] = [loadPair(cert, key) for cert, key in self._paths]
        self._contexts = self._policy.contexts(pairs)
        self.pairs = pairs

    def _look(self) -> list[tuple[int, int, int] | None]:
        clientAuth = self._policy.clientAuth
        paths = [path for pair in self._paths for path in pair]
        return [_fingerprint(path) for path in (*paths, *(clientAuth.files if clientAuth else ()))]

    # Connections

    def connection(self, skt: socket.socket) -> PortableTLSSocket:
        """
        Ready for its handshake.
        """
        connection = TLSSocket(self._contexts.first, skt, self._scratch)
        # All the contexts must live as long as the connection, whatever is reloaded meanwhile.
        connection.set_app_data(self._contexts)
        connection.set_accept_state()
        return connection

    def serverTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, server: Any, reactor: Any
    ) -> AcceptedTLS:
        """
        For L{lbproxy.net.port.StreamPort}, and for whoever accepted a connection himself. What came
        before TLS has to be read from the socket to the byte; peeked bytes may stay in it.

        @param skt: connected, non-blocking.
        @param peer: what C{getPeer} says.
        """
        connection = self.connection(skt)
        deadlines = self._deadlinesOn(reactor)
        handshake = Handshake(reactor, connection, deadlines)

        def transport() -> TLSStream:
            return TLSStream(connection, protocol, peer, reactor, deadlines, self.closeTimeout)

        return AcceptedTLS(self, handshake, protocol, peer, transport)

    def _deadlinesOn(self, reactor: Any) -> Deadlines:
        if self._deadlines is None:
            self._deadlines = Deadlines(reactor)
            self._deadlines.start()
        return self._deadlines

    def succeeded(self, handshake: Handshake) -> None:
        """
        Count.
        """
        self.handshakes += 1
        if sessionReused(handshake.connection):
            self.resumed += 1

    def failedWith(self, reason: str, peer: StreamAddress) -> None:
        """
        Count, and say so now and then.
        """
        if reason not in self.failed and len(self.failed) >= _REASONS:
            reason = "other"
        self.failed[reason] = self.failed.get(reason, 0) + 1
        assert self._deadlines is not None
        now = self._deadlines.seconds()
        if now < self._quietUntil:
            self._unlogged += 1
            return
        more = f" ({self._unlogged} more before)" if self._unlogged else ""
        self._log.info(
            "TLS handshake with {peer} failed: {reason}{more}", peer=peer, reason=reason, more=more
        )
        self._unlogged = 0
        self._quietUntil = now + _LOG_PAUSE


class AcceptedTLS:
    """
    A connection that was just accepted; its transport is made when TLS is up.

    When it fails, C{protocol.handshakeFailed(failure)} is called, if there is such a method: the
    protocol was built, and now hears of nothing else.
    """

    __slots__ = ("_handshake", "_makeTransport", "_peer", "_protocol", "_tls")

    def __init__(
        self,
        tls: ServerTLS,
        handshake: Handshake,
        protocol: Any,
        peer: StreamAddress,
        makeTransport: Callable[[], TLSStream],
    ) -> None:
        self._tls = tls
        self._handshake = handshake
        self._protocol = protocol
        self._peer = peer
        self._makeTransport = makeTransport

    def begin(self) -> None:
        """
        Start the handshake. The protocol is connected once it is over.
        """
        self._handshake.start(self._done, self._tls.handshakeTimeout, speakFirst=False)

    def abortConnection(self) -> None:
        """
        Give up; the protocol hears nothing.
        """
        self._handshake.cancel()

    def _done(self, reason: str) -> None:
        if reason:
            self._tls.failedWith(reason, self._peer)
            failed = getattr(self._protocol, "handshakeFailed", None)
            if failed is not None:
                failed(Failure(HandshakeFailed(reason)))
            return
        self._tls.succeeded(self._handshake)
        transport = self._makeTransport()
        try:
            transport.begin()
        except Exception:
            self._tls._log.failure("a connection from {peer} could not be begun", peer=self._peer)
            transport.abortConnection()


def _fingerprint(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino)
