"""
What there is to be dialed: listeners, ports that refuse, ports that swallow.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from lbproxy.config.address import Address
from lbproxy.net.dialing import dial
from lbproxy.net.reactor import LeanReactor
from tests.net.reactorcase import PATIENCE, ReactorCase, Recorder


class DialingCase(ReactorCase):
    """
    What there is to be dialed.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def setUp(self) -> None:
        super().setUp()
        self.protocol = Recorder()

    def listener(self, address: Any = ("127.0.0.1", 0), backlog: int = 100) -> socket.socket:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        skt = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(skt.close)
        skt.bind(address)
        skt.listen(backlog)
        skt.settimeout(PATIENCE)
        return skt

    def closedPort(self) -> int:
        with socket.socket() as skt:
            skt.bind(("127.0.0.1", 0))
            port: int = skt.getsockname()[1]
            return port

    def swallowing(self) -> int:
        """
        @return: a port on which connections are never established.
        """
        full = self.listener(backlog=0)
        port: int = full.getsockname()[1]
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.addCleanup(filler.close)
            filler.connect_ex(("127.0.0.1", port))
        return port

    def dial(self, address: Address, **options: Any) -> Any:
        options.setdefault("timeout", PATIENCE)
        return dial(self.reactor, address, self.protocol, **options)

    def failure(self) -> BaseException:
        self.until(lambda: self.protocol.failure)
        self.turns()
        self.assertEqual(["failed"], self.protocol.events)
        assert self.protocol.failure is not None and self.protocol.failure.value is not None
        return self.protocol.failure.value
