"""
How many bytes may pass per second? A token bucket that may run into debt.
"""

from __future__ import annotations

# Seconds' worth of bytes that may pass at once. It has to cover what a timer wheel is late by.
_BURST = 0.25
# Bytes; less would be lost in what one read brings.
_SMALLEST_BURST = 4096


class Bandwidth:
    """
    Bytes per second, for one direction of a connection, or of all of a listener's together.

    Bytes that were read have to go somewhere, so a bucket is charged afterwards and tells how long
    to read no more.
    """

    __slots__ = ("_burst", "_level", "_rate", "_since")

    def __init__(self, rate: int) -> None:
        """
        @param rate: bytes per second, above 0.
        """
        self._rate = rate
        self._burst = max(_SMALLEST_BURST, rate * _BURST)
        self._level = self._burst
        self._since = 0.0

    @property
    def readSize(self) -> int:
        """
        How much to read at once for this to run smoothly.
        """
        return max(1024, min(65536, self._rate // 8))

    def spend(self, size: int, now: float) -> float:
        """
        C{size} bytes have passed.

        @param now: seconds, on any clock that is always the same.
        @return: seconds until more may; 0: at once.
        """
        level = min(self._burst, self._level + (now - self._since) * self._rate) - size
        self._since = now
        self._level = level
        return 0.0 if level >= 0 else -level / self._rate
