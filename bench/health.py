"""
What does checking cost? CPU time of one process for many backends, checked over loopback.

    python -m bench.health tcp|http|udp [--backends 5000] [--interval 2] [--seconds 10] [--lean]

All of 127.0.0.0/8 is this machine, so that one server plays every backend; it runs in a process of
its own, and its time does not count.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.health.checker import CheckSettings
from lbproxy.health.checks import Check, HealthChecks, Rota
from lbproxy.health.connecting import datagramLinker, streamDialer
from lbproxy.health.datagram import DatagramProbe
from lbproxy.health.http import HTTPDialogue
from lbproxy.health.stream import StreamProbe
from lbproxy.health.tcp import TCPDialogue
from lbproxy.health.udp import UDPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import BackendSpec, Health
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


def serveConnects(port: socket.socket) -> None:
    """
    Accept and close.
    """
    connection, _ = port.accept()
    connection.recv(1)
    connection.close()


def serveHTTP(port: socket.socket) -> None:
    """
    Accept, answer, close.
    """
    connection, _ = port.accept()
    if connection.recv(4096):
        connection.send(ANSWER)
    connection.close()


def serveDatagram(port: socket.socket) -> None:
    """
    Send one back.
    """
    data, peer = port.recvfrom(65536)
    port.sendto(data, peer)


def fork(serve: Callable[[socket.socket], None], kind: socket.SocketKind) -> tuple[int, int]:
    """
    @return: the process, and its port.
    """
    port = socket.socket(socket.AF_INET, kind)
    port.bind(("0.0.0.0", 0))
    if kind is socket.SOCK_STREAM:
        port.listen(4096)
    process = os.fork()
    if process:
        number = port.getsockname()[1]
        port.close()
        return process, number
    while True:
        try:
            serve(port)
        except OSError:
            pass


def addresses(count: int, port: int) -> list[Address]:
    """
    One address of this machine per backend. UDP answers come from the asked one for connected
    sockets only if it is 127.0.0.1, so all of them share it there.
    """
    return [Address(f"127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}", port) for i in range(count)]


def main() -> None:
    """
    Measure one kind.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["tcp", "http", "udp"])
    parser.add_argument("--backends", type=int, default=5000)
    parser.add_argument("--interval", type=float, default=2.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--lean", action="store_true", help="on the project's own reactor")
    options = parser.parse_args()
    if options.lean:
        from lbproxy.net.reactor import install

        install()
    from twisted.internet import reactor

    measure(reactor, options)


def measure(reactor: Any, options: Any) -> None:
    """
    Run the checks for a while, and print.
    """
    stream = options.kind != "udp"
    serve = {"tcp": serveConnects, "http": serveHTTP, "udp": serveDatagram}[options.kind]
    server, port = fork(serve, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    if stream:
        targets = addresses(options.backends, port)
        dialogue = TCPDialogue() if options.kind == "tcp" else HTTPDialogue("/healthz")
        probe: IProbe = StreamProbe(streamDialer(reactor), dialogue)
    else:
        targets = [Address("127.0.0.1", port)] * options.backends
        probe = DatagramProbe(datagramLinker(reactor), UDPDialogue(b"ping"))
    registry = Registry()
    specs = [BackendSpec(f"b{i}", address) for i, address in enumerate(targets)]
    pool = registry.addPool(Pool("bench", specs))
    counting = Counting(probe)
    settings = CheckSettings(interval=options.interval)
    checks = HealthChecks(registry, pool, [Check(counting, settings)], Rota(reactor))
    began: list[float] = []

    def begin() -> None:
        counting.count = 0
        began[:] = [*os.times()[:2], time.monotonic()]

    def end() -> None:
        user, system = os.times()[0] - began[0], os.times()[1] - began[1]
        spent, passed = user + system, time.monotonic() - began[2]
        up = sum(backend.health is Health.UP for backend in pool.backends.values())
        print(
            f"{options.kind}: {counting.count / passed:.0f} checks/s, "
            f"{spent / counting.count * 1e6:.0f} us each ({system / spent:.0%} in the kernel), "
            f"{spent / passed:.1%} of a core; "
            f"{up} of {len(targets)} up"
        )
        checks.stopService()
        reactor.stop()

    checks.startService()
    reactor.callLater(options.interval + 1, begin)
    reactor.callLater(options.interval + 1 + options.seconds, end)
    try:
        reactor.run()
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)


@implementer(IProbe)
class Counting:
    """
    A probe that is counted.
    """

    def __init__(self, probe: IProbe) -> None:
        self.count = 0
        self._check = probe.check

    def check(self, backend: Any) -> Any:
        """
        Count, and check.
        """
        self.count += 1
        return self._check(backend)


if __name__ == "__main__":
    main()
