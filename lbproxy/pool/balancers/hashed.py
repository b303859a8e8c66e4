"""
Where does this client always go? Balancers that hash a key: sourceHash, ringHash, maglev.

All look up the key's hash in a table of slots that belong to backends; what differs is how the
table is made. It is made over all members, also those that are down: when a backend fails only
its own clients move, and when it returns they come back. A client whose slot belongs to somebody
who cannot serve is hashed again, and again, until somebody can: so a failed backend's clients
spread over all the others instead of falling on one neighbour.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from hashlib import blake2b
from math import ceil

from zope.interface import implementer

from lbproxy.interfaces import IBalancer, IKeyed, ILoadAware
from lbproxy.pool.backend import Backend
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.pool.claims import DEFAULT_SLOTS, MAX_SLOTS, claimTable
from lbproxy.pool.context import Context
from lbproxy.pool.hashing import hash64, rehash
from lbproxy.pool.keys import Key, compileKey
from lbproxy.pool.maglev import DEFAULT_SIZE, checkSize, maglevTable

TableMaker = Callable[[Sequence[Backend], int], list[Backend]]

# When nine of ten cannot serve, 64 tries miss once in a thousand times; then any will do.
_TRIES = 64


class LoadBound:
    """
    No backend has more than C{factor} times its share of all active leases.

    (Consistent hashing with bounded loads, Mirrokni, Thorup and Zadimoghaddam, 2016.)
    """

    __slots__ = ("_counted", "_factor", "_perShare", "_total")

    def __init__(self, factor: float) -> None:
        if factor < 1:
            raise ValueError(f"a load bound of {factor}; wanted at least 1, such as 1.25")
        self._factor = factor
        self._counted: dict[Backend, int] = {}
        self._total = 0
        self._perShare = 0.0

    def rebuild(self, candidates: Sequence[Backend]) -> None:
        """
        The candidates changed.
        """
        self._counted = {backend: backend.active for backend in candidates}
        self._total = sum(self._counted.values())
        self._perShare = self._factor / max(1, sum(backend.weight for backend in candidates))

    def loadChanged(self, backend: Backend) -> None:
        """
        Count.
        """
        counted = self._counted.get(backend)
        if counted is not None:
            self._counted[backend] = backend.active
            self._total += backend.active - counted

    def allows(self, backend: Backend) -> bool:
        """
        May C{backend} have one more?
        """
        return backend.active < ceil((self._total + 1) * backend.weight * self._perShare)


@implementer(IBalancer, ILoadAware, IKeyed)
class Hashed:
    """
    The same key goes to the same backend, on every node and after every restart.

    Clients without the key (no such header, no cookie yet) take turns.
    """

    def __init__(
        self, key: Key, makeTable: TableMaker, size: int, bound: LoadBound | None = None
    ) -> None:
        self._key = key
        self._makeTable = makeTable
        self._size = size
        self._bound = bound
        self._keyless = RoundRobin()
        self._owners: dict[Backend, int] = {}
        self._table: list[Backend] = []
        self._candidates: Sequence[Backend] = ()
        self._able: frozenset[Backend] = frozenset()
        self._direct = False

    def rebuild(self, members: Sequence[Backend], candidates: Sequence[Backend]) -> None:
        """
        Make a new table if the set or a weight is another; else only note who can serve.
        """
        owners = {backend: backend.weight for backend in members if backend.weight}
        if owners != self._owners:
            self._owners = owners
            self._table = self._makeTable(list(owners), self._size) if owners else []
        self._candidates = candidates
        self._able = frozenset(candidates)
        self._direct = self._bound is None and 0 < len(candidates) == len(owners)
        self._keyless.rebuild(members, candidates)
        if self._bound is not None:
            self._bound.rebuild(candidates)

    def loadChanged(self, backend: Backend) -> None:
        """
        Only bounded load has to know.
        """
        if self._bound is not None:
            self._bound.loadChanged(backend)

    def pick(self, context: Context, refused: Collection[Backend] = ()) -> Backend | None:
        """
        The owner of the key's slot, or of the slots after it if that one cannot serve.
        """
        key = self._key(context)
        if not key:
            return self._keyless.pick(context, refused)
        # hash64, in place
        number = int.from_bytes(blake2b(key, digest_size=8).digest(), "little")
        if self._direct and not refused:
            return self._table[number % self._size]
        return self._search(number, refused)

    def place(self, context: Context) -> float | None:
        """
        By another number than the one that finds the slot: the two must not go together.
        """
        key = self._key(context)
        return rehash(hash64(key)) / 2**64 if key else None

    def _search(self, number: int, refused: Collection[Backend]) -> Backend | None:
        able = self._able
        if not able:
            return None
        table, size, bound = self._table, self._size, self._bound
        for _ in range(_TRIES):
            backend = table[number % size]
            if (
                backend in able
                and backend not in refused
                and (bound is None or bound.allows(backend))
            ):
                return backend
            number = rehash(number)
        rest = [backend for backend in self._candidates if backend not in refused]
        return rest[number % len(rest)] if rest else None


def sourceHash(key: str = "clientIP", tableSize: int = DEFAULT_SLOTS) -> Hashed:
    """
    Rendezvous hashing, by the client's address.

    @param tableSize: slots, a power of two up to 2**20.
    @raise ValueError: with a message fit for a user.
    """
    return Hashed(compileKey(key), claimTable, _checkSlots(tableSize))


def ringHash(
    key: str = "clientIP", tableSize: int = DEFAULT_SLOTS, loadBound: float = 1.25
) -> Hashed:
    """
    Consistent hashing that lets nobody have more than C{loadBound} times its share of the load.

    @param loadBound: 1 or more; 0 for no bound.
    @raise ValueError: with a message fit for a user.
    """
    bound = LoadBound(loadBound) if loadBound else None
    return Hashed(compileKey(key), claimTable, _checkSlots(tableSize), bound)


def maglev(key: str = "clientIP", tableSize: int = DEFAULT_SIZE) -> Hashed:
    """
    Google's Maglev: the most even shares, at the price of about twice the moves.

    @param tableSize: a prime number up to 5 000 011.
    @raise ValueError: with a message fit for a user.
    """
    return Hashed(compileKey(key), maglevTable, checkSize(tableSize))


def _checkSlots(slots: int) -> int:
    if not 0 < slots <= MAX_SLOTS or slots & (slots - 1):
        raise ValueError(f"a table of {slots} slots; wanted a power of two up to {MAX_SLOTS}")
    return slots
