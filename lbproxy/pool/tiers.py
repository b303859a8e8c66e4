"""
Who may serve? What follows from the facts: tiers of candidates, and the reserve behind them.

A tier is a set of candidates among whom one balancer picks, and the share of the work that it
takes. Mostly there is one: the available backends of the lowest priority. There are more while
work spills over: from a priority that has lost too much to the next, or from our own zone to the
others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from lbproxy.pool.backend import NO_LIMIT, AdminState, Backend, Health


@dataclass(frozen=True, slots=True)
class Spread:
    """
    How work is spread over priorities and zones.

    All shares are parts of the weight that the configuration gives.

    C{spillover}: below this available share a priority passes the part of the work that it lacks
    to the next; 0: the next serves only when nobody is left. C{zone}: which zone is our own; empty:
    zones do not count. C{zoneSpillover}: as C{spillover}, from our own zone to the others.
    C{panic}: when less than this share of those that the operator wants to serve is available,
    health is no longer believed and all of them serve; 0: never.
    """

    spillover: float = 0.0
    zone: str = ""
    zoneSpillover: float = 0.7
    panic: float = 0.0

    def __post_init__(self) -> None:
        for name in ("spillover", "zoneSpillover", "panic"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)}; wanted 0 to 1")


@dataclass(frozen=True, slots=True)
class Tier:
    """
    C{key} (the priority, and "near" or "far" where zones differ) stays the same from one state to
    the next. C{share} is the tier's part of the work; one with 0 stands by for when the others are
    full. C{members} could be among the C{candidates} if all were well.
    """

    key: tuple[int, str]
    share: float
    members: Sequence[Backend]
    candidates: Sequence[Backend]


@dataclass(frozen=True, slots=True)
class Ranks:
    """
    C{tiers} take the work; C{reserve} is who stands behind them, best first. C{panic}: health is
    not believed just now.
    """

    tiers: Sequence[Tier] = ()
    reserve: Sequence[Backend] = ()
    panic: bool = False


def rank(members: Collection[Backend], spread: Spread) -> Ranks:
    """
    Who takes which part of the work.
    """
    ready = [b for b in members if b.admin is AdminState.READY and b.share > 0]
    available = _available(ready)
    panic = spread.panic > 0 and _weight(available) < spread.panic * _weight(ready)
    if panic:
        available = ready
    tiers = _tiers(members, frozenset(available), spread)
    serving = {backend for tier in tiers for backend in tier.candidates}
    return Ranks(tiers, _reserve(ready, serving), panic)


def whyNot(backend: Backend) -> str:
    """
    Why a backend takes no new work; empty if nothing is in the way.
    """
    if backend.admin is AdminState.MAINTENANCE:
        return "in maintenance"
    if backend.health is Health.DOWN:
        return "down"
    if backend.ejected:
        return "ejected"
    if backend.admin is AdminState.DRAIN:
        return "draining"
    if backend.share == 0:
        return "with weight 0"
    if backend.active < backend.limit:
        return ""
    if backend.limit < (backend.maxConnections or NO_LIMIT):
        return "with an open circuit" if not backend.limit else "being tried"
    return "full"


def whyNone(members: Collection[Backend], exclude: Collection[Backend]) -> str:
    """
    Why nobody can be picked, in words for a log.
    """
    if not members:
        return "the pool has no backends"
    counts = Counter(
        "tried" if backend in exclude else whyNot(backend) or "in reserve" for backend in members
    )
    return "no backend available: " + ", ".join(f"{n} {word}" for word, n in counts.items())


def _available(ready: Sequence[Backend]) -> Sequence[Backend]:
    """
    Those that are up; if there are none, those that nothing is known of.
    """
    well = [backend for backend in ready if not backend.ejected]
    up = [backend for backend in well if backend.health is Health.UP]
    return up or [backend for backend in well if backend.health is Health.UNKNOWN]


def _reserve(ready: Sequence[Backend], serving: Collection[Backend]) -> Sequence[Backend]:
    spare = [
        backend
        for backend in ready
        if backend not in serving and not backend.ejected and backend.health is not Health.DOWN
    ]
    spare.sort(key=lambda backend: (backend.health is Health.UNKNOWN, backend.priority))
    return tuple(spare)


def _tiers(
    members: Collection[Backend], available: frozenset[Backend], spread: Spread
) -> Sequence[Tier]:
    tiers: list[Tier] = []
    left = 1.0
    for priority, group in _byPriority(members):
        candidates = [backend for backend in group if backend in available]
        share = min(left, _carries(candidates, group, spread.spillover))
        if share > 0:
            tiers += _zones(Tier((priority, ""), share, group, candidates), spread)
            left -= share
        if left <= _NOTHING:
            break
    # Nobody is left to take the rest: those who serve share it.
    scale = 1 / (1 - left) if tiers else 0.0
    return tuple(
        Tier(tier.key, tier.share * scale, tuple(tier.members), tuple(tier.candidates))
        for tier in tiers
    )


# Shares are sums of floats.
_NOTHING = 1e-9


def _zones(tier: Tier, spread: Spread) -> Iterable[Tier]:
    """
    Split a tier in our own zone and the others, where that makes a difference.
    """
    priority = tier.key[0]
    local = [backend for backend in tier.candidates if backend.zone == spread.zone]
    if not spread.zone or not local or len(local) == len(tier.candidates):
        return [tier]
    near = [backend for backend in tier.members if backend.zone == spread.zone]
    far = [backend for backend in tier.members if backend.zone != spread.zone]
    others = [backend for backend in tier.candidates if backend.zone != spread.zone]
    kept = tier.share * min(1.0, _carries(local, near, spread.zoneSpillover))
    # The others stand by even with a share of 0: our own zone may be full.
    return [
        Tier((priority, "near"), kept, near, local),
        Tier((priority, "far"), tier.share - kept, far, others),
    ]


def _carries(candidates: Sequence[Backend], group: Sequence[Backend], threshold: float) -> float:
    """
    Which part of the work a group can carry; 1 or more is all of it.
    """
    if not candidates:
        return 0.0
    if threshold <= 0:
        return 1.0
    return _weight(candidates) / _weight(group) / threshold


def _weight(backends: Iterable[Backend]) -> int:
    return sum(backend.weight for backend in backends)


def _byPriority(members: Collection[Backend]) -> Iterable[tuple[int, list[Backend]]]:
    groups: dict[int, list[Backend]] = {}
    for backend in members:
        if backend.weight:
            groups.setdefault(backend.priority, []).append(backend)
    return sorted(groups.items())
