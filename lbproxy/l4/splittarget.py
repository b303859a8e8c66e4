"""
How is a route's work spread over several pools?
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate

from lbproxy.l4.tcproutes import Target
from lbproxy.net.connector import Attempt, Caller
from lbproxy.pool.context import Context


class SplitTarget:
    """
    Leads to one of several targets, by weight.
    """

    __slots__ = ("_bounds", "_random", "_targets")

    def __init__(self, shares: Sequence[tuple[Target, int]], random: Callable[[], float]) -> None:
        """
        @param shares: targets with their weights; at least one weight isn't 0.
        @param random: a number from 0 up to, not including, 1.
        """
        used = [(target, weight) for target, weight in shares if weight]
        total = sum(weight for _, weight in used)
        self._targets = [target for target, _ in used]
        self._bounds = list(accumulate(weight / total for _, weight in used))[:-1]
        self._random = random

    def connect(self, context: Context, caller: Caller) -> Attempt | None:
        """
        As L{lbproxy.net.connector.Connector.connect}.
        """
        return self._targets[bisect(self._bounds, self._random())].connect(context, caller)
