"""
What do the bytes of an HTTP/1 message mean? Strict, fast, and without any IO.
"""

from __future__ import annotations

from lbproxy.wire.http1.body import CloseBody, LengthBody, requestBody, responseBody
from lbproxy.wire.http1.chunked import ChunkedBody
from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.grammar import checkAuthority, hostName
from lbproxy.wire.http1.headers import HeaderBlock
from lbproxy.wire.http1.limits import DEFAULT_LIMITS, HeadLimits
from lbproxy.wire.http1.paths import PathForm, canonicalPath, normalizePath
from lbproxy.wire.http1.request import (
    LIMITED_HOPS,
    RequestHead,
    RequestReader,
    forgetRequests,
)
from lbproxy.wire.http1.response import ResponseHead, ResponseReader, forgetResponses
from lbproxy.wire.http1.write import LAST_CHUNK, encodeChunk, encodeFields, encodeTrailers

__all__ = [
    "DEFAULT_LIMITS",
    "LAST_CHUNK",
    "LIMITED_HOPS",
    "BadMessage",
    "ChunkedBody",
    "CloseBody",
    "HeadLimits",
    "HeaderBlock",
    "LengthBody",
    "PathForm",
    "RequestHead",
    "RequestReader",
    "ResponseHead",
    "ResponseReader",
    "canonicalPath",
    "checkAuthority",
    "encodeChunk",
    "encodeFields",
    "encodeTrailers",
    "forgetHeads",
    "hostName",
    "normalizePath",
    "requestBody",
    "responseBody",
]


def forgetHeads() -> None:
    """
    Forget the heads seen so far, and with them what was derived from them: to be called when what
    those who read blocks keep in C{HeaderBlock.memo} holds no longer, as after a reload.
    """
    forgetRequests()
    forgetResponses()
