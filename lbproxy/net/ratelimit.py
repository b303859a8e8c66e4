"""
Does this one come too often? A token bucket for each key, in bounded memory.

Written as GCRA, the leaky bucket's virtual scheduling (ITU-T I.371): of each key only the time is
kept at which its bucket would be full again.
"""

from __future__ import annotations

from collections.abc import Callable

# Keys kept at a time. When there are more, those whose buckets are full go first; a flood of new
# keys can make us forget an old one, never grow.
_MAX_KEYS = 100_000
# Seconds. Sums of fractions are not exact: a token that is a rounding error away is there.
_SLACK = 1e-6


class RateLimit:
    """
    Lets C{requests} per C{per} seconds pass for each key, and up to C{burst} at once.

    @ivar refused: how often the answer was no.
    """

    __slots__ = ("_fullAt", "_interval", "_maxKeys", "_seconds", "_start", "_tolerance", "refused")

    def __init__(
        self,
        requests: int,
        per: float,
        burst: int,
        seconds: Callable[[], float],
        maxKeys: int = _MAX_KEYS,
    ) -> None:
        """
        @param per: seconds.
        """
        self._interval = per / requests
        self._tolerance = self._interval * (burst - 1) + _SLACK
        self._seconds = seconds
        # Times are counted from here: seconds since 1970 leave a float too few digits for sums.
        self._start = seconds()
        self._maxKeys = maxKeys
        self._fullAt: dict[object, float] = {}
        self.refused = 0

    def __len__(self) -> int:
        return len(self._fullAt)

    def admit(self, key: object) -> float:
        """
        Take a token for C{key}.

        @return: 0 when there was one; else the seconds after which there will be.
        """
        now = self._seconds() - self._start
        fullAt = self._fullAt.get(key, 0.0)
        if fullAt <= now:
            fullAt = now
        elif fullAt - now > self._tolerance:
            self.refused += 1
            return fullAt - now - self._tolerance
        if key not in self._fullAt and len(self._fullAt) >= self._maxKeys:
            self._makeRoom(now)
        self._fullAt[key] = fullAt + self._interval
        return 0.0

    def _makeRoom(self, now: float) -> None:
        self._fullAt = {key: at for key, at in self._fullAt.items() if at > now}
        # Nobody's bucket was full: the oldest tenth has waited longest since it was made.
        excess = len(self._fullAt) - self._maxKeys * 9 // 10
        for key in list(self._fullAt)[: max(excess, 0)]:
            del self._fullAt[key]
