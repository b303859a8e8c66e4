"""
Who is really asking? The PROXY protocol, versions 1 and 2, read strictly and written exactly.

The words are those of the specification (haproxy.org, proxy-protocol.txt, with its text on UDP of
April 2026).
"""

from lbproxy.wire.proxyprotocol.header import (
    LOCAL,
    NO_TLVS,
    BadProxyHeader,
    ProxyHeader,
    TLSInfo,
    TLVs,
    Transport,
)
from lbproxy.wire.proxyprotocol.reader import MAX_LENGTH, HeaderReader
from lbproxy.wire.proxyprotocol.v1 import encodeV1
from lbproxy.wire.proxyprotocol.v2 import decodeV2, encodeV2, headerLength

__all__ = [
    "LOCAL",
    "MAX_LENGTH",
    "NO_TLVS",
    "BadProxyHeader",
    "HeaderReader",
    "ProxyHeader",
    "TLSInfo",
    "TLVs",
    "Transport",
    "decodeV2",
    "encodeV1",
    "encodeV2",
    "headerLength",
]
