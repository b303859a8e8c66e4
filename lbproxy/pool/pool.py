"""
Which backend? A named set of backends, and the choice among them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable
from time import monotonic

from lbproxy.errors import Outcome
from lbproxy.interfaces import IAffinity, IBalancer, IRenewing
from lbproxy.pool.admission import Admission
from lbproxy.pool.backend import MAX_WEIGHT, AdminState, Backend, BackendSpec, Health
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.pool.budget import RetryBudget
from lbproxy.pool.context import Context
from lbproxy.pool.events import (
    AdminChanged,
    BackendAdded,
    BackendLeft,
    EjectionChanged,
    Event,
    HealthChanged,
    PauseChanged,
    WeightChanged,
)
from lbproxy.pool.guards import Guards
from lbproxy.pool.lease import Lease, RetryLease
from lbproxy.pool.membership import Membership, replaced
from lbproxy.pool.outliers import OutlierDetector
from lbproxy.pool.policy import Policy
from lbproxy.pool.refusal import Refused
from lbproxy.pool.selection import Selection
from lbproxy.pool.waiting import Wait, Waiter

# The client leaving says nothing about the backend.
_BLAMELESS = frozenset({Outcome.OK, Outcome.CLIENT_LEFT})


class Pool:
    """
    A named set of backends with its policy.

    @ivar backends: name to backend, in the order of the configuration. Not to be changed from
        outside: see L{replaceBackends}.
    @ivar leaving: backends that left the set while they had work.
    @ivar admission: who waits, and why.
    @ivar selection: who it is, right now.
    @ivar guards: who must stay out for a while.
    @ivar observer: told of every event; the registry sets it.
    @ivar watching: whether L{settle} wants to hear of leases that ended well, too.
    """

    __slots__ = (
        "_fresh",
        "_renewing",
        "admission",
        "affinity",
        "backends",
        "guards",
        "leaving",
        "name",
        "observer",
        "policy",
        "retries",
        "rng",
        "seconds",
        "selection",
        "watching",
    )

    def __init__(
        self,
        name: str,
        backends: Iterable[BackendSpec] = (),
        *,
        balancer: Callable[[], IBalancer] = RoundRobin,
        affinity: IAffinity | None = None,
        policy: Policy | None = None,
        seconds: Callable[[], float] = monotonic,
        rng: random.Random | None = None,
    ) -> None:
        """
        @param balancer: makes one; each tier of the pool has its own.
        @param seconds: the clock, in seconds; only differences count.
        """
        self.name = name
        self.backends: dict[str, Backend] = {}
        self.leaving: list[Backend] = []
        self.observer: Callable[[Event], object] | None = None
        self.policy = policy or Policy()
        self.seconds = seconds
        self.rng = rng or random.Random()
        self.affinity = affinity
        self._renewing = affinity if IRenewing.providedBy(affinity) else None
        self.retries = RetryBudget(self.policy.retries)
        self.admission = Admission(self, self.policy.queue, seconds)
        self.guards = Guards(self)
        self.selection = Selection(self, balancer)
        # Added at run time and not yet seen to be up.
        self._fresh: set[Backend] = set()
        self.watching = False
        self._replace(backends)

    @property
    def balancer(self) -> IBalancer:
        """
        The balancer of the first tier, which mostly is the only one.
        """
        return self.selection.sides.first

    @property
    def outliers(self) -> OutlierDetector | None:
        """
        Who ejects, if anybody does.
        """
        return self.guards.outliers

    @property
    def active(self) -> int:
        """
        Leases not yet released, of those that are leaving, too.
        """
        return sum(backend.active for backend in (*self.backends.values(), *self.leaving))

    # -- the choice

    def acquire(self, context: Context, exclude: Collection[Backend] = ()) -> Lease:
        """
        Take a backend for C{context}.

        @param exclude: backends that were tried already; none of them is given again.
        @raise Refused: there is nobody to take; the reason says why, and C{mayWait} whether L{wait}
            can help.
        """
        affinity = self.affinity
        selection = self.selection
        setCookie = None
        if affinity is None:
            pick = selection.pick
            backend = None if selection.guarded or exclude else pick(context)
            if backend is None:
                backend = selection.choose(context, exclude, None)
        else:
            held = affinity.find(context)
            # While nothing guards the pool nobody is full.
            if held is not None and not selection.guarded and not exclude and held.reachable:
                backend = held
            else:
                backend = selection.choose(context, exclude, held)
            if backend is not held:
                setCookie = affinity.bind(context, backend)
            elif self._renewing is not None:
                setCookie = self._renewing.renew(context, backend)
        active = backend.active = backend.active + 1
        backend.total += 1
        if active >= backend.limit:
            selection.full.add(backend)
            selection.guarded = True
        if selection.loadAware:
            for aware in selection.loadAware:
                aware.loadChanged(backend)
        return Lease(self, backend, setCookie)

    def retry(self, context: Context, exclude: Collection[Backend]) -> Lease:
        """
        As L{acquire}, for another attempt at the same work; within the retry budget.

        @raise Refused: as L{acquire}, and when the budget is spent.
        """
        if not self.retries.begin(lambda: self.active):
            raise Refused(self.name, "the retry budget is spent")
        try:
            lease = self.acquire(context, exclude)
        except Refused:
            self.retries.end()
            raise
        return RetryLease(self, lease.backend, lease.setCookie)

    def preview(self, context: Context, exclude: Collection[Backend] = ()) -> Backend:
        """
        Who would be given now. Nothing is taken, but the balancer may have given a turn away.

        @raise Refused: as L{acquire}.
        """
        held = None if self.affinity is None else self.affinity.find(context)
        return self.selection.choose(context, exclude, held)

    def wait(self, context: Context, waiter: Waiter, exclude: Collection[Backend] = ()) -> Wait:
        """
        Wait for what L{acquire} refused with C{mayWait}.

        @return: what cancels it.
        """
        affinity = self.affinity
        held = None if affinity is None else affinity.find(context)
        mine = held is not None and self.selection.mayReturn(held, exclude)
        return self.admission.wait(context, waiter, exclude, held if mine else None)

    def settle(self, backend: Backend, outcome: Outcome, latency: float) -> None:
        """
        A lease ended: for L{Lease.release} only.
        """
        if outcome not in _BLAMELESS:
            backend.failures += 1
        selection = self.selection
        if selection.full and backend.active < backend.limit:
            selection.full.discard(backend)
            selection.guard()
        for aware in selection.loadAware:
            aware.loadChanged(backend)
        selection.sides.responded(backend, outcome, latency)
        if self.guards.watching:
            self.guards.observe(backend, outcome)
        if self.leaving and not backend.active and backend in self.leaving:
            self.leaving.remove(backend)
            self.watch()
        if self.admission.room:
            self.admission.serve(backend)

    # -- the facts

    def setHealth(self, backend: Backend, health: Health, reason: str = "") -> None:
        """
        The checker's word. Saying C{UP} again is no change, but may forgive an ejection.
        """
        old = backend.health
        if health is Health.UP:
            self.guards.checkPassed(backend)
        if health is old:
            return
        backend.health = health
        backend.reason = reason
        if health is Health.UP:
            self._cameUp(backend, old)
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
        if not ejected:
            self.guards.readmitted(backend)
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
        self._changed(WeightChanged(self.name, backend, old, weight))

    def setScale(self, backend: Backend, scale: float) -> None:
        """
        An agent's word on how much of its weight a backend can bear, 0.5 for half of it.

        Balancers that hash keep to the weight itself: their clients must not move to and fro.
        """
        if scale < 0:
            raise ValueError(f"a scale of {scale}; wanted at least 0")
        if scale != backend.scale:
            backend.scale = scale
            self.sharesChanged()

    def replaceBackends(self, specs: Iterable[BackendSpec]) -> None:
        """
        The set is now C{specs}. Those with a known name and address keep state and counters;
        those that left get no new work and end what they have.
        """
        change = self._replace(specs)
        self._fresh.update(change.added)
        self._fresh.difference_update(change.left)
        for backend in change.added:
            self.guards.returned(backend)
            self.tell(BackendAdded(self.name, backend))
        for backend in change.left:
            self.tell(BackendLeft(self.name, backend))
        self._letIn()

    def pause(self) -> None:
        """
        Hold all new work; what is under way goes on, and L{active} tells when it has ended.
        """
        if not self.admission.paused:
            self.admission.pause()
            self.selection.guard()
            self.tell(PauseChanged(self.name, True, len(self.admission.room)))

    def resume(self, over: float = 1.0) -> None:
        """
        Let all go on: what is held little by little, within C{over} seconds.
        """
        if self.admission.paused:
            waiting = len(self.admission.room)
            self.admission.resume(over)
            self.selection.guard()
            self.tell(PauseChanged(self.name, False, waiting))

    def tick(self) -> None:
        """
        Let time pass: to be called a few times per second.
        """
        now = self.seconds()
        if self.guards.due <= now:
            self.guards.advance()
        if self.admission.due <= now:
            self.admission.advance()

    # -- what the pool's own parts tell it

    def limitChanged(self, backend: Backend) -> None:
        """
        How much a backend may take at a time is another.
        """
        self.selection.applyLimit(backend)
        self.selection.guard()
        self._letIn()

    def sharesChanged(self) -> None:
        """
        How the work is to be shared is another.
        """
        self.selection.outdate()
        self._letIn()

    def tell(self, event: Event) -> None:
        """
        Pass an event on.
        """
        if self.observer is not None:
            self.observer(event)

    def watch(self) -> None:
        """
        Work out whether leases that ended well matter, too.
        """
        limited = any(backend.maxConnections for backend in self.backends.values())
        self.watching = bool(
            limited
            or self.leaving
            or self.selection.loadAware
            or self.selection.sides.latencyAware
            or self.guards.watching
        )

    # -- what follows from the facts

    def _replace(self, specs: Iterable[BackendSpec]) -> Membership:
        change = replaced(self.name, self.backends, specs)
        self.backends = change.backends
        self.leaving.extend(backend for backend in change.left if backend.active)
        members = tuple(change.backends.values())
        if self.affinity is not None:
            self.affinity.rebuild(members)
        self.guards.rebuild(members)
        self.selection.outdate()
        self.watch()
        return change

    def _cameUp(self, backend: Backend, old: Health) -> None:
        # At the start of lbproxy everybody comes up for the first time: that is no return.
        if old is Health.DOWN or backend in self._fresh:
            self._fresh.discard(backend)
            self.guards.returned(backend)

    def _changed(self, event: Event) -> None:
        self.selection.outdate()
        self.tell(event)
        self._letIn()

    def _letIn(self) -> None:
        if self.admission.room:
            self.admission.serve()

    def __repr__(self) -> str:
        up = sum(backend.health is Health.UP for backend in self.backends.values())
        return f"<Pool {self.name}: {up} of {len(self.backends)} up>"
