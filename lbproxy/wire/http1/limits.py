"""
How large may a head be?
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeadLimits:
    """
    Bounds of one head; nginx has 8 KiB a line and 32 KiB in all, HAProxy 16 KiB and 101 fields.

    C{line} counts the bytes of the request or status line without its CRLF, C{headers} those of all
    field lines with their CRLFs and the empty line that ends them, C{count} the field lines.
    Trailers are held to C{headers} and C{count} too, on their own.
    """

    line: int = 8192
    headers: int = 32768
    count: int = 100


DEFAULT_LIMITS = HeadLimits()
