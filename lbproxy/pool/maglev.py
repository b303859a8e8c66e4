"""
Which slot is whose? The table of Google's Maglev (Eisenbud and others, NSDI 2016, section 3.4).

Every backend has a permutation of all slots of its own, and the backends take turns at taking the
next slot of theirs that is still free, until none is. Shares come out as even as the weights allow;
a change of the set moves about twice as many slots as it must.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from lbproxy.pool.backend import Backend
from lbproxy.pool.balancers.roundrobin import deadlines
from lbproxy.pool.hashing import stream

#: The paper's small table, and Envoy's default.
DEFAULT_SIZE = 65_537

#: The largest that Envoy accepts.
MAX_SIZE = 5_000_011


def checkSize(size: int) -> int:
    """
    @return: C{size}, if a table may have it.
    @raise ValueError: with a message fit for a user.
    """
    if not 2 <= size <= MAX_SIZE or not isPrime(size):
        raise ValueError(f"a table of {size} slots; wanted a prime number up to {MAX_SIZE}")
    return size


def isPrime(number: int) -> bool:
    """
    By trial; for numbers as small as the sizes of tables.
    """
    if number < 4:
        return number > 1
    return number % 2 > 0 and all(number % divisor for divisor in range(3, int(number**0.5) + 1, 2))


def maglevTable(backends: Sequence[Backend], size: int = DEFAULT_SIZE) -> list[Backend]:
    """
    Who owns each slot.

    @param backends: at least one, each with a weight above 0; if there are more than slots, some
        get none.
    @param size: a prime number, so that every step walks through all slots.
    """
    backends = sorted(backends, key=lambda backend: backend.name)
    walks = [_walk(backend.name, size) for backend in backends]
    table: list[Backend | None] = [None] * size
    # Equal ones take turns in the order of their names, so that a newcomer shifts few of them.
    turns = deadlines([backend.weight for backend in backends], spread=0)
    for index in islice(turns, size):
        slot, step = walks[index]
        while table[slot] is not None:
            slot = (slot + step) % size
        table[slot] = backends[index]
        walks[index] = (slot, step)
    return [owner for owner in table if owner is not None]


def _walk(name: str, size: int) -> tuple[int, int]:
    """
    Where a backend's permutation begins, and the step from one slot of it to the next.
    """
    digest = stream(name.encode(), 16)
    start, step = int.from_bytes(digest[:8], "little"), int.from_bytes(digest[8:], "little")
    return start % size, step % (size - 1) + 1
