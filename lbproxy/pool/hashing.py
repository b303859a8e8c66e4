"""
Which number stands for these bytes? The hash functions that place clients.

Every node that has the same configuration must come to the same answer, today and after an upgrade,
so the functions are named here and in the documentation, and Python's own C{hash}, which differs
from process to process, is never used: BLAKE2b with a digest of eight bytes for keys, SHAKE128
for the long pseudo-random sequences of a backend.
"""

from __future__ import annotations

from hashlib import blake2b, shake_128

_MASK = (1 << 64) - 1


def hash64(data: bytes) -> int:
    """
    BLAKE2b-64 of C{data}, read as a little-endian number.
    """
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def rehash(number: int) -> int:
    """
    The next number in the sequence of C{number}: where to look when the first place is no good.

    This is the step and the mixing of splitmix64, which passes the usual tests for randomness.
    """
    number = (number + 0x9E3779B97F4A7C15) & _MASK
    mixed = ((number ^ (number >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    return mixed ^ (mixed >> 31)


def stream(name: bytes, length: int) -> bytes:
    """
    The first C{length} bytes of the endless sequence that belongs to C{name}.
    """
    return shake_128(name).digest(length)
