"""
Have we read these very bytes before?

Clients repeat themselves: on one connection, and between connections of one kind of client, the
header block is the same to the byte. What was made of it is kept, for a bounded number of blocks of
a bounded size.
"""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class Memo(Generic[T]):
    """
    A bounded map from bytes to what was made of them.

    Only what is offered a second time is kept, so that blocks which never come again (a hostile
    client can make one per request) cost one comparison and displace nobody. When it is full, the
    oldest entry goes: one out, one in, never a pause.
    """

    __slots__ = ("_known", "_mask", "_next", "_ring", "_seen", "_size", "get")

    def __init__(self, count: int = 1024, size: int = 4096) -> None:
        """
        @param count: entries kept; a power of two.
        @param size: bytes; a longer key is never kept.
        """
        assert count & (count - 1) == 0
        self._known: dict[bytes, T] = {}
        self._ring: list[bytes | None] = [None] * count
        self._next = 0
        self._seen = [0] * (4 * count)
        self._mask = 4 * count - 1
        self._size = size
        # The map's own method: asking costs no frame of ours.
        self.get = self._known.get

    def __len__(self) -> int:
        return len(self._known)

    def clear(self) -> None:
        """
        Forget everything.
        """
        self._known.clear()
        self._ring = [None] * len(self._ring)
        self._seen = [0] * len(self._seen)

    def offer(self, key: bytes, value: T) -> None:
        """
        Keep C{value} for C{key}, if that key was offered not long ago.
        """
        if len(key) > self._size:
            return
        # bytes hash with a secret of the process, so nobody outside can aim at a slot.
        digest = hash(key)
        slot = digest & self._mask
        if self._seen[slot] != digest:
            self._seen[slot] = digest
            return
        self._keep(key, value)

    def _keep(self, key: bytes, value: T) -> None:
        known, ring, at = self._known, self._ring, self._next
        if key in known:
            return
        oldest = ring[at]
        if oldest is not None:
            del known[oldest]
        known[key] = value
        ring[at] = key
        self._next = (at + 1) % len(ring)
