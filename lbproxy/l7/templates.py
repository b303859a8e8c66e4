"""
How does a text with C{{placeholders}} become bytes for one request?
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbproxy.l7.context import RequestContext

_PLACEHOLDER = re.compile(r"\{([A-Za-z.]+)\}")
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")
_isName = re.compile(r"[0-9A-Za-z._-]*").fullmatch


def _query(request: RequestContext) -> bytes:
    query = request.head.query
    return b"" if query is None else b"?" + query


def _clientSubject(request: RequestContext) -> bytes:
    # Nobody keeps line ends out of certificates. RFC 4514 2.4 has an escape for every byte.
    return _CONTROL.sub(_escape, request.connection.clientSubject.encode("utf-8", "replace"))


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\%02X" % found.group()[0]


def _serverName(request: RequestContext) -> bytes:
    # OpenSSL takes any bytes for a name in SNI.
    name = request.serverName
    return name.encode("ascii") if _isName(name) else b""


def _withoutPort(authority: bytes) -> bytes:
    if authority.startswith(b"["):
        return authority.partition(b"]")[0] + b"]"
    return authority.partition(b":")[0]


PLACEHOLDERS: dict[str, Callable[[RequestContext], bytes]] = {
    "host": lambda request: _withoutPort(request.head.host),
    "path": lambda request: request.head.path,
    "query": _query,
    "clientIP": lambda request: request.clientIP.encode("ascii"),
    "serverName": _serverName,
    "requestID": lambda request: request.takeRequestID(),
    "tls.clientSubject": _clientSubject,
}


class Template:
    """
    A text compiled to its pieces.

    @ivar fixed: the whole text, where it has no placeholder; else L{None}.

    @raise ValueError: for a placeholder that doesn't exist; the message lists those that do.
    """

    __slots__ = ("_pieces", "fixed")

    def __init__(self, text: str) -> None:
        self._pieces: list[bytes | Callable[[RequestContext], bytes]] = []
        end = 0
        for found in _PLACEHOLDER.finditer(text):
            source = PLACEHOLDERS.get(found.group(1))
            if source is None:
                names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ValueError(f'unknown placeholder "{found.group()}"; one of {names}')
            self._pieces += [text[end : found.start()].encode("utf-8"), source]
            end = found.end()
        self._pieces.append(text[end:].encode("utf-8"))
        self.fixed = text.encode("utf-8") if len(self._pieces) == 1 else None

    def expand(self, request: RequestContext) -> bytes:
        """
        The text for one request. No control character is in it: the parser has checked the
        request, and what comes from TLS is checked here.
        """
        return b"".join(
            piece if isinstance(piece, bytes) else piece(request) for piece in self._pieces
        )
