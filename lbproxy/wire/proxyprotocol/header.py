"""
What can a PROXY header say? The values, without their wire form.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from lbproxy.config.address import Address
from lbproxy.errors import DownstreamError


class BadProxyHeader(DownstreamError):
    """
    This is no PROXY header. The connection ends: nothing after it can be believed.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(400, "badProxyHeader", detail)


class Transport(Enum):
    """
    How the client came to the sender; the number is version 2's.
    """

    UNSPECIFIED = 0
    STREAM = 1
    DATAGRAM = 2


@dataclass(frozen=True, slots=True)
class TLSInfo:
    """
    The client's TLS connection, which the sender terminated.

    @ivar secure: the client came over TLS.
    @ivar certificateShown: it showed a certificate on this connection.
    @ivar certificateInSession: it showed one at least once in this TLS session.
    @ivar verify: 0 if it showed one that was found good.
    @ivar certificate: it, in DER.
    @ivar version: such as C{TLSv1.3}. The other names are OpenSSL's, too.
    """

    secure: bool = True
    certificateShown: bool = False
    certificateInSession: bool = False
    verify: int = 1
    version: str = ""
    commonName: str = ""
    cipher: str = ""
    signatureAlgorithm: str = ""
    keyAlgorithm: str = ""
    group: str = ""
    signatureScheme: str = ""
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class TLVs:
    """
    What version 2 can say beside addresses; all of it optional.

    @ivar alpn: the protocol that was agreed on, as in the TLS extension.
    @ivar authority: the name that the client asked for: SNI.
    @ivar uniqueID: at most 128 bytes.
    @ivar networkNamespace: the sender's.
    @ivar others: type and value of those we have no name for, in order.
    """

    alpn: bytes = b""
    authority: str = ""
    uniqueID: bytes = b""
    tls: TLSInfo | None = None
    networkNamespace: str = ""
    others: tuple[tuple[int, bytes], ...] = ()


NO_TLVS: Final = TLVs()


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """
    @ivar source: the client; L{None}, as C{destination} is then, when the connection's own
        addresses count: the sender speaks for itself (C{LOCAL}) or does not know (C{UNKNOWN}). A
        UNIX socket without a name has neither host nor path.
    @ivar destination: what the client connected to.
    @ivar version: in which it came; both are written from the same value.
    """

    transport: Transport = Transport.STREAM
    source: Address | None = None
    destination: Address | None = None
    tlvs: TLVs = NO_TLVS
    version: int = 2


#: The sender speaks for itself, as a health check does.
LOCAL: Final = ProxyHeader(transport=Transport.UNSPECIFIED)
