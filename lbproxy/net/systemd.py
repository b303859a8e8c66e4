"""
Which sockets did systemd open for us (sd_listen_fds(3))?
"""

from __future__ import annotations

import os
import socket

from twisted.python.systemd import ListenFDs

from lbproxy.errors import CannotStart


class InheritedSockets:
    """
    Sockets by their C{FileDescriptorName=}. To be made once: reading the environment clears it.
    """

    __slots__ = ("_descriptors",)

    def __init__(self, inherited: ListenFDs | None = None) -> None:
        found = ListenFDs.fromEnvironment() if inherited is None else inherited
        self._descriptors = found.inheritedNamedDescriptors()

    def take(self, name: str) -> socket.socket:
        """
        @return: a socket of our own over the one that was handed over.
        @raise CannotStart: there is none of that name.
        """
        descriptor = self._descriptors.get(name)
        if descriptor is None:
            known = ", ".join(sorted(self._descriptors)) or "none"
            raise CannotStart(f"systemd:{name} was not handed over; there are: {known}")
        taken = socket.socket(fileno=os.dup(descriptor))
        taken.setblocking(False)
        return taken
