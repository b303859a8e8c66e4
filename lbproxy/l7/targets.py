"""
Which target does the backend see? The client's own, unless the route rewrites it.
"""

from __future__ import annotations

import re
from typing import Protocol

from lbproxy.wire.http1 import BadMessage, RequestHead, canonicalPath

# Dot segments, maybe escaped: what a prefix is cut off from must not climb out of it again.
_mayClimb = re.compile(rb"/(?:\.|%2[eE])").search


def originTarget(head: RequestHead) -> bytes:
    """
    The target for a backend: an origin server gets no absolute-form from a gateway (RFC 9112
    3.2.1).
    """
    if head.form != "absolute":
        return head.target
    return head.path if head.query is None else b"%b?%b" % (head.path, head.query)


class Substitution(Protocol):
    """
    A compiled expression with its replacement.
    """

    def sub(self, replacement: bytes, text: bytes) -> bytes: ...


class Rewriting:
    """
    What a route changes in the target: C{stripPrefix}, then C{regex}, then C{addPrefix}, on the
    raw path. The query stays as it is.
    """

    __slots__ = ("_addPrefix", "_regex", "_stripPrefix")

    def __init__(
        self,
        stripPrefix: bytes = b"",
        addPrefix: bytes = b"",
        regex: tuple[Substitution, bytes] | None = None,
    ) -> None:
        self._stripPrefix = stripPrefix.rstrip(b"/")
        self._addPrefix = addPrefix.rstrip(b"/")
        self._regex = regex

    def target(self, head: RequestHead) -> bytes:
        """
        The target for the backend.
        """
        if head.path == b"*":
            return b"*"  # the server itself, not something on it
        path = self._strip(head.path)
        if self._regex is not None:
            pattern, replacement = self._regex
            path = _safe(pattern.sub(replacement, path))
        path = self._addPrefix + path
        return path if head.query is None else b"%b?%b" % (path, head.query)

    def _strip(self, raw: bytes) -> bytes:
        prefix = self._stripPrefix
        if not prefix:
            return raw
        path = raw
        if not raw.startswith(prefix) or _mayClimb(raw):
            # Escapes and dot segments must not hide the prefix that the route has matched.
            try:
                path = canonicalPath(raw)
            except BadMessage:
                return raw
        if not path.startswith(prefix):
            return raw
        rest = path[len(prefix) :]
        # A prefix ends where a segment does: /api is not cut from /apis.
        if not rest:
            return b"/"
        return rest if rest.startswith(b"/") else raw


def _safe(path: bytes) -> bytes:
    """
    Escape what may not stand in a target (RFC 3986 3.3); a rewritten path begins with a slash.
    """
    if not path.startswith(b"/"):
        path = b"/" + path
    if _allowed.issuperset(path):
        return path
    return b"".join(b"%c" % byte if byte in _allowed else b"%%%02X" % byte for byte in path)


_allowed = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@/%"
)
