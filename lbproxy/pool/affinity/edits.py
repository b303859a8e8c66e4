"""
Which cookies does the backend see, and which the client? What a mode does to the headers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lbproxy.pool.affinity.cookieheader import (
    cookieSet,
    valueSet,
    withoutCookie,
    withoutPrefix,
    withValue,
)
from lbproxy.pool.affinity.settings import CookieSettings
from lbproxy.pool.affinity.tokens import Tokens
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.lease import Lease

#: Between our token and the backend's own value, in mode prefix.
SEPARATOR = b"~"


@dataclass(frozen=True, slots=True)
class ResponseCookies:
    """
    C{values}: the C{Set-Cookie} values that go to the client, ours among them. C{nocache}: the
    response has to say that it is not to be cached.
    """

    values: Sequence[bytes]
    nocache: bool


class CookieEdits:
    """
    What has to be done to the cookies of requests and responses.

    @ivar editsRequests: whether L{request} ever changes anything.
    """

    __slots__ = ("_find", "_name", "_settings", "_tokens", "editsRequests")

    def __init__(
        self,
        settings: CookieSettings,
        tokens: Tokens,
        find: Callable[[Context], Backend | None],
    ) -> None:
        """
        @param find: whose a client is.
        """
        self._settings = settings
        self._tokens = tokens
        self._find = find
        self._name = settings.name.encode()
        self.editsRequests = settings.mode == "prefix" or (
            settings.mode == "insert" and settings.indirect
        )

    def request(self, header: bytes) -> bytes:
        """
        @param header: the client's C{Cookie} header.
        @return: the one for the backend; empty: there must be none.
        """
        if not self.editsRequests:
            return header
        if self._settings.mode == "prefix":
            return withoutPrefix(header, self._name, SEPARATOR)
        return withoutCookie(header, self._name)

    def response(
        self, lease: Lease, context: Context, setCookies: Sequence[bytes]
    ) -> ResponseCookies:
        """
        @param setCookies: the backend's C{Set-Cookie} values.
        """
        theirs = [value for value in setCookies if cookieSet(value) == self._name]
        if not theirs and lease.setCookie is None:
            return ResponseCookies(setCookies, False)
        mode = self._settings.mode
        if mode == "insert":
            return self._inserted(lease, setCookies, theirs)
        if mode == "passive":
            return self._passed(lease, context, setCookies)
        values = [
            self._changed(lease.backend, value) if cookieSet(value) == self._name else value
            for value in setCookies
        ]
        return ResponseCookies(values, self._settings.nocache)

    def _inserted(
        self, lease: Lease, setCookies: Sequence[bytes], theirs: Sequence[bytes]
    ) -> ResponseCookies:
        if theirs and self._settings.preserve:
            # So an application can end the affinity, at logout say.
            return ResponseCookies(setCookies, False)
        values = [value for value in setCookies if cookieSet(value) != self._name]
        if lease.setCookie is not None:
            values.append(lease.setCookie)
        return ResponseCookies(values, self._settings.nocache and lease.setCookie is not None)

    def _passed(
        self, lease: Lease, context: Context, setCookies: Sequence[bytes]
    ) -> ResponseCookies:
        settings = self._settings
        if settings.indirect and not settings.preserve and self._find(context) is lease.backend:
            values = [value for value in setCookies if cookieSet(value) != self._name]
            return ResponseCookies(values, False)
        return ResponseCookies(setCookies, settings.nocache)

    def _changed(self, backend: Backend, setCookie: bytes) -> bytes:
        token = self._tokens.values.get(backend)
        if token is None:
            # It left while it worked on this: its clients belong to nobody.
            return setCookie
        if self._settings.mode == "prefix":
            token += SEPARATOR + valueSet(setCookie)
        return withValue(setCookie, token)
