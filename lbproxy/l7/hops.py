"""
How far may a request still go? C{Max-Forwards} (RFC 9110 7.6.2).
"""

from __future__ import annotations

from lbproxy.wire.http1 import LIMITED_HOPS, RequestHead


def maxForwards(head: RequestHead) -> int | None:
    """
    How many hops a TRACE or OPTIONS request may still go; L{None} where it doesn't say.
    """
    value = head.block.get(b"max-forwards") if head.method in LIMITED_HOPS else None
    return int(value) if value is not None and value.isdigit() and len(value) < 10 else None


def hopsLeft(head: RequestHead) -> bytes:
    """
    The C{Max-Forwards} line for the next hop.
    """
    left = maxForwards(head)
    return b"" if left is None else b"Max-Forwards: %d\r\n" % (left - 1)
