"""
Where does this client belong? A cookie says so: set by us, signed, and meaning nothing to others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from zope.interface import implementer

from lbproxy.interfaces import ICookieAffinity
from lbproxy.pool.affinity.dated import DatedCookieAffinity
from lbproxy.pool.affinity.edits import CookieEdits
from lbproxy.pool.affinity.servercookie import ServerCookieAffinity
from lbproxy.pool.affinity.settings import CookieSettings
from lbproxy.pool.affinity.tokens import Tokens
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context

__all__ = ["CookieAffinity", "CookieSettings", "cookieAffinity"]


@implementer(ICookieAffinity)
class CookieAffinity:
    """
    The insert mode: whoever comes without a valid cookie is given one.

    @ivar edits: what it does to the headers besides.
    """

    def __init__(self, settings: CookieSettings) -> None:
        assert settings.mode == "insert" and not settings.maxIdle and not settings.maxLife
        self._name = settings.name.encode()
        self._tokens = Tokens(settings.secrets)
        self._plainTail = settings.attributes(secure=False)
        self._secureTail = settings.attributes(secure=True)
        self._owners: dict[bytes | None, Backend] = {}
        self._plain: dict[Backend, bytes] = {}
        self._secure: dict[Backend, bytes] = {}
        self.edits = CookieEdits(settings, self._tokens, self.find)

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


def cookieAffinity(
    settings: CookieSettings, wallClock: Callable[[], float] = time.time
) -> CookieAffinity | DatedCookieAffinity | ServerCookieAffinity:
    """
    The affinity that C{settings} ask for; each has C{edits}.

    @param wallClock: seconds since 1970, for cookies that have to be dated.
    """
    if settings.mode != "insert":
        return ServerCookieAffinity(settings)
    if settings.maxIdle or settings.maxLife:
        return DatedCookieAffinity(settings, wallClock)
    return CookieAffinity(settings)
