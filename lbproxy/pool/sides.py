"""
Which tier, and who of it? The balancers of a pool's tiers, and the split of the work among them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence

from lbproxy.errors import Outcome
from lbproxy.interfaces import IBalancer, IKeyed, ILatencyAware, ILoadAware
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.tiers import Tier

Pick = Callable[..., Backend | None]


class Sides:
    """
    One balancer for each tier.

    @ivar pick: picks for a context, and may be told whom to refuse; the balancer's own where there
        is but one tier.
    @ivar loadAware: those balancers that follow the number of leases.
    @ivar latencyAware: those that learn from how leases ended.
    """

    __slots__ = (
        "_balancers",
        "_make",
        "_rng",
        "_sides",
        "first",
        "latencyAware",
        "loadAware",
        "pick",
    )

    def __init__(self, make: Callable[[], IBalancer], rng: random.Random) -> None:
        self._make = make
        self._rng = rng
        # A tier that is gone may return; its balancer keeps what it has learned.
        self._balancers: dict[tuple[int, str], IBalancer] = {}
        self._sides: list[tuple[float, IBalancer]] = []
        self.first: IBalancer = make()
        self.pick: Pick = self.first.pick
        self.loadAware: tuple[ILoadAware, ...] = ()
        self.latencyAware: tuple[ILatencyAware, ...] = ()

    def rebuild(self, tiers: Sequence[Tier]) -> None:
        """
        The tiers, or who is in them, changed.
        """
        if not tiers:
            # The balancers keep what they know: it may be for a moment only.
            self.pick, self.loadAware, self.latencyAware = _nobody, (), ()
            return
        sides = []
        for tier in tiers:
            balancer = self._balancerFor(tier.key)
            balancer.rebuild(tier.members, tier.candidates)
            sides.append((tier.share, balancer))
        self._use(sides)

    def responded(self, backend: Backend, outcome: Outcome, latency: float) -> None:
        """
        Tell those who learn.
        """
        for balancer in self.latencyAware:
            balancer.responded(backend, outcome, latency)

    def loadChanged(self, backend: Backend) -> None:
        """
        Tell those who count.
        """
        for balancer in self.loadAware:
            balancer.loadChanged(backend)

    def _balancerFor(self, key: tuple[int, str]) -> IBalancer:
        if key not in self._balancers:
            self._balancers[key] = self._make() if self._balancers else self.first
        return self._balancers[key]

    def _use(self, sides: list[tuple[float, IBalancer]]) -> None:
        self._sides = sides
        balancers = [balancer for _, balancer in sides]
        self.first = balancers[0]
        self.pick = self.first.pick if len(sides) == 1 else self._pickSide
        self.loadAware = tuple(b for b in balancers if ILoadAware.providedBy(b))
        self.latencyAware = tuple(b for b in balancers if ILatencyAware.providedBy(b))

    def _pickSide(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        chosen = self._choose(context)
        backend = chosen.pick(context, refused)
        if backend is not None:
            return backend
        for _, balancer in self._sides:
            if balancer is not chosen:
                backend = balancer.pick(context, refused)
                if backend is not None:
                    return backend
        return None

    def _choose(self, context: Context) -> IBalancer:
        """
        By chance; by the client's key where there is one, so that it does not go to and fro.
        """
        place = self.first.place(context) if IKeyed.providedBy(self.first) else None
        left = self._rng.random() if place is None else place
        for share, balancer in self._sides:
            left -= share
            if left < 0:
                return balancer
        return self.first


def _nobody(context: Context, refused: Collection[Backend] = ()) -> Backend | None:
    """
    Who is picked while there is nobody.
    """
    return None
