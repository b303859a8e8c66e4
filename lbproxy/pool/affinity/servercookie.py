"""
Where does this client belong? A cookie of the backend's says so.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from lbproxy.interfaces import ICookieAffinity
from lbproxy.pool.affinity.edits import SEPARATOR, CookieEdits
from lbproxy.pool.affinity.settings import CookieSettings
from lbproxy.pool.affinity.tokens import Tokens
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context


@implementer(ICookieAffinity)
class ServerCookieAffinity:
    """
    The modes rewrite, prefix and passive: only clients to whom the backend gave its cookie stay.

    In mode passive the value that the backend sets is its name in the configuration; in the other
    two we put our token into the cookie on its way to the client.

    @ivar edits: what it does to the headers.
    """

    def __init__(self, settings: CookieSettings) -> None:
        self._name = settings.name.encode()
        self._mode = settings.mode
        self._tokens = Tokens(settings.secrets)
        self._owners: dict[bytes | None, Backend] = {}
        self.edits = CookieEdits(settings, self._tokens, self.find)

    def rebuild(self, members: Sequence[Backend]) -> None:
        """
        Make every token in advance.
        """
        self._tokens.rebuild(members)
        if self._mode == "passive":
            self._owners = {backend.name.encode(): backend for backend in members}
        else:
            self._owners = self._tokens.owners

    def find(self, context: Context) -> Backend | None:
        """
        Whom the cookie means; L{None} for none and for one that means nobody.
        """
        value = context.cookie(self._name)
        if value is not None and self._mode == "prefix":
            value = value.partition(SEPARATOR)[0]
        return self._owners.get(value)

    def bind(self, context: Context, backend: Backend) -> bytes | None:
        """
        Nothing to add: whether there is a cookie is the backend's decision.
        """
        return None
