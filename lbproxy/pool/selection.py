"""
Who is it, right now? The choice, and all that follows from the facts and is kept to make it fast.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from math import inf
from typing import TYPE_CHECKING

from lbproxy.interfaces import IBalancer
from lbproxy.pool.backend import FULL_SHARE, NO_LIMIT, AdminState, Backend
from lbproxy.pool.context import Context
from lbproxy.pool.refusal import Refused
from lbproxy.pool.sides import Sides
from lbproxy.pool.tiers import Ranks, rank, whyNone

if TYPE_CHECKING:
    from lbproxy.pool.pool import Pool


class Selection:
    """
    Picks for one pool. Ranks, limits and shares are worked out when they are next needed after a
    fact has changed: at start thousands of results may come in a row, and one look is enough.

    @ivar guarded: whether a pick must take the long way, L{choose}. False only while there is one
        set of candidates, all have room, and nothing is due.
    @ivar pick: the short way: picks for a context.
    @ivar loadAware: balancers that follow the number of leases.
    @ivar full: who can take no more.
    """

    __slots__ = (
        "_candidates",
        "_pool",
        "_ranks",
        "_reason",
        "_stale",
        "full",
        "guarded",
        "loadAware",
        "pick",
        "sides",
    )

    def __init__(self, pool: Pool, balancer: Callable[[], IBalancer]) -> None:
        self._pool = pool
        self._ranks = Ranks()
        self._candidates: tuple[Backend, ...] = ()
        self._reason = ""
        self._stale = True
        self.guarded = True
        self.full: set[Backend] = set()
        self.sides = Sides(balancer, pool.rng)
        self.pick = self.sides.pick
        self.loadAware = self.sides.loadAware

    @property
    def ranks(self) -> Ranks:
        """
        Who may serve, as things are.
        """
        if self._stale:
            self._rebuild()
        return self._ranks

    def outdate(self) -> None:
        """
        A fact changed.
        """
        self._stale = self.guarded = True

    def guard(self) -> None:
        """
        Work out anew whether picks must take the long way.
        """
        ranks = self._ranks
        pool = self._pool
        # Called whenever somebody is full no more, so what was said of the full is old news.
        self._reason = ""
        self.guarded = bool(
            self._stale
            or self.full
            or pool.admission.paused
            or pool.guards.due < inf
            or ranks.panic
            or not ranks.tiers
        )

    def applyLimit(self, backend: Backend) -> None:
        """
        Work out anew how much C{backend} can take, and whether that makes it full.
        """
        limit = min(backend.maxConnections or NO_LIMIT, self._pool.guards.limit(backend))
        backend.limit = limit
        if backend.active >= limit:
            self.full.add(backend)
        else:
            self.full.discard(backend)

    def choose(
        self, context: Context, exclude: Collection[Backend], held: Backend | None
    ) -> Backend:
        """
        The long way, which looks at everything.

        @param held: the backend that the client belongs to.
        @raise Refused: there is nobody.
        """
        pool = self._pool
        guards, admission = pool.guards, pool.admission
        if guards.due <= pool.seconds():
            guards.advance()
        if self._stale:
            self._rebuild()
        if admission.paused:
            raise admission.refuse("paused", full=False)
        if held is not None and self.mayReturn(held, exclude):
            if held.active < held.limit:
                return held
            if admission.settings.size and not _isTripped(held):
                reason = f"{held.name}, where the client belongs, is full"
                raise admission.refuse(reason, full=True)
        return self._pickAround(context, exclude)

    def mayReturn(self, backend: Backend, exclude: Collection[Backend]) -> bool:
        """
        May a client that belongs to C{backend} go there, if there is room?
        """
        if backend in exclude:
            return False
        if self._ranks.panic:
            return backend.admin is not AdminState.MAINTENANCE
        return backend.reachable

    def _pickAround(self, context: Context, exclude: Collection[Backend]) -> Backend:
        full = self.full
        refused: Collection[Backend] = full
        if exclude:
            refused = full.union(exclude) if full else exclude
        backend: Backend | None = None
        # Looking for room where there is none is what costs most, and comes when it hurts most.
        if exclude or not full.issuperset(self._candidates):
            backend = self.pick(context, refused)
        if backend is None:
            backend = self._fromReserve(refused, exclude)
        if backend is not None:
            return backend
        error = self._refusal(exclude)
        if self._stale and self.ranks.tiers:
            # Whoever was woken was awake at once.
            return self._pickAround(context, exclude)
        raise error

    def _fromReserve(
        self, refused: Collection[Backend], exclude: Collection[Backend]
    ) -> Backend | None:
        """
        When everybody who should serve was tried, or has an open circuit: better a reserve than
        an error. But a backup is no help for those who are merely busy.
        """
        if self._isSpent(exclude):
            for backend in self._ranks.reserve:
                if backend not in refused:
                    return backend
        return None

    def _isSpent(self, exclude: Collection[Backend]) -> bool:
        return all(backend in exclude or _isTripped(backend) for backend in self._candidates)

    def _refusal(self, exclude: Collection[Backend]) -> Refused:
        pool = self._pool
        reason = self._reason
        if not reason or exclude:
            reason = whyNone(pool.backends.values(), exclude)
            if not exclude:
                self._reason = reason
        if self._candidates and self._isSpent(exclude):
            # There is nobody to wait for, nor to wake: those who are there were tried.
            return Refused(pool.name, reason)
        return pool.admission.refuse(reason, full=bool(self._candidates))

    def _rebuild(self) -> None:
        pool = self._pool
        members = tuple(pool.backends.values())
        self.full.clear()
        for backend in members:
            self.applyLimit(backend)
            share = backend.weight * FULL_SHARE * backend.scale * pool.guards.factor(backend)
            backend.share = max(1, round(share)) if share else 0
        self._ranks = rank(members, pool.policy.spread)
        self._candidates = tuple(b for tier in self._ranks.tiers for b in tier.candidates)
        self.sides.rebuild(self._ranks.tiers)
        self.pick = self.sides.pick
        self.loadAware = self.sides.loadAware
        self._stale = False
        self.guard()
        pool.watch()


def _isTripped(backend: Backend) -> bool:
    """
    Is it a circuit that keeps work from a backend, rather than the work that it has?
    """
    limit = backend.limit
    return backend.active >= limit and limit < (backend.maxConnections or NO_LIMIT)
