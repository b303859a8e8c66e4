"""
What was asked of an affinity cookie?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

SameSite = Literal["Strict", "Lax", "None", ""]

#: Who sets the cookie. C{insert}: we do. The others work on a cookie of the backend's: C{rewrite}
#: replaces its value, C{prefix} puts ours in front of it, C{passive} only reads it.
Mode = Literal["insert", "rewrite", "prefix", "passive"]


@dataclass(frozen=True, slots=True)
class CookieSettings:
    """
    C{secrets}: the first signs, all verify. C{maxAge} is in seconds, 0 for the browser's session.
    C{secure} is L{True}, L{False} or L{None} for "as the client's connection is".

    C{indirect}: backends do not see the cookie (insert), or do not repeat it to those who have it
    (passive). C{nocache}: answers that carry it are not to be cached. C{preserve}: when the backend
    sends a cookie of the same name itself, that one counts. C{maxIdle} and C{maxLife}: the cookie
    is ignored when it was not used for so many seconds, or is so old; 0: never.
    """

    secrets: Sequence[str]
    name: str = "LBID"
    path: str = "/"
    domain: str = ""
    maxAge: float = 0
    sameSite: SameSite = "Lax"
    httpOnly: bool = True
    secure: bool | None = None
    mode: Mode = "insert"
    indirect: bool = False
    nocache: bool = False
    preserve: bool = False
    maxIdle: float = 0
    maxLife: float = 0

    def __post_init__(self) -> None:
        """
        @raise ValueError: settings that would work against each other, in words fit for a user.
        """
        if self.indirect and self.mode in ("rewrite", "prefix"):
            # The backend's own changes of its cookie would be lost.
            raise ValueError(f"indirect cannot be used with mode {self.mode}")
        if self.preserve and self.mode != "insert" and not self.indirect:
            raise ValueError("preserve is for mode insert, or with indirect")
        if (self.maxIdle or self.maxLife) and self.mode != "insert":
            raise ValueError("maxIdle and maxLife are for mode insert: only our own is dated")
        if self.maxIdle < 0 or self.maxLife < 0 or self.maxAge < 0:
            raise ValueError("maxAge, maxIdle and maxLife cannot be negative")

    def attributes(self, secure: bool) -> bytes:
        """
        What follows C{name=value} in C{Set-Cookie}.

        @param secure: the client came by TLS.
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
