"""
A connection to test: our transport at one end, a plain socket at the other.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from lbproxy.config.address import Address
from lbproxy.net.listening import listenStream
from lbproxy.net.reactor import LeanReactor
from tests.net.reactorcase import OneByOne, ReactorCase, Recorder, connected

MUCH = bytes(range(256)) * 40000  # 10 MB: no kernel takes so much at once


class StreamCase(ReactorCase):
    """
    A connection: our transport at one end, a plain socket at the other.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def connect(self, server: Recorder | None = None) -> tuple[Recorder, socket.socket]:
        server = server or Recorder()
        port = listenStream(self.reactor, Address("127.0.0.1", 0), OneByOne(server))
        peer = connected(port)
        self.addCleanup(peer.close)
        self.until(lambda: server.events)
        port.stopListening()
        return server, peer
