"""
What do the loop and the transports cost? Like servers, on our reactor, Twisted's, and none at all.

Run by hand: C{python -m bench.reactor [echo|connections|relay|idle] [rounds]}. The server is bound
to core 0, the client to core 1; the figure is the server's CPU time per unit, median of the rounds,
of all servers in turn, so that a busy machine disturbs them alike.
"""

from __future__ import annotations

import os
import resource
import select
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

KINDS = {
    "bare": "select.epoll, no Twisted",
    "twisted-epoll": "Twisted's reactor and transports",
    "lbproxy": "our reactor, any program's transports (listenTCP)",
    "stream": "our reactor, our transports (listenStream)",
    "stream-epoll": "Twisted's reactor, our transports",
}
MESSAGE = b"x" * 100
CLIENTS = 64
IDLE = 10000


def cpuSeconds(pid: int) -> float:
    """
    User and system time of a process, to the nanosecond.
    """
    with open(f"/proc/{pid}/schedstat") as stat:
        return int(stat.read().split()[0]) / 1e9


def residentKiB(pid: int) -> int:
    """
    Memory that is really there.
    """
    with open(f"/proc/{pid}/status") as status:
        return int(next(line for line in status if line.startswith("VmRSS")).split()[1])


@contextmanager
def server(kind: str, behaviour: str) -> Iterator[tuple[int, tuple[str, int]]]:
    """
    Yields a server's process id and its address.
    """
    command = [sys.executable, "-m", "bench.reactorserver", kind, behaviour]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        os.sched_setaffinity(process.pid, {0})
        assert process.stdout is not None
        try:
            yield process.pid, ("127.0.0.1", int(process.stdout.readline()))
        finally:
            process.send_signal(signal.SIGKILL)


def exchange(address: tuple[str, int], seconds: float) -> int:
    """
    Many clients, one message under way each.

    @return: the number of answers.
    """
    poller = select.epoll()
    sockets = {}
    for _ in range(CLIENTS):
        skt = socket.create_connection(address)
        skt.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sockets[skt.fileno()] = skt
        poller.register(skt.fileno(), select.EPOLLIN)
        skt.send(MESSAGE)
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for fd, _ in poller.poll():
            sockets[fd].recv(65536)
            sockets[fd].send(MESSAGE)
            count += 1
    for skt in sockets.values():
        skt.close()
    poller.close()
    return count


def connect(address: tuple[str, int], seconds: float) -> int:
    """
    A new connection for each message, some at a time; the server answers and the client closes.
    """
    count = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        batch = [socket.create_connection(address) for _ in range(8)]
        for skt in batch:
            skt.send(MESSAGE)
        for skt in batch:
            assert skt.recv(65536)
            skt.close()
        count += len(batch)
    return count


def perUnit(kind: str, behaviour: str, work: Callable[[tuple[str, int], float], int]) -> float:
    """
    @return: microseconds of CPU per unit.
    """
    with server(kind, behaviour) as (pid, address):
        work(address, 0.3)
        before = cpuSeconds(pid)
        count = work(address, 1.5)
        return (cpuSeconds(pid) - before) / count * 1e6


def perIdle(kind: str) -> float:
    """
    @return: KiB of RSS per idle connection that has exchanged one message.
    """
    with server(kind, "echo") as (pid, address):
        exchange(address, 0.2)
        before = residentKiB(pid)
        sockets = []
        for _ in range(IDLE):
            skt = socket.create_connection(address)
            skt.send(MESSAGE)
            skt.recv(65536)
            sockets.append(skt)
        used = residentKiB(pid) - before
        for skt in sockets:
            skt.close()
        return used / IDLE


SCENARIOS: dict[str, tuple[str, Callable[[str], float]]] = {
    "echo": (
        f"us per echo of {len(MESSAGE)} bytes, {CLIENTS} connections",
        lambda kind: perUnit(kind, "echo", exchange),
    ),
    "connections": (
        "us per connection: accept, one message, close",
        lambda kind: perUnit(kind, "echo", connect),
    ),
    "relay": (
        "us per relayed connection: accept, connect, one message each way, close both",
        lambda kind: perUnit(kind, "relay", connect),
    ),
    "idle": (f"KiB of RSS per connection, {IDLE} idle", perIdle),
}


def main() -> None:
    """
    Prints a table per scenario.
    """
    names = [name for name in sys.argv[1:] if name in SCENARIOS] or list(SCENARIOS)
    rounds = int(sys.argv[-1]) if sys.argv[-1].isdigit() else 5
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    os.sched_setaffinity(0, {1})
    for name in names:
        what, measure = SCENARIOS[name]
        print(what)
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(1 if name == "idle" else rounds):
            for kind, values in found.items():
                values.append(measure(kind))
        for kind, values in found.items():
            spread = f"{min(values):.1f}-{max(values):.1f}"
            print(f"  {statistics.median(values):7.1f}  {spread:12} {kind:14} {KINDS[kind]}")


if __name__ == "__main__":
    main()
