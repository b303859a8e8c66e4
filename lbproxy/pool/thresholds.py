"""
Is it well? How many results in a row change our mind: rise and fall.
"""

from __future__ import annotations

from lbproxy.pool.backend import Health


class Thresholds:
    """
    Turns single results into a state.

    A backend comes up after C{rise} good results in a row and goes down after C{fall} bad ones, so
    it cannot flap faster than that. While nothing is known of it the first result decides.

    @ivar health: what is believed.
    @ivar last: what the last result said.
    @ivar count: how many results in a row said so.
    """

    __slots__ = ("count", "fall", "health", "last", "rise")

    def __init__(self, rise: int = 2, fall: int = 3, health: Health = Health.UNKNOWN) -> None:
        if rise < 1 or fall < 1:
            raise ValueError(f"rise {rise}, fall {fall}; wanted at least 1 of each")
        self.rise = rise
        self.fall = fall
        self.health = health
        self.last = health
        self.count = 0

    @property
    def changing(self) -> bool:
        """
        Is nothing known yet, or did the last result speak against what is believed? Then the next
        check may come sooner.
        """
        return self.last is not self.health or self.health is Health.UNKNOWN

    def passed(self) -> Health | None:
        """
        One good result.

        @return: the new state, if this changed it.
        """
        return self._heard(Health.UP, self.rise)

    def failed(self) -> Health | None:
        """
        One bad result.

        @return: the new state, if this changed it.
        """
        return self._heard(Health.DOWN, self.fall)

    def explain(self, reason: str) -> str:
        """
        @return: C{reason} with how often it was seen, for the log line of a change.
        """
        return f"{reason}, {self.count} in a row" if self.count > 1 else reason

    def _heard(self, verdict: Health, needed: int) -> Health | None:
        self.count = self.count + 1 if verdict is self.last else 1
        self.last = verdict
        if verdict is self.health:
            return None
        if self.health is not Health.UNKNOWN and self.count < needed:
            return None
        self.health = verdict
        return verdict
