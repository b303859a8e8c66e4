"""
Asks over UDP, one question after the other on each of many sockets: C{python -m bench.udpload PORT SECONDS SOCKETS}.

Prints the number of answers.
"""

from __future__ import annotations

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
    question = b"q" * 40
    for client in sockets.values():
        client.send(question)
    answers = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ready = poll.poll(0.2, 64)
        if not ready:  # datagrams were lost: ask again
            for client in sockets.values():
                client.send(question)
        for fd, _ in ready:
            client = sockets[fd]
            try:
                client.recv(2048)
                client.send(question)
            except OSError:
                continue
            answers += 1
    print(answers)


if __name__ == "__main__":
    main()
