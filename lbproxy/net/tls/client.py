"""
How is a backend spoken to over TLS? One context for all connections to it; the peer is verified.
"""

from __future__ import annotations

import copy
import socket
from collections.abc import Callable, Iterable
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import UNIXAddress
from twisted.python.failure import Failure

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.stream import StreamAddress
from lbproxy.net.tls.certificates import loadPair
from lbproxy.net.tls.handshake import Handshake, HandshakeFailed
from lbproxy.net.tls.profiles import SUITES
from lbproxy.net.tls.servercontext import show
from lbproxy.net.tls.stream import CLOSE_TIMEOUT, TLSStream
from lbproxy.net.tls.tlssocket import PortableTLSSocket, TLSSocket
from lbproxy.net.tls.verify import Verification, isAddress, peerName, trust, verifyPeer


class ClientTLS:
    """
    TLS towards backends; see L{lbproxy.net.dialing.dial}.

    @ivar serverName: asked for by SNI, and what the certificate has to be for; C{""}: the address
        that was dialed.
    """

    def __init__(
        self,
        serverName: str = "",
        *,
        ca: str = "",
        verify: bool = True,
        cert: str = "",
        key: str = "",
        alpn: Iterable[bytes] = (),
        closeTimeout: float = CLOSE_TIMEOUT,
        deadlines: Deadlines | None = None,
    ) -> None:
        """
        @param serverName: a DNS name or an IP address.
        @param ca: path of a PEM file with who is trusted, roots or not; C{""}: the system's.
        @param verify: L{False}: anybody will do.
        @param cert: path of our own certificate, for backends that ask for one; C{key} belongs to
            it.
        @param alpn: what to offer, the best first.
        @param closeTimeout: seconds a closing connection may stand still.
        @param deadlines: a wheel to share; without one there is one of our own.
        @raise ValueError: with a message fit for a user.
        """
        self.serverName = peerName(serverName) if serverName else ""
        self.verify = verify
        self.closeTimeout = closeTimeout
        self.context = clientContext(ca, verify, cert, key, alpn)
        self._deadlines = deadlines
        self._scratch = TLSSocket.makeScratch()

    def named(self, serverName: str) -> ClientTLS:
        """
        The same context, for another name: for a backend that is dialed by its own.

        @raise ValueError: with a message fit for a user.
        """
        other = copy.copy(self)
        other.serverName = peerName(serverName)
        return other

    def connection(self, skt: socket.socket, host: str = "") -> PortableTLSSocket:
        """
        Ready for its handshake.

        @param host: whom we dialed, where L{serverName} does not say it.
        """
        name = self.serverName or (peerName(host) if host else "")
        connection = TLSSocket(self.context, skt, self._scratch)
        if self.verify:
            connection.verification = Verification(name)
        prepareClient(connection, name)
        return connection

    def clientTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, reactor: Any
    ) -> DialedTLS:
        """
        @param skt: connected, non-blocking.
        """
        host = "" if isinstance(peer, UNIXAddress) else peer.host
        connection = self.connection(skt, host)
        deadlines = self._deadlinesOn(reactor)
        handshake = Handshake(reactor, connection, deadlines)

        def transport() -> TLSStream:
            return TLSStream(connection, protocol, peer, reactor, deadlines, self.closeTimeout)

        return DialedTLS(handshake, transport)

    def _deadlinesOn(self, reactor: Any) -> Deadlines:
        if self._deadlines is None:
            self._deadlines = Deadlines(reactor)
            self._deadlines.start()
        return self._deadlines


class DialedTLS:
    """
    A connection that was just dialed; its transport is made when TLS is up.
    """

    __slots__ = ("_handshake", "_makeTransport")

    def __init__(self, handshake: Handshake, makeTransport: Callable[[], TLSStream]) -> None:
        self._handshake = handshake
        self._makeTransport = makeTransport

    def handshake(self, done: Callable[[Failure | None], object]) -> None:
        """
        Begin.

        @param done: called once, not from within this call: with L{None} when TLS is up, or with a
            failure (L{HandshakeFailed}) after the socket has been closed.
        """

        def ended(reason: str) -> None:
            if reason:
                done(Failure(HandshakeFailed(reason)))
            else:
                done(None)

        # Whoever dials has set a limit for all of it.
        self._handshake.start(ended, 0, speakFirst=True)

    def begin(self) -> None:
        """
        The handshake is over: connect the protocol and read.
        """
        self._makeTransport().begin()

    def abortConnection(self) -> None:
        """
        Give up before L{begin}; nobody hears of it.
        """
        self._handshake.cancel()


def clientContext(
    ca: str, verify: bool, cert: str, key: str, alpn: Iterable[bytes] = ()
) -> SSL.Context:
    """
    @raise ValueError: with a message fit for a user.
    """
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_tls13_ciphersuites(SUITES)
    context.set_mode(SSL.MODE_RELEASE_BUFFERS)
    context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    if verify:
        trust(context, ca)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, verifyPeer)
    if cert:
        show(context, loadPair(cert, key or cert))
    protocols = list(alpn)
    if protocols:
        context.set_alpn_protos(protocols)
    return context


def prepareClient(connection: SSL.Connection, name: str) -> None:
    """
    Before the handshake: say whom we want.
    """
    connection.set_connect_state()
    # RFC 6066 3: no addresses.
    if name and not isAddress(name):
        connection.set_tlsext_host_name(name.encode("ascii"))
