"""
Who answers soonest? The better of two drawn backends, by latency, load and weight.

The measure is that of Finagle's "peak EWMA": a moving average of the time to the first byte that
jumps up at once to a slower answer and comes down over C{decay} seconds, multiplied by the number
of leases that would then be active. A backend that once was slow is forgiven: its average halves
every C{0.7 * decay} seconds, asked or not, until it looks good enough to be tried again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from math import exp

from zope.interface import implementer

from lbproxy.errors import Outcome
from lbproxy.interfaces import IBalancer, ILatencyAware
from lbproxy.pool.backend import Backend
from lbproxy.pool.balancers.draw import Draw
from lbproxy.pool.context import Context

#: Seconds in which most of what was learned is forgotten; Finagle's default.
DEFAULT_DECAY = 10.0

# What a failure counts as when it came faster than an answer would: a backend that refuses in no
# time must not look like the fastest of all.
_FAILURE_LATENCY = 1.0

# Added to every average, in seconds: among the very fast the number of leases decides.
_FLOOR = 0.0005


class _Average:
    """
    What is known of one backend's latency.
    """

    __slots__ = ("at", "known", "value")

    def __init__(self) -> None:
        self.known = False
        self.value = 0.0
        self.at = 0.0


@implementer(IBalancer, ILatencyAware)
class LeastTime:
    """
    Peak EWMA of the time to the first byte, two choices.
    """

    def __init__(
        self, seconds: Callable[[], float], rng: random.Random, decay: float = DEFAULT_DECAY
    ) -> None:
        """
        @param decay: seconds.
        """
        if decay <= 0:
            raise ValueError(f"a decay of {decay} s; wanted more than 0")
        self._seconds = seconds
        self._rng = rng
        self._decay = decay
        self._averages: dict[Backend, _Average] = {}
        self._draw = Draw(rng)

    def rebuild(self, members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        Of those that stay, what is known stays.
        """
        averages = self._averages
        self._averages = {backend: averages.get(backend) or _Average() for backend in members}
        self._draw = Draw(self._rng, candidates)

    def responded(self, backend: Backend, outcome: Outcome, latency: float) -> None:
        """
        Learn.
        """
        average = self._averages.get(backend)
        if average is None or outcome is Outcome.CLIENT_LEFT:
            return
        if outcome is not Outcome.OK:
            latency = max(latency, _FAILURE_LATENCY)
        elif latency <= 0:
            return
        now = self._seconds()
        kept = exp((average.at - now) / self._decay)
        if not average.known or latency > average.value * kept:
            average.value = latency
        else:
            average.value = average.value * kept + latency * (1 - kept)
        average.at = now
        average.known = True

    def pick(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        Draw two, by weight, and take the better.
        """
        draw = self._draw
        if refused or not draw.candidates:
            first = draw.oneExcept(refused)
            second = draw.oneExcept((*refused, first)) if first is not None else None
        else:
            first = draw.one()
            second = draw.one()
            if second is first:
                second = draw.oneExcept((first,))
        if first is None or second is None:
            return first
        now = self._seconds()
        return second if self._cost(second, now) < self._cost(first, now) else first

    def _cost(self, backend: Backend, now: float) -> float:
        average = self._averages[backend]
        if not average.known:
            # One of whom nothing is known is tried at once, but by one client, not by a crowd.
            latency = _FAILURE_LATENCY if backend.active else 0.0
        else:
            latency = average.value * exp((average.at - now) / self._decay)
        return (latency + _FLOOR) * (backend.active + 1) / backend.share
