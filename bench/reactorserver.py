"""
The servers that C{bench.reactor} compares. Prints its port, then serves until it is killed.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import socket
import sys
from importlib import import_module
from typing import Any

_PR_SET_PDEATHSIG = 1


def startBackend() -> tuple[str, int]:
    """
    For relays: another process, on the client's core, that answers each connection's one message.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.sched_setaffinity(0, {1})
        serveBare(listener)
    address: tuple[str, int] = listener.getsockname()
    return address


def serveBare(listener: socket.socket) -> None:
    """
    Echoes with nothing but epoll.
    """
    listener.setblocking(False)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    poller = select.epoll()
    poller.register(listener.fileno(), select.EPOLLIN)
    sockets: dict[int, socket.socket] = {}
    while True:
        for fd, _ in poller.poll(-1, 512):
            if fd == listener.fileno():
                skt, _ = listener.accept()
                skt.setblocking(False)
                sockets[skt.fileno()] = skt
                poller.register(skt.fileno(), select.EPOLLIN)
                continue
            try:
                data = sockets[fd].recv(65536)
                if data:
                    sockets[fd].send(data)
            except OSError:  # the client left with an answer under way
                data = b""
            if not data:
                poller.unregister(fd)
                sockets.pop(fd).close()


def relayBare(listener: socket.socket, backend: tuple[str, int]) -> None:
    """
    Relays with nothing but epoll.
    """
    listener.setblocking(False)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    poller = select.epoll()
    poller.register(listener.fileno(), select.EPOLLIN)
    pairs: dict[int, tuple[socket.socket, socket.socket]] = {}
    waiting: dict[int, tuple[socket.socket, socket.socket]] = {}
    while True:
        for fd, _ in poller.poll(-1, 512):
            if fd == listener.fileno():
                client, _ = listener.accept()
                client.setblocking(False)
                there = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
                there.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                there.connect_ex(backend)
                waiting[there.fileno()] = client, there
                poller.register(there.fileno(), select.EPOLLOUT)
            elif fd in waiting:
                client, there = waiting.pop(fd)
                assert there.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
                pairs[client.fileno()], pairs[fd] = (client, there), (there, client)
                poller.register(client.fileno(), select.EPOLLIN)
                poller.modify(fd, select.EPOLLIN)
            elif fd in pairs:
                source, sink = pairs[fd]
                data = source.recv(65536)
                if data:
                    sink.send(data)
                else:
                    del pairs[source.fileno()], pairs[sink.fileno()]
                    source.close()
                    sink.close()


def serveTwisted(kind: str, backend: tuple[str, int] | None) -> None:
    """
    Echoes or relays on a Twisted reactor.
    """
    lean = kind in ("lbproxy", "stream")
    import_module("lbproxy.net.reactor" if lean else "twisted.internet.epollreactor").install()
    from twisted.internet import reactor

    from bench.reactorprotocols import Echo, Relay
    from lbproxy.config.address import Address
    from lbproxy.net.listening import listenStream

    anyReactor: Any = reactor
    streams = kind.startswith("stream")
    factory: Any = Relay.factory(anyReactor, backend, streams) if backend else Echo.factory()
    if streams:
        port: Any = listenStream(anyReactor, Address("127.0.0.1", 0), factory)
    else:
        port = anyReactor.listenTCP(0, factory, backlog=4096, interface="127.0.0.1")
    print(port.getHost().port, flush=True)
    anyReactor.run()


def main() -> None:
    """
    C{reactorserver KIND echo|relay}
    """
    kind, behaviour = sys.argv[1:]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    backend = startBackend() if behaviour == "relay" else None
    if kind != "bare":
        serveTwisted(kind, backend)
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    print(listener.getsockname()[1], flush=True)
    if backend is None:
        serveBare(listener)
    else:
        relayBare(listener, backend)


if __name__ == "__main__":
    main()
