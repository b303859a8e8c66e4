"""
Descriptors to test reactors with.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from lbproxy.net.reactor import LeanReactor
from tests.net.reactorcase import ReactorCase


class Descriptor:
    """
    One end of a socket pair; C{peer} is the other.
    """

    def __init__(self, case: ReactorCase) -> None:
        self.socket, self.peer = socket.socketpair()
        for skt in self.socket, self.peer:
            skt.setblocking(False)
        self.fileno = self.socket.fileno
        self.case = case
        case.addCleanup(self.close)
        self.called: list[str] = []
        self.onRead: Callable[[], object] = int
        self.onWrite: Callable[[], object] = int
        self.onLost: Callable[[], object] = int
        self.lost: Any = None

    def close(self) -> None:
        self.case.reactor.removeReader(self)
        self.case.reactor.removeWriter(self)
        self.socket.close()
        self.peer.close()

    def doRead(self) -> Any:
        self.called.append("read")
        self.socket.recv(100)
        return self.onRead() or None

    def doWrite(self) -> Any:
        self.called.append("write")
        return self.onWrite() or None

    def connectionLost(self, reason: Any) -> None:
        self.lost = reason
        self.onLost()

    def logPrefix(self) -> str:
        return "the descriptor"


class LeanReactorCase(ReactorCase):
    """
    Our reactor.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def reader(self) -> Descriptor:
        new = Descriptor(self)
        self.reactor.addReader(new)
        return new
