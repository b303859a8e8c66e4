"""
What does a connection cost that only waits? Resident memory, after one request on each.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence

from bench.scenario import Ground, Measure, Running, Sample, Scenario, Target

# What a limit of 20 000 descriptors leaves to a proxy that counts two for each connection.
CONNECTIONS = 9500
# Of these the first do not count: with them goes what is allocated once, and what was free inside
# the process after its start.
_BEFORE = 3000
# No more than the backend can serve at a time; each then leaves its connection to the next.
_TOGETHER = 50
_REQUEST = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def measure(ground: Ground, running: Running) -> Sample:
    """
    On a process of its own, since memory once touched stays.
    """
    fresh = ground.start(running.proxy)
    server, port = fresh.server, fresh.ports.http
    opened: list[socket.socket] = []
    try:
        _open(opened, port, _BEFORE)
        time.sleep(0.3)
        before = server.rss()
        begun = time.monotonic()
        _open(opened, port, CONNECTIONS - _BEFORE)
        lasted = time.monotonic() - begun
        time.sleep(0.5)
        after = server.rss()
        failed = sum(map(_isClosed, opened))
    finally:
        for client in opened:
            client.close()
        server.stop()
    count = CONNECTIONS - _BEFORE
    return Sample((after - before) / count, count / lasted, None, None, after, failed)


def _open(opened: list[socket.socket], port: int, count: int) -> None:
    for begun in range(0, count, _TOGETHER):
        batch = []
        for _ in range(min(_TOGETHER, count - begun)):
            client = socket.create_connection(("127.0.0.1", port), 20)
            client.sendall(_REQUEST)
            batch.append(client)
        for client in batch:
            answer = client.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200"), answer
        opened += batch


def _isClosed(client: socket.socket) -> bool:
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


def _begin(ground: Ground, running: Sequence[Running]) -> Measure:
    return measure


SCENARIO = Scenario(
    "idle",
    f"idle keep-alive connection, of {CONNECTIONS}: memory",
    "http",
    "KiB",
    1 / 1024,
    _begin,
    Target({"": 8.0}, {"": 4.0}),
    rounds=2,
)
