"""
Which plans are made of others? Spreading over several, and asking before one is started.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from lbproxy.l7.guards import Guard
from lbproxy.l7.plan import Plan

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange


class SplitPlan:
    """
    Spread over several plans by weight.
    """

    __slots__ = ("_bounds", "_plans", "_random")

    def __init__(self, shares: Sequence[tuple[Plan, int]], random: Callable[[], float]) -> None:
        """
        @param shares: plans with their weights; at least one weight isn't 0.
        @param random: a number from 0 up to, not including, 1.
        """
        used = [(plan, weight) for plan, weight in shares if weight]
        total = sum(weight for _, weight in used)
        self._plans = [plan for plan, _ in used]
        self._bounds = list(accumulate(weight / total for _, weight in used))[:-1]
        self._random = random

    def start(self, exchange: Exchange) -> None:
        self._plans[bisect(self._bounds, self._random())].start(exchange)


class GuardedPlan:
    """
    A plan for those that pass all guards.
    """

    __slots__ = ("_guards", "_plan")

    def __init__(self, guards: Sequence[Guard], plan: Plan) -> None:
        self._guards = tuple(guards)
        self._plan = plan

    def start(self, exchange: Exchange) -> None:
        self._ask(exchange, 0)

    def _ask(self, exchange: Exchange, position: int) -> None:
        for index in range(position, len(self._guards)):
            following = partial(self._ask, exchange, index + 1)
            if not self._guards[index].admits(exchange, following):
                return
        self._plan.start(exchange)
