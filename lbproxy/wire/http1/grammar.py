"""
Which bytes may stand where? The character classes and small rules of RFC 9110 and RFC 9112.
"""

from __future__ import annotations

import re
from socket import AF_INET6, inet_pton

# RFC 9110 5.6.2, ready to stand inside [...].
TOKEN_BYTES = rb"!#$%&'*+.^_`|~0-9A-Za-z-"
# RFC 9110 5.5: no control characters but HTAB; obs-text (0x80 and up) is opaque data.
VALUE_BYTES = rb"\t\x20-\x7e\x80-\xff"

isToken = re.compile(rb"[" + TOKEN_BYTES + rb"]++").fullmatch
isFieldValue = re.compile(rb"[" + VALUE_BYTES + rb"]*+").fullmatch

# RFC 3986 allows more in a reg-name: sub-delims and percent escapes. No client needs them in a
# host, and parsers disagree about them. The underscore does occur.
_authority = re.compile(
    rb"(?:([A-Za-z0-9_~-]++(?:\.[A-Za-z0-9_~-]++)*+\.?+)|\[([0-9A-Fa-f:.]++)\])(:[0-9]*+)?+"
).fullmatch


def checkAuthority(text: bytes) -> bytes | None:
    """
    @return: C{uri-host [":" port]} as it was written, without the colon of an empty port; L{None}
        when C{text} is not that. User information (RFC 9110 4.2.4), zone ids and IPvFuture are
        refused.
    """
    found = _authority(text)
    if found is None or len(text) > 270:
        return None
    literal, port = found.group(2), found.group(3)
    if literal is not None and not _isIPv6(literal):
        return None
    if port is None:
        return text
    if port == b":":
        return text[:-1]
    return text if len(port) <= 6 and int(port[1:]) <= 65535 else None


def _isIPv6(literal: bytes) -> bool:
    try:
        inet_pton(AF_INET6, str(literal, "ascii"))
    except OSError:
        return False
    return True


def hostName(authority: bytes) -> bytes:
    """
    @return: the host of a checked authority, as names are compared: lower-case, without port,
        brackets or the dot that ends an absolute name.
    """
    if authority.startswith(b"["):
        return authority[1 : authority.index(b"]")].lower()
    return authority.partition(b":")[0].lower().removesuffix(b".")
