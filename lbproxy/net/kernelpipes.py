"""
Where do splices get their pipes from? They are made when needed, kept for the next, and bounded.
"""

from __future__ import annotations

import fcntl
import os

# The most that an unprivileged process may ask for (pipe(7), pipe-max-size); with less, large
# socket buffers are emptied in more rounds.
PIPE_SIZE = 1 << 20


class KernelPipes:
    """
    The pipes of one worker.
    """

    __slots__ = ("_idle", "_limit", "_spare", "_used")

    def __init__(self, limit: int = 128, spare: int = 16) -> None:
        """
        @param limit: in use at the same time; who finds none left copies.
        @param spare: kept open while nobody uses them.
        """
        self._limit = limit
        self._spare = spare
        self._used = 0
        self._idle: list[tuple[int, int]] = []

    def take(self) -> tuple[int, int] | None:
        """
        @return: an empty pipe's (reading, writing) descriptors, L{None} when there are no more.
        """
        if self._used >= self._limit:
            return None
        if self._idle:
            ends = self._idle.pop()
        else:
            try:
                ends = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:  # out of descriptors
                return None
            _enlarge(ends[1])
        self._used += 1
        return ends

    def give(self, ends: tuple[int, int], empty: bool) -> None:
        """
        Hand a pipe back. One with bytes in it is of no use to anybody.
        """
        self._used -= 1
        if empty and len(self._idle) < self._spare:
            self._idle.append(ends)
        else:
            _close(ends)

    def close(self) -> None:
        """
        Close those that nobody uses.
        """
        while self._idle:
            _close(self._idle.pop())


def _enlarge(end: int) -> None:
    try:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    except OSError:
        # Over the user's share (pipe-user-pages-soft): the default size works, in more rounds.
        pass


def _close(ends: tuple[int, int]) -> None:
    for end in ends:
        os.close(end)
