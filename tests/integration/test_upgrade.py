"""
Upgraded connections: WebSocket through the HTTP and through the TCP listener.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import threading
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from tests.integration.edges import EdgeCase, portOf, reactor

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class EchoServer(Protocol):
    """
    Answers RFC 6455's handshake, then sends every byte back.
    """

    open = False
    received = b""

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        if self.open:
            self.transport.write(data)
            return
        self.received += data
        head, end, rest = self.received.partition(b"\r\n\r\n")
        if not end:
            return
        lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        key = next(
            line for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
        )
        accept = base64.b64encode(hashlib.sha1(key.split(b": ")[1] + _GUID).digest())
        assert lines[b"upgrade"] == b"websocket", lines
        assert lines[b"connection"] == b"upgrade", lines
        self.open = True
        self.transport.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n" + b"hello" + rest
        )


def talk(port: int) -> tuple[bytes, bytes]:
    """
    The client's side, in a thread.

    @return: the response's head, and what was echoed.
    """
    key = base64.b64encode(os.urandom(16))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(
            b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key + b"\r\n\r\n" + b"early"
        )
        received = b""
        while not received.endswith(b"helloearly"):
            received += client.recv(65536)
        blob = os.urandom(500_000)
        # Both at once: an echo that isn't read would stop the sending.
        sending = threading.Thread(target=client.sendall, args=(blob,))
        sending.start()
        echoed = b""
        while len(echoed) < len(blob):
            data = client.recv(65536)
            if not data:
                break
            echoed += data
        sending.join()
    assert echoed == blob
    return received, echoed


class WebSocketTests(EdgeCase):
    """
    A WebSocket echo behind an edge.
    """

    def listeners(self) -> Any:
        echo = Factory.forProtocol(EchoServer)
        port = reactor.listenTCP(0, echo, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return self.edge(f"""
listeners:
  web: {{bind: "127.0.0.1:0", protocol: http, pool: echo, accessLog: off}}
  raw: {{bind: "127.0.0.1:0", protocol: tcp, pool: echo}}
pools: {{echo: {{backends: ["127.0.0.1:{port.getHost().port}"]}}}}
""")

    async def test_throughBoth(self) -> None:
        """
        The handshake passes, and bytes flow both ways, those sent early and the last ones too.
        """
        edge = self.listeners()
        pool = edge.registry.pool("echo")
        for name in ("web", "raw"):
            head, _ = await deferToThread(talk, portOf(edge, name))
            self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
            self.assertIn(b"Sec-WebSocket-Accept: ", head)
        await self.until(lambda: not any(b.active for b in pool.backends.values()))
