"""
Which slot is whose? Rendezvous hashing by a table, in proportion to weights and with fewest moves.

Every backend claims slots in a pseudo-random order of its own, one after the other; a backend of
weight w makes w claims in the time in which one of weight 1 makes one. A slot belongs to whoever
claimed it first. For a slot that is a race of the backends with their weights as speeds: what
rendezvous ("highest random weight") hashing computes afresh for each key.

So each gets slots in proportion to its weight, and a backend that is added takes slots from others
but moves hardly any between them. The whole is a function of names and weights only: no history,
no order. Looking up costs the same with two backends and with thousands.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence
from math import gcd

from lbproxy.pool.backend import Backend
from lbproxy.pool.hashing import hash64, rehash, stream

#: Slots unless asked otherwise: within 1 % of the weights for ten backends, 4 % for a hundred.
DEFAULT_SLOTS = 1 << 16

MAX_SLOTS = 1 << 20

# How many claims are made, in tables. Five leave 0.7 % of the slots to nobody; to give those away,
# too, would cost more than all the others, and they take only 0.03/N of the keys along when one
# of N comes or goes.
_ROUNDS = 5

# A claim is one number: its time, and below that the claimant; so the smaller claim is the earlier.
_OWNER_BITS = 16
_OWNER_MASK = (1 << _OWNER_BITS) - 1
_UNCLAIMED = 1 << 200

# Time between two claims of a backend of weight 1; large enough to tell weights up to 1000 apart.
_PERIOD = 1 << 24


def claimTable(backends: Sequence[Backend], slots: int = DEFAULT_SLOTS) -> list[Backend]:
    """
    Who owns each slot.

    @param backends: at least one, each with a weight above 0.
    @param slots: a power of two up to 2**20.
    """
    assert len(backends) <= _OWNER_MASK, "too many backends for a table"
    backends = sorted(backends, key=lambda backend: backend.name)
    unit = gcd(*(backend.weight for backend in backends))
    weights = [backend.weight // unit for backend in backends]
    end = _ROUNDS * _PERIOD * slots // sum(weights) + _PERIOD
    best = [_UNCLAIMED] * slots
    for owner, backend in enumerate(backends):
        _claim(best, backend.name.encode(), (owner, weights[owner], end))
    table = [None if claim is _UNCLAIMED else backends[claim & _OWNER_MASK] for claim in best]
    return [owner or _heir(table, slot) for slot, owner in enumerate(table)]


def _claim(best: list[int], name: bytes, race: tuple[int, int, int]) -> None:
    """
    Enter one backend's claims.

    @param race: its number, its weight, and when the race ends.
    """
    owner, weight, end = race
    period = _PERIOD // weight
    # Where in its first period a backend begins is by chance, too, lest equal ones always tie.
    start = hash64(name) % period
    claims = range(start << _OWNER_BITS | owner, end << _OWNER_BITS | owner, period << _OWNER_BITS)
    for slot, claim in zip(_wishes(name, len(claims), len(best)), claims, strict=True):
        if claim < best[slot]:
            best[slot] = claim


def _wishes(name: bytes, count: int, slots: int) -> Sequence[int]:
    """
    The first C{count} slots that a backend would like to have.
    """
    wishes = array("I" if slots > 1 << 16 else "H")
    wishes.frombytes(stream(name, count * wishes.itemsize))
    if sys.byteorder == "big":
        wishes.byteswap()
    mask = slots - 1
    return wishes if slots == 1 << 16 else [wish & mask for wish in wishes]


def _heir(table: Sequence[Backend | None], slot: int) -> Backend:
    """
    Who gets a slot that nobody claimed: the owner of another one.
    """
    number = slot
    while True:
        number = rehash(number)
        owner = table[number & (len(table) - 1)]
        if owner is not None:
            return owner
