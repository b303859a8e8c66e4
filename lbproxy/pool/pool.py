"""
Which backend? A named set of backends, and the choice among them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from time import monotonic

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.interfaces import IAffinity, IBalancer, ILatencyAware, ILoadAware
from lbproxy.pool.backend import FULL_SHARE, MAX_WEIGHT, AdminState, Backend, BackendSpec, Health
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.pool.candidates import Ranks, rank, whyNone
from lbproxy.pool.context import Context
from lbproxy.pool.events import (
    AdminChanged,
    BackendAdded,
    BackendLeft,
    EjectionChanged,
    Event,
    HealthChanged,
    WeightChanged,
)
from lbproxy.pool.lease import Lease

# The client leaving says nothing about the backend.
_BLAMELESS = frozenset({Outcome.OK, Outcome.CLIENT_LEFT})


class Pool:
    """
    A named set of backends with its policy.

    @ivar backends: name to backend, in the order of the configuration. Not to be changed from
        outside: see L{replaceBackends}.
    @ivar leaving: backends that left the set while they had work.
    @ivar observer: told of every event; the registry sets it.
    @ivar watching: whether L{settle} wants to hear of leases that ended well, too.
    """

    __slots__ = (
        "_full",
        "_guarded",
        "_latencyAware",
        "_loadAware",
        "_pick",
        "_ranks",
        "_stale",
        "affinity",
        "backends",
        "balancer",
        "leaving",
        "name",
        "observer",
        "outliers",
        "rng",
        "seconds",
        "watching",
    )

    def __init__(
        self,
        name: str,
        backends: Iterable[BackendSpec] = (),
        *,
        balancer: Callable[[], IBalancer] = RoundRobin,
        affinity: IAffinity | None = None,
        seconds: Callable[[], float] = monotonic,
        rng: random.Random | None = None,
    ) -> None:
        """
        @param balancer: makes one; a balancer is never shared between pools.
        @param seconds: the clock, in seconds; only differences count.
        """
        self.name = name
        self.backends: dict[str, Backend] = {}
        self.leaving: list[Backend] = []
        self.observer: Callable[[Event], object] | None = None
        self.seconds = seconds
        self.rng = rng or random.Random()
        self.balancer: IBalancer = balancer()
        self.affinity = affinity
        self.outliers = None
        self._pick = self.balancer.pick
        self._loadAware = self.balancer if ILoadAware.providedBy(self.balancer) else None
        self._latencyAware = self.balancer if ILatencyAware.providedBy(self.balancer) else None
        self._full: set[Backend] = set()
        self._ranks = Ranks()
        self.watching = False
        # The two flags of the fast path: `_guarded` sends a pick through _choose, which looks at
        # everything else; `_stale` asks for new ranks first.
        self._guarded = True
        self._stale = True
        self.replaceBackends(backends)

    # -- the choice

    def acquire(self, context: Context, exclude: Collection[Backend] = ()) -> Lease:
        """
        Take a backend for C{context}.

        @param exclude: backends that were tried already; none of them is given again.
        @raise NoBackendAvailable: there is nobody to take; the reason says why.
        """
        affinity = self.affinity
        setCookie = None
        backend = None if affinity is None else affinity.find(context)
        if backend is None or not backend.reachable or not self._hasRoom(backend, exclude):
            backend = None if self._guarded or exclude else self._pick(context)
            if backend is None:
                backend = self._choose(context, exclude)
            if affinity is not None:
                setCookie = affinity.bind(context, backend)
        active = backend.active = backend.active + 1
        backend.total += 1
        if active >= backend.limit:
            self._full.add(backend)
            self._guarded = True
        if self._loadAware is not None:
            self._loadAware.loadChanged(backend)
        return Lease(self, backend, setCookie)

    def settle(self, backend: Backend, outcome: Outcome, latency: float) -> None:
        """
        A lease ended: for L{Lease.release} only.
        """
        if outcome not in _BLAMELESS:
            backend.failures += 1
        if self._full and backend.active < backend.limit:
            self._full.discard(backend)
            self._guarded = self._stale or bool(self._full)
        if self._loadAware is not None:
            self._loadAware.loadChanged(backend)
        if self._latencyAware is not None:
            self._latencyAware.responded(backend, outcome, latency)
        if not backend.active and self.leaving and backend in self.leaving:
            self.leaving.remove(backend)
            self._watch()

    def _choose(self, context: Context, exclude: Collection[Backend]) -> Backend:
        if self._stale:
            self._rebuild()
        full = self._full
        refused: Collection[Backend] = full
        if exclude:
            refused = full.union(exclude) if full else exclude
        candidates = self._ranks.candidates
        if candidates:
            backend: Backend | None = self._pick(context, refused)
            if backend is not None:
                return backend
        if exclude and all(backend in exclude for backend in candidates):
            # Everybody who should serve was tried: better a reserve than an error.
            for backend in self._ranks.reserve:
                if backend not in refused:
                    return backend
        raise NoBackendAvailable(self.name, whyNone(self.backends.values(), exclude))

    def _hasRoom(self, backend: Backend, exclude: Collection[Backend]) -> bool:
        return backend.active < backend.limit and backend not in exclude

    # -- the facts

    def setHealth(self, backend: Backend, health: Health, reason: str = "") -> None:
        """
        The checker's word.
        """
        old = backend.health
        if health is old:
            return
        backend.health = health
        backend.reason = reason
        self._changed(HealthChanged(self.name, backend, old, health, reason))

    def setAdmin(self, backend: Backend, admin: AdminState, reason: str = "") -> None:
        """
        The operator's word.
        """
        old = backend.admin
        if admin is old:
            return
        backend.admin = admin
        backend.reason = reason
        self._changed(AdminChanged(self.name, backend, old, admin, reason))

    def setEjected(self, backend: Backend, ejected: bool, reason: str = "") -> None:
        """
        The outlier detector's word.
        """
        if ejected is backend.ejected:
            return
        backend.ejected = ejected
        backend.reason = reason
        self._changed(EjectionChanged(self.name, backend, ejected, reason))

    def setWeight(self, backend: Backend, weight: int) -> None:
        """
        @param weight: 0 to 1000; 0 leaves only the clients that belong to it.
        @raise ValueError: out of that range.
        """
        if not 0 <= weight <= MAX_WEIGHT:
            raise ValueError(f"weight {weight}; wanted 0 to {MAX_WEIGHT}")
        old = backend.weight
        if weight == old:
            return
        backend.weight = weight
        backend.share = weight * FULL_SHARE
        self._changed(WeightChanged(self.name, backend, old, weight))

    def replaceBackends(self, specs: Iterable[BackendSpec]) -> None:
        """
        The set is now C{specs}. Those with a known name and address keep state and counters;
        those that left get no new work and end what they have.
        """
        before = self.backends
        after: dict[str, Backend] = {}
        events: list[Event] = []
        for spec in specs:
            assert spec.name not in after, f"two backends named {spec.name} in pool {self.name}"
            backend = before.get(spec.name)
            if backend is None or backend.address != spec.address:
                backend = Backend(self.name, spec)
                events.append(BackendAdded(self.name, backend))
            else:
                backend.adopt(spec)
            after[spec.name] = backend
        self.backends = after
        kept = set(after.values())
        for backend in before.values():
            if backend not in kept:
                self._dismiss(backend)
                events.append(BackendLeft(self.name, backend))
        if self.affinity is not None:
            self.affinity.rebuild(tuple(after.values()))
        self._watch()
        self._outdate()
        for event in events:
            self._tell(event)

    def tick(self) -> None:
        """
        Let time pass: to be called a few times per second.
        """

    def _dismiss(self, backend: Backend) -> None:
        backend.admin = AdminState.DRAIN
        backend.reason = "left the pool"
        if backend.active:
            self.leaving.append(backend)

    def _changed(self, event: Event) -> None:
        self._outdate()
        self._tell(event)

    def _tell(self, event: Event) -> None:
        if self.observer is not None:
            self.observer(event)

    # -- what is derived from the facts

    def _watch(self) -> None:
        limited = any(backend.maxConnections for backend in self.backends.values())
        self.watching = bool(limited or self.leaving or self._loadAware or self._latencyAware)

    def _outdate(self) -> None:
        # Ranks are made when they are next needed: at start thousands of results may come in a
        # row, and one look at the outcome is enough.
        self._stale = self._guarded = True

    def _rebuild(self) -> None:
        members = tuple(self.backends.values())
        self._ranks = rank(members)
        self._full = {backend for backend in members if backend.active >= backend.limit}
        self.balancer.rebuild(members, self._ranks.candidates)
        self._stale = False
        self._guarded = bool(self._full) or not self._ranks.candidates

    def __repr__(self) -> str:
        up = sum(backend.health is Health.UP for backend in self.backends.values())
        return f"<Pool {self.name}: {up} of {len(self.backends)} up>"
