"""
Where does this client belong, and since when? Cookies that age.

The value is C{token.seen.first}: when the client was seen last and first, in seconds since 1970,
hexadecimal. The token is signed, the times are not: whoever forges them only stays with a backend
to which it belonged anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zope.interface import implementer

from lbproxy.interfaces import ICookieAffinity, IRenewing
from lbproxy.pool.affinity.edits import CookieEdits
from lbproxy.pool.affinity.settings import CookieSettings
from lbproxy.pool.affinity.tokens import Tokens
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context

# Clocks of several nodes differ, but not by more than this: such a date is no date.
_FUTURE = 24 * 3600

_DOT = b"."

# Seconds since 1970 have so many hexadecimal digits until the year 6325.
_LONGEST = 9


@implementer(ICookieAffinity, IRenewing)
class DatedCookieAffinity:
    """
    The insert mode with C{maxIdle}, C{maxLife} or both.

    A token without dates is good, and dated at once: so the settings can be introduced later.

    @ivar edits: what it does to the headers besides.
    """

    def __init__(self, settings: CookieSettings, wallClock: Callable[[], float]) -> None:
        """
        @param wallClock: seconds since 1970.
        """
        self._settings = settings
        self._wallClock = wallClock
        self._name = settings.name.encode()
        self._tokens = Tokens(settings.secrets)
        self._tails = {secure: settings.attributes(secure) for secure in (False, True)}
        self.edits = CookieEdits(settings, self._tokens, self.find)

    def rebuild(self, members: Sequence[Backend]) -> None:
        """
        Make every token in advance.
        """
        self._tokens.rebuild(members)

    def find(self, context: Context) -> Backend | None:
        """
        Whose token the client has, if it is not too old.
        """
        value = context.cookie(self._name)
        if value is None:
            return None
        token, dot, dates = value.partition(_DOT)
        backend = self._tokens.owners.get(token)
        if backend is None or not dot:
            return backend
        times = _times(dates)
        return backend if times is not None and self._isFresh(*times) else None

    def bind(self, context: Context, backend: Backend) -> bytes | None:
        """
        The C{Set-Cookie} that makes the client belong to C{backend} from now on.
        """
        now = int(self._wallClock())
        return self._setCookie(context, backend, now, now)

    def renew(self, context: Context, backend: Backend) -> bytes | None:
        """
        A cookie that says that the client was seen just now, if idling matters; and one with dates
        for a client whose has none.
        """
        now = int(self._wallClock())
        times = _times((context.cookie(self._name) or b"").partition(_DOT)[2])
        if times is None:
            return self._setCookie(context, backend, now, now)
        seen, first = times
        if not self._settings.maxIdle or now <= seen:
            return None
        return self._setCookie(context, backend, now, first)

    def _isFresh(self, seen: int, first: int) -> bool:
        now, settings = self._wallClock(), self._settings
        if max(seen, first) > now + _FUTURE:
            return False
        if settings.maxIdle and now - seen > settings.maxIdle:
            return False
        return not settings.maxLife or now - first <= settings.maxLife

    def _setCookie(self, context: Context, backend: Backend, seen: int, first: int) -> bytes:
        token = self._tokens.values[backend]
        return b"%b=%b.%x.%x%b" % (self._name, token, seen, first, self._tails[context.secure])


def _times(dates: bytes) -> tuple[int, int] | None:
    """
    When seen and when first seen; L{None} for what is no date.
    """
    seen, dot, first = dates.partition(_DOT)
    if not dot or not 0 < len(seen) <= _LONGEST or not 0 < len(first) <= _LONGEST:
        return None
    if not (seen + first).isalnum():
        # int() would take signs, blanks and underscores, too.
        return None
    try:
        return int(seen, 16), int(first, 16)
    except ValueError:
        return None
