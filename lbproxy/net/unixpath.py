"""
May a UNIX socket be bound here? Its file outlives its process, and is then put out of the way.
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable
from errno import EADDRINUSE


def clearStale(path: str) -> None:
    """
    Remove the socket file of a process that is gone.

    @raise OSError: somebody listens there, or the file is no socket.
    """
    try:
        mode = os.stat(path, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(EADDRINUSE, "there is a file of that name, and it is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except BlockingIOError:
            raise OSError(EADDRINUSE, "somebody listens there, with a full backlog") from None
        else:
            raise OSError(EADDRINUSE, "somebody listens there already")


def remover(path: str) -> Callable[[], None]:
    """
    @return: what removes the file that is at C{path} now; not one that came there later.
    """
    mine = _identity(path)

    def remove() -> None:
        if mine is not None and _identity(path) == mine:
            os.unlink(path)

    return remove


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return found.st_dev, found.st_ino
