"""
How much of what we wrote has the peer not taken yet?
"""

from __future__ import annotations

import fcntl
import struct
import termios
from typing import Any


def unsentBytes(transport: Any) -> int:
    """
    Bytes still on their way to the peer: in the transport's queue, and in the kernel's buffer as
    far as it tells.

    Asked only when a deadline has passed, to tell a slow reader from one that doesn't read at all.
    """
    queued: int = getattr(transport, "queued", 0)
    try:
        # SIOCOUTQ (tcp(7)): bytes not yet acknowledged by the peer.
        answer = fcntl.ioctl(transport.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    except (AttributeError, OSError, ValueError):
        return queued
    return queued + int(struct.unpack("i", answer)[0])
