"""
How many datagrams in one turn of the loop? As many as there were, without asking in vain.

The only way to learn that a socket is empty is a system call that fails, and each costs as much as
one that brings a datagram. A socket that had one datagram per turn so far is asked for one; one
that always had as many as it was asked for is asked for more.
"""

from __future__ import annotations

from typing import Final

#: Turns in a row that brought all they asked for before more is asked for: one call in vain per
#: that many turns is what a socket with one datagram per turn pays.
_PATIENCE: Final = 4


class Batch:
    """
    @ivar size: how many datagrams to read in the coming turn.
    """

    __slots__ = ("_full", "_limit", "size")

    def __init__(self, limit: int) -> None:
        """
        @param limit: never more than so many, for the others' sake.
        """
        self._limit = limit
        self._full = 0
        self.size = 1

    def all(self) -> None:
        """
        There were as many as asked for.
        """
        self._full += 1
        if self._full >= _PATIENCE and self.size < self._limit:
            self.size = min(self.size * 2, self._limit)

    def only(self, count: int) -> None:
        """
        The socket was empty after C{count}.
        """
        self._full = 0
        self.size = count or 1
