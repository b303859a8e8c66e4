"""
Where does this client belong? A cookie says so: set by us, signed, and meaning nothing to others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from zope.interface import implementer

from lbproxy.interfaces import IAffinity
from lbproxy.pool.affinity.tokens import Tokens
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context

SameSite = Literal["Strict", "Lax", "None", ""]


@dataclass(frozen=True, slots=True)
class CookieSettings:
    """
    What the cookie looks like.

    C{secrets}: the first signs, all verify. C{maxAge} is in seconds, 0 for the browser's session.
    C{secure} is L{True}, L{False} or L{None} for "as the client's connection is".
    """

    secrets: Sequence[str]
    name: str = "LBID"
    path: str = "/"
    domain: str = ""
    maxAge: float = 0
    sameSite: SameSite = "Lax"
    httpOnly: bool = True
    secure: bool | None = None

    def attributes(self, secure: bool) -> bytes:
        """
        What follows C{name=value} in C{Set-Cookie}.
        """
        parts = [f"; Path={self.path}"] if self.path else []
        if self.domain:
            parts.append(f"; Domain={self.domain}")
        if self.maxAge:
            parts.append(f"; Max-Age={int(self.maxAge)}")
        if self.secure if self.secure is not None else secure:
            parts.append("; Secure")
        if self.httpOnly:
            parts.append("; HttpOnly")
        if self.sameSite:
            parts.append(f"; SameSite={self.sameSite}")
        return "".join(parts).encode()


@implementer(IAffinity)
class CookieAffinity:
    """
    The insert mode: whoever comes without a valid cookie is given one.
    """

    def __init__(self, settings: CookieSettings) -> None:
        self._name = settings.name.encode()
        self._tokens = Tokens(settings.secrets)
        self._plainTail = settings.attributes(secure=False)
        self._secureTail = settings.attributes(secure=True)
        self._owners: dict[bytes | None, Backend] = {}
        self._plain: dict[Backend, bytes] = {}
        self._secure: dict[Backend, bytes] = {}

    def rebuild(self, members: Sequence[Backend]) -> None:
        """
        Make every token and every C{Set-Cookie} in advance.
        """
        self._tokens.rebuild(members)
        self._owners = self._tokens.owners
        heads = {
            backend: self._name + b"=" + value for backend, value in self._tokens.values.items()
        }
        self._plain = {backend: head + self._plainTail for backend, head in heads.items()}
        self._secure = {backend: head + self._secureTail for backend, head in heads.items()}

    def find(self, context: Context) -> Backend | None:
        """
        Whose token the client has; L{None} for none, a forged one and a stale one alike.
        """
        return self._owners.get(context.cookie(self._name))

    def bind(self, context: Context, backend: Backend) -> bytes | None:
        """
        The C{Set-Cookie} that makes the client belong to C{backend}.
        """
        return (self._secure if context.secure else self._plain)[backend]
