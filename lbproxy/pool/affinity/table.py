"""
Where does this client belong? A bounded table remembers, by address or by header.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b

from zope.interface import implementer

from lbproxy.interfaces import IAffinity
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.keys import Key, compileKey

#: Clients that are remembered at most; about 20 MB.
DEFAULT_ENTRIES = 100_000

# Bytes above which a key is remembered by its digest.
_LONG_KEY = 32


@implementer(IAffinity)
class TableAffinity:
    """
    Remembers the backend of each key for C{ttl} seconds after its last use.

    When the table is full, who was not seen for longest is forgotten. Clients without a key are
    not remembered.
    """

    def __init__(
        self,
        key: Key,
        ttl: float,
        seconds: Callable[[], float],
        maxEntries: int = DEFAULT_ENTRIES,
    ) -> None:
        """
        @param ttl: seconds.
        """
        if ttl <= 0 or maxEntries < 1:
            raise ValueError(f"ttl {ttl}, {maxEntries} entries; wanted more than 0 of both")
        self._key = key
        self._ttl = ttl
        self._seconds = seconds
        self._maxEntries = maxEntries
        self._table: OrderedDict[bytes, tuple[Backend, float]] = OrderedDict()
        self._members: frozenset[Backend] = frozenset()

    def __len__(self) -> int:
        return len(self._table)

    def rebuild(self, members: Sequence[Backend]) -> None:
        """
        Entries of those that left are void; they go when they are met or have aged.
        """
        self._members = frozenset(members)

    def find(self, context: Context) -> Backend | None:
        """
        Whose the client is; being asked counts as use.
        """
        key = self._key(context)
        entry = self._table.get(key)
        if entry is None:
            return None
        backend, expires = entry
        now = self._seconds()
        if expires <= now or backend not in self._members:
            del self._table[key]
            return None
        self._remember(key, backend, now)
        return backend

    def bind(self, context: Context, backend: Backend) -> bytes | None:
        """
        Remember; nothing to send to the client.
        """
        key = self._key(context)
        if key:
            self._remember(key, backend, self._seconds())
        return None

    def _remember(self, key: bytes, backend: Backend, now: float) -> None:
        table = self._table
        table[key] = (backend, now + self._ttl)
        table.move_to_end(key)
        # The oldest use is in front and expires first, so the expired ones are all in front.
        # A few for each use keep the table free of them without ever sweeping it.
        for _ in range(2):
            oldest = next(iter(table))
            if table[oldest][1] > now and len(table) <= self._maxEntries:
                return
            del table[oldest]


def sourceIPAffinity(
    seconds: Callable[[], float],
    *,
    prefix4: int = 32,
    prefix6: int = 64,
    ttl: float = 1800,
    maxEntries: int = DEFAULT_ENTRIES,
) -> TableAffinity:
    """
    By the client's address: its network of C{prefix4} or C{prefix6} bits, whichever it is.
    """
    return TableAffinity(addressKey(prefix4, prefix6), ttl, seconds, maxEntries)


def headerAffinity(
    name: str,
    seconds: Callable[[], float],
    *,
    ttl: float = 1800,
    maxEntries: int = DEFAULT_ENTRIES,
) -> TableAffinity:
    """
    By the value of a request header.
    """
    return TableAffinity(_short(compileKey(f"header:{name}")), ttl, seconds, maxEntries)


def _short(key: Key) -> Key:
    """
    Who sends long headers must not fill the memory with them.
    """

    def short(context: Context) -> bytes:
        value = key(context)
        return value if len(value) <= _LONG_KEY else blake2b(value, digest_size=_LONG_KEY).digest()

    return short


def addressKey(prefix4: int, prefix6: int) -> Key:
    """
    A key that is the same for all clients in one network.

    @raise ValueError: a prefix is longer than an address.
    """
    if not 0 < prefix4 <= 32 or not 0 < prefix6 <= 128:
        raise ValueError(f"prefix4 {prefix4}, prefix6 {prefix6}; wanted 1 to 32 and 1 to 128")

    def key(context: Context) -> bytes:
        text = context.clientIP
        if prefix4 == 32 and ":" not in text:
            return text.encode("ascii", "replace")
        return _network(text, prefix4, prefix6)

    return key


def _network(text: str, prefix4: int, prefix6: int) -> bytes:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return text.encode("ascii", "replace")
    mapped = getattr(address, "ipv4_mapped", None)
    if mapped is not None:
        # A dual-stack listener shows IPv4 clients so; it must not put them all into one ::/64.
        address = mapped
    keep = prefix4 if address.version == 4 else prefix6
    packed = int.from_bytes(address.packed, "big") >> (address.max_prefixlen - keep)
    return b"%d/%d" % (address.version, packed)
