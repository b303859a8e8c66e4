"""
How do we tell a backend who the client is? A PROXY header in one write, before anything else.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Literal

from cryptography import x509
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure

from lbproxy.config.address import Address
from lbproxy.net.stream import StreamAddress, StreamClient, streamAddress
from lbproxy.wire.proxyprotocol import (
    LOCAL,
    NO_TLVS,
    ProxyHeader,
    TLSInfo,
    TLVs,
    Transport,
    encodeV1,
    encodeV2,
)

Version = Literal["v1", "v2"]


def describe(transport: Any) -> ProxyHeader:
    """
    The client's connection as a header tells it; with TLVs where TLS ended here, or where a proxy
    in front of us sent some.

    @param transport: a client's, connected.
    """
    before: ProxyHeader | None = getattr(transport.socket, "header", None)
    source, destination = _address(transport.getPeer()), _address(transport.getHost())
    tlvs = before.tlvs if before is not None else NO_TLVS
    if transport.isSecure:
        # What we know ourselves beats what somebody told us.
        tlvs = TLVs(
            alpn=transport.negotiatedProtocol or b"",
            authority=transport.serverName,
            uniqueID=tlvs.uniqueID,
            tls=_tlsInfo(transport),
            networkNamespace=tlvs.networkNamespace,
            others=tlvs.others,
        )
    return ProxyHeader(Transport.STREAM, source, destination, tlvs)


def encode(header: ProxyHeader, version: Version) -> bytes:
    """
    In the version that the backends of a pool were configured to read.
    """
    return encodeV1(header) if version == "v1" else encodeV2(header)


def ownHeader(version: Version, host: StreamAddress, peer: StreamAddress) -> bytes:
    """
    For a connection of our own, such as a health check's: version 2 has a word for that, version 1
    wants its addresses.

    @param host: from where we connect, C{peer}: to where.
    """
    if version == "v2":
        return encodeV2(LOCAL)
    return encodeV1(ProxyHeader(Transport.STREAM, _address(host), _address(peer)))


class Announced:
    """
    To be given to L{lbproxy.net.dialing.dial} as C{tls}: sends a header as soon as the connection
    is there, then does TLS where it is wanted.

    One per connection: a header speaks of one client.
    """

    __slots__ = ("_header", "_tls")

    def __init__(self, header: bytes, tls: Any = None) -> None:
        """
        @param tls: a L{lbproxy.net.tls.client.ClientTLS}; L{None} for none.
        """
        self._header = header
        self._tls = tls

    def clientTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, reactor: Any
    ) -> AnnouncedTransport:
        """
        For L{lbproxy.net.dial.Dial}.
        """
        inner = None
        if self._tls is not None:
            inner = self._tls.clientTransport(skt, protocol, peer, reactor)
        return AnnouncedTransport(self._header, skt, protocol, peer, reactor, inner)


class Introduced:
    """
    To be given to L{lbproxy.net.dialing.dial} as C{tls}, for connections of our own, such as health
    checks': sends L{ownHeader}, then does TLS where it is wanted. One for any number of them.
    """

    __slots__ = ("_tls", "_version")

    def __init__(self, version: Version, tls: Any = None) -> None:
        """
        @param tls: a L{lbproxy.net.tls.client.ClientTLS}; L{None} for none.
        """
        self._version: Version = version
        self._tls = tls

    def clientTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, reactor: Any
    ) -> AnnouncedTransport:
        """
        For L{lbproxy.net.dial.Dial}.
        """
        host = streamAddress(skt.family, skt.getsockname())
        announced = Announced(ownHeader(self._version, host, peer), self._tls)
        return announced.clientTransport(skt, protocol, peer, reactor)


class AnnouncedTransport:
    """
    A connection that has just been made, until its header is sent and TLS, if any, is up.
    """

    __slots__ = ("_header", "_inner", "_over", "_peer", "_protocol", "_reactor", "_socket")

    def __init__(
        self,
        header: bytes,
        skt: socket.socket,
        protocol: Any,
        peer: StreamAddress,
        reactor: Any,
        inner: Any,
    ) -> None:
        self._header = header
        self._socket = skt
        self._protocol = protocol
        self._peer = peer
        self._reactor = reactor
        self._inner = inner
        self._over = False

    def handshake(self, done: Callable[[Failure | None], object]) -> None:
        """
        Send the header.

        @param done: as L{lbproxy.net.dialing.HandshakingTransport} has it.
        """
        failure = self._send()
        if failure is None and self._inner is not None:
            self._inner.handshake(done)
        else:
            self._soon(self._tell, done, failure)

    def _send(self) -> Failure | None:
        try:
            # A fresh connection's buffer holds any header; half of one would be an attack on the
            # backend's idea of the client.
            if self._socket.send(self._header) == len(self._header):
                return None
            error = ConnectError(None, "the PROXY header could not be sent in one piece")
        except OSError as e:
            error = ConnectError(e.errno, f"the PROXY header could not be sent: {e.strerror}")
        return Failure(error)

    def _tell(self, done: Callable[[Failure | None], object], failure: Failure | None) -> None:
        if self._over:
            return
        if failure is not None:
            self.abortConnection()
        done(failure)

    def begin(self) -> None:
        """
        Connect the protocol and read.
        """
        if self._inner is not None:
            self._inner.begin()
        else:
            StreamClient(self._socket, self._protocol, self._peer, self._reactor).begin()

    def abortConnection(self) -> None:
        """
        Give up before L{begin}; nobody hears of it.
        """
        self._over = True
        if self._inner is not None:
            self._inner.abortConnection()
        self._socket.close()

    def _soon(self, function: Callable[..., object], *arguments: object) -> None:
        if hasattr(self._reactor, "callSoon"):
            self._reactor.callSoon(function, *arguments)
        else:
            self._reactor.callLater(0, function, *arguments)


def _address(address: Any) -> Address:
    if isinstance(address, IPv4Address | IPv6Address):
        return Address(address.host, address.port)
    name = address.name or b""
    return Address(path=name.decode("utf-8", "surrogateescape"))


def _tlsInfo(transport: Any) -> TLSInfo:
    # Not the certificate itself: with it the header would outgrow what many receivers take.
    certificate: x509.Certificate | None = transport.peerCertificate
    shown = certificate is not None
    return TLSInfo(
        certificateShown=shown,
        certificateInSession=shown,
        verify=0 if shown else 1,
        version=transport.tlsVersion,
        cipher=transport.cipher,
        commonName=_commonName(certificate),
    )


def _commonName(certificate: x509.Certificate | None) -> str:
    if certificate is None:
        return ""
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""
