"""
May we try again? A budget that keeps retries from turning a fault into a flood.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """
    Retries under way may be C{share} of all uses under way, and C{minimum} in any case.
    """

    share: float = 0.2
    minimum: int = 3

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1 or self.minimum < 0:
            raise ValueError("the share is 0 to 1, the minimum not negative")


class RetryBudget:
    """
    Counts retries that are under way.

    @ivar active: how many are.
    @ivar refused: how many were not allowed, ever.
    """

    __slots__ = ("active", "refused", "settings")

    def __init__(self, settings: BudgetSettings) -> None:
        self.settings = settings
        self.active = 0
        self.refused = 0

    def begin(self, inUse: Callable[[], int]) -> bool:
        """
        May one more begin? If so it is counted.

        @param inUse: counts the active leases of the pool; asked only when that matters.
        """
        settings = self.settings
        if self.active < settings.minimum or self.active < settings.share * inUse():
            self.active += 1
            return True
        self.refused += 1
        return False

    def end(self) -> None:
        """
        One that began is over.
        """
        assert self.active > 0, "more retries ended than began"
        self.active -= 1
