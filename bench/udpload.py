"""
Asks over UDP, one question after the other on each of many sockets: C{python -m bench.udpload PORT
SECONDS SOCKETS}.

Prints what L{bench.scenario.Load} takes, as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time


def main() -> None:
    """
    Keep each socket's question under way until the time is over.
    """
    port, seconds, count = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    poll = select.epoll()
    sockets = {}
    for _ in range(count):
        client = socket.socket(type=socket.SOCK_DGRAM)
        client.connect(("127.0.0.1", port))
        client.setblocking(False)
        sockets[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
    begun = time.monotonic()
    times, lost = ask(poll, sockets, begun + seconds)
    times.sort()
    print(
        json.dumps(
            {
                "units": len(times),
                "seconds": time.monotonic() - begun,
                "p50": times[len(times) // 2],
                "p99": times[len(times) * 99 // 100],
                "failed": lost,
            }
        )
    )


def ask(
    poll: select.epoll, sockets: dict[int, socket.socket], end: float
) -> tuple[list[float], int]:
    """
    @return: how long each answer took, and how often everybody had to ask again because datagrams
        were lost.
    """
    question = b"q" * 40
    now = time.monotonic
    asked = dict.fromkeys(sockets, now())
    times: list[float] = []
    lost = 0
    for client in sockets.values():
        client.send(question)
    while now() < end:
        ready = poll.poll(0.2, 64)
        if not ready:
            lost += 1
            for client in sockets.values():
                client.send(question)
        for fd, _ in ready:
            client = sockets[fd]
            try:
                client.recv(2048)
                then, asked[fd] = asked[fd], now()
                client.send(question)
            except OSError:
                continue
            times.append(asked[fd] - then)
    return times, lost


if __name__ == "__main__":
    main()
