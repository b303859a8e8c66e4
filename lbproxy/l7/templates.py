"""
How does a text with C{{placeholders}} become bytes for one request?
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange

_PLACEHOLDER = re.compile(r"\{([A-Za-z.]+)\}")


def _query(exchange: Exchange) -> bytes:
    query = exchange.head.query
    return b"" if query is None else b"?" + query


def _clientSubject(exchange: Exchange) -> bytes:
    return exchange.connection.clientSubject.encode("utf-8", "replace")


PLACEHOLDERS: dict[str, Callable[[Exchange], bytes]] = {
    "host": lambda exchange: exchange.head.host,
    "path": lambda exchange: exchange.head.path,
    "query": _query,
    "clientIP": lambda exchange: exchange.clientIP.encode("ascii"),
    "serverName": lambda exchange: exchange.serverName.encode("ascii", "replace"),
    "requestID": lambda exchange: exchange.takeRequestID(),
    "tls.clientSubject": _clientSubject,
}


class Template:
    """
    A text compiled to its pieces.

    @raise ValueError: for a placeholder that doesn't exist; the message lists those that do.
    """

    __slots__ = ("_pieces",)

    def __init__(self, text: str) -> None:
        self._pieces: list[bytes | Callable[[Exchange], bytes]] = []
        end = 0
        for found in _PLACEHOLDER.finditer(text):
            source = PLACEHOLDERS.get(found.group(1))
            if source is None:
                names = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ValueError(f'unknown placeholder "{found.group()}"; one of {names}')
            self._pieces += [text[end : found.start()].encode("utf-8"), source]
            end = found.end()
        self._pieces.append(text[end:].encode("utf-8"))

    def expand(self, exchange: Exchange) -> bytes:
        """
        The text for one request. What comes from the request was checked by the parser: no control character is in it.
        """
        return b"".join(
            piece if isinstance(piece, bytes) else piece(exchange) for piece in self._pieces
        )
