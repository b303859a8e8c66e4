"""
What may routes, pools, templates and logs ask of a request?
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from lbproxy.wire.cookies import CookieFinder
from lbproxy.wire.http1 import RequestHead
from lbproxy.wire.query import queryValue

if TYPE_CHECKING:
    from lbproxy.l7.server import HTTPServerProtocol

# One that is longer than any made to be kept, or that would look like several words in the log, is
# replaced.
_isRequestID = re.compile(rb"[\x21-\x7e]{1,128}").fullmatch

# Names come from the configuration: there are few, and each costs a compiled expression.
_finder = lru_cache(maxsize=256)(CookieFinder)


class RequestContext:
    """
    A request as it came. Implements the pool's C{Context}.

    @ivar clientIP: the client's address, as far as trusted proxies tell it; numeric text.
    @ivar path: decoded and free of dot segments where routes look at paths, else raw.
    """

    __slots__ = ("clientIP", "connection", "head", "path", "requestID")

    clientIP: str
    connection: HTTPServerProtocol
    head: RequestHead
    path: bytes
    requestID: bytes

    @property
    def secure(self) -> bool:
        """
        The client's side is TLS.
        """
        return self.connection.secure

    @property
    def serverName(self) -> str:
        """
        The SNI, empty when unknown.
        """
        return self.connection.serverName

    def header(self, name: bytes) -> bytes | None:
        """
        The first value of the header field with that lower-case name.
        """
        return self.head.block.get(name)

    def cookie(self, name: bytes) -> bytes | None:
        """
        The value of the first cookie of that name.
        """
        block = self.head.block
        field = b"; ".join(block.getAll(b"cookie")) if block.repeats else block.get(b"cookie")
        return _finder(name).find(field)

    def query(self, name: bytes) -> bytes | None:
        """
        The first value of that query parameter, decoded.
        """
        return queryValue(self.head.query, name)

    def connectionID(self) -> bytes:
        """
        For QUIC only.
        """
        return b""

    def takeRequestID(self) -> bytes:
        """
        The request's name: the client's, or one of ours.
        """
        if not self.requestID:
            given = self.head.block.get(b"x-request-id")
            if given is not None and _isRequestID(given):
                self.requestID = given
            else:
                nextID = self.connection.factory.nextRequestID
                self.requestID = nextID()
        return self.requestID
