"""
What is a connection's socket? Python's own, made and closed without a step of Python.
"""

from __future__ import annotations

import _socket
import socket


class LeanSocket(socket.socket):
    """
    A socket that cannot be made a file of: C{makefile} is what the steps that are left out here
    keep count for. They take longer than the system's part of closing an idle socket.
    """

    __slots__ = ()

    __init__ = _socket.socket.__init__
    close = _socket.socket.close
    detach = _socket.socket.detach

    @property
    def _closed(self) -> bool:  # what the rest of Python's class asks
        return self.fileno() == -1
