"""
A UDP relay between real sockets, on a reactor that is turned by hand.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.errors import Outcome
from lbproxy.l4.udprelay import UDPRelay
from lbproxy.l4.udpsession import UDPSession
from lbproxy.l4.udpsettings import UDPRoute, UDPSettings
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.udp.targets import Targets
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.context import Context
from lbproxy.pool.lease import Lease
from lbproxy.pool.pool import Pool
from tests.net.udp.loop import Loop


class RecordedLease:
    """
    Tells its pool how it ended.
    """

    def __init__(self, pool: RecordingPool, lease: Lease) -> None:
        self._pool = pool
        self._lease = lease
        self.backend = lease.backend

    def release(self, outcome: Outcome, latency: float = 0.0) -> None:
        self._pool.outcomes.append((self.backend.name, outcome))
        self._pool.latencies.append(latency)
        self._lease.release(outcome, latency)


class RecordingPool(Pool):
    """
    Keeps how leases ended. Backends take turns.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.outcomes: list[tuple[str, Outcome]] = []
        self.latencies: list[float] = []
        self.seen: list[tuple[str, bytes]] = []
        super().__init__(*arguments, **options)

    def acquire(self, context: Context, exclude: Any = ()) -> Any:
        self.seen.append((context.clientIP, context.connectionID()))
        return RecordedLease(self, super().acquire(context, exclude))


class RelayTestCase(SynchronousTestCase):
    """
    C{self.backends} are named a, b, and so on; C{self.relay} listens at C{self.where}.
    """

    loop: Loop
    backends: dict[str, socket.socket]
    pool: RecordingPool
    relay: UDPRelay
    ended: list[UDPSession]
    where: tuple[str, int]

    def build(
        self,
        names: str = "ab",
        host: str = "127.0.0.1",
        proxyHeader: bool = False,
        addresses: dict[str, Address] | None = None,
        allowed: Any = None,
        headersFrom: Any = None,
        **settings: Any,
    ) -> None:
        self.loop = Loop()
        self.backends = {name: self.bound() for name in names}
        specs = [
            BackendSpec(name, Address(*sock.getsockname())) for name, sock in self.backends.items()
        ]
        specs += [BackendSpec(name, address) for name, address in (addresses or {}).items()]
        self.pool = RecordingPool("ns", specs, seconds=self.loop.seconds)
        self.route: UDPRoute | None = UDPRoute(self.pool, "all", proxyHeader)
        self.ended = []
        self.loop.advance(1000.0)
        deadlines = Deadlines(self.loop)
        deadlines.start()
        self.addCleanup(deadlines.stop)
        self.relay = UDPRelay(
            self.loop,
            lambda context: self.route,
            UDPSettings(**settings),
            deadlines=deadlines,
            targets=Targets(self.loop, self.loop.seconds),  # type: ignore[arg-type]
            name="dns",
            allowed=allowed,
            record=self.ended.append,
        )
        if headersFrom is not None:
            self.relay.expectHeaders(*headersFrom)
        port = self.relay.listen(Address(host, 0))
        self.addCleanup(port.stopListening)
        self.addCleanup(self.relay.abortAll)
        self.where = ("127.0.0.1", port.getHost().port)

    def bound(self, host: str = "127.0.0.1", port: int = 0) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sock.close)
        sock.setblocking(False)
        sock.bind((host, port))
        return sock

    def client(self, host: str = "127.0.0.1") -> socket.socket:
        """
        A client's socket. It is connected: an answer from elsewhere would not reach it.
        """
        sock = self.bound()
        sock.connect((host, self.where[1]))
        return sock

    def answer(self) -> list[str]:
        """
        Let everybody who was asked answer: C{name:question}.

        @return: who did, in order.
        """
        names = []
        for name, backend in self.backends.items():
            while backend.fileno() >= 0:
                try:
                    data, us = backend.recvfrom(65_536)
                except BlockingIOError:
                    break
                backend.sendto(f"{name}:".encode() + data, us)
                names.append(name)
        self.loop.turnAll()
        return names

    def ask(self, client: socket.socket, data: bytes = b"?") -> bytes:
        """
        A question and its answer; nothing when there is none.
        """
        client.send(data)
        self.loop.turnAll()
        self.answer()
        return received(client)


def received(client: socket.socket) -> bytes:
    """
    The next datagram; nothing when there is none.
    """
    try:
        return client.recv(65_536)
    except BlockingIOError:
        return b""
