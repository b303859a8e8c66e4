"""
TCP listeners with eyes: routes by server name, TLS here or there, PROXY headers, UNIX sockets.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.listening import listenStream
from lbproxy.net.tls.server import ServerTLS
from tests.certs import Authority
from tests.integration.edges import EdgeCase, Page, portOf, reactor


class Greeter(Protocol):
    """
    Says its name to whoever connects, then echoes.
    """

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self.factory.greeting)

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class L4Tests(EdgeCase):
    """
    Clients are threads with blocking sockets.
    """

    def setUp(self) -> None:
        super().setUp()
        self.authority = Authority()
        self.ca = self.authority.write(self.folder)
        self.deadlines = Deadlines(reactor)
        self.deadlines.start()
        self.addCleanup(self.deadlines.stop)

    def tls(self, name: str) -> ServerTLS:
        return ServerTLS([self.certificate(name)], deadlines=self.deadlines)

    def greeter(self, greeting: bytes, tls: ServerTLS | None = None) -> int:
        factory: Any = Factory.forProtocol(Greeter)
        factory.greeting = greeting
        port = listenStream(reactor, Address("127.0.0.1", 0), factory, tls=tls)
        self.addCleanup(port.stopListening)
        return int(port.getHost().port)  # type: ignore[union-attr]

    def certificate(self, name: str) -> tuple[str, str]:
        return self.authority.issue(name).write(self.folder, name)

    def overTLS(self, port: int, name: str, ask: bytes = b"hi") -> Callable[[], tuple[bytes, Any]]:
        """
        @return: what was said, and the certificate seen; to be run in a thread.
        """
        context = ssl.create_default_context(cafile=self.ca)

        def talk() -> tuple[bytes, Any]:
            plain = socket.create_connection(("127.0.0.1", port), timeout=10)
            with context.wrap_socket(plain, server_hostname=name) as client:
                client.sendall(ask)
                data = b""
                while not data.endswith(ask):
                    data += client.recv(1000)
                return data, client.getpeercert()

        return talk

    async def test_byServerName(self) -> None:
        """
        Names decide, TLS stays closed; who names nobody gets the route without a name.
        """
        ports = {}
        for name in ("a.example", "x.wild.example", "other.example"):
            ports[name] = self.greeter(name.encode(), self.tls(name))
        edge = self.edge(f"""
listeners:
  relay:
    bind: "127.0.0.1:0"
    protocol: tcp
    routes:
      - {{match: {{serverName: a.example}}, pool: a}}
      - {{match: {{serverName: "*.wild.example"}}, pool: w}}
      - {{pool: o}}
pools:
  a: {{backends: ["127.0.0.1:{ports["a.example"]}"]}}
  w: {{backends: ["127.0.0.1:{ports["x.wild.example"]}"]}}
  o: {{backends: ["127.0.0.1:{ports["other.example"]}"]}}
""")
        for name in ports:
            said, _ = await deferToThread(self.overTLS(portOf(edge, "relay"), name))
            self.assertEqual(said, name.encode() + b"hi")

    async def test_passthrough(self) -> None:
        """
        TLS ends here for one name, and passes untouched to the backend for another.
        """
        inner = self.greeter(b"inner", self.tls("there.example"))
        plain = self.greeter(b"plain")
        cert, key = self.certificate("here.example")
        edge = self.edge(f"""
listeners:
  relay:
    bind: "127.0.0.1:0"
    protocol: tcp
    tls: {{certificates: [{{cert: {cert}, key: {key}}}]}}
    routes:
      - {{match: {{serverName: there.example}}, pool: inner, passthrough: true}}
      - {{pool: plain}}
pools:
  inner: {{backends: ["127.0.0.1:{inner}"]}}
  plain: {{backends: ["127.0.0.1:{plain}"]}}
""")
        port = portOf(edge, "relay")
        said, _ = await deferToThread(self.overTLS(port, "there.example"))
        self.assertEqual(said, b"innerhi")
        said, _ = await deferToThread(self.overTLS(port, "here.example"))
        self.assertEqual(said, b"plainhi")

    async def test_proxyProtocolThroughTwoEdges(self) -> None:
        """
        The inner edge learns the client's address from the outer one, over TCP and for HTTP, and
        tells its backend.
        """
        page = Page("b1")
        backend = self.serve(page)
        inner = self.edge(f"""
listeners:
  web:
    bind: "127.0.0.1:0"
    protocol: http
    accessLog: off
    proxyProtocol: {{from: [127.0.0.0/8], required: true}}
    pool: web
pools: {{web: {{backends: ["127.0.0.1:{backend}"]}}}}
""")
        port = portOf(inner, "web")
        for protocol in ("tcp", "http"):
            for version in ("v1", "v2"):
                outer = self.edge(f"""
listeners: {{edge: {{bind: "127.0.0.1:0", protocol: {protocol}, pool: inner, accessLog: off}}}}
pools: {{inner: {{backends: ["127.0.0.1:{port}"], sendProxyProtocol: {version}}}}}
""")
                url = f"http://127.0.0.1:{portOf(outer, 'edge')}/"
                answer, _ = await self.shell("curl", "-s", "--interface", "127.0.0.5", url)
                self.assertEqual(answer, "b1 GET / 0\n")
                fields = page.requests[-1].requestHeaders
                seen = fields.getRawHeaders("x-forwarded-for")
                assert seen is not None
                self.assertEqual(seen[-1].split(", ")[-1], "127.0.0.5")
        refused, _ = await self.shell("curl", "-s", f"http://127.0.0.1:{port}/")
        self.assertEqual(refused, "")

    async def test_unixSockets(self) -> None:
        """
        Listeners and backends may be UNIX sockets; the file goes with the listener.
        """
        path = self.path("edge.sock")
        backend = self.serve(Page("b1"))
        inner = self.edge(f"""
listeners: {{web: {{bind: "unix:{path}", protocol: http, pool: web, accessLog: off}}}}
pools: {{web: {{backends: ["127.0.0.1:{backend}"]}}}}
""")
        outer = self.edge(f"""
listeners: {{web: {{bind: "127.0.0.1:0", protocol: http, pool: web, accessLog: off}}}}
pools: {{web: {{backends: ["unix:{path}"]}}}}
""")
        direct, _ = await self.shell("curl", "-s", "--unix-socket", path, "http://x/a")
        self.assertEqual(direct, "b1 GET /a 0\n")
        through, _ = await self.shell("curl", "-s", f"http://127.0.0.1:{portOf(outer, 'web')}/b")
        self.assertEqual(through, "b1 GET /b 0\n")
        await inner.stopService()
        self.assertFalse(os.path.exists(path))

    async def test_bandwidth(self) -> None:
        """
        A connection that may take so much per second takes its time.
        """
        backend = self.greeter(b"")
        edge = self.edge(f"""
listeners:
  slow: {{bind: "127.0.0.1:0", protocol: tcp, pool: p, bandwidth: {{up: 200KiB}}}}
pools: {{p: {{backends: ["127.0.0.1:{backend}"]}}}}
""")
        port = portOf(edge, "slow")

        def send() -> float:
            blob = b"x" * 400_000
            started = time.monotonic()
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                client.sendall(blob)
                left = len(blob)
                while left:
                    left -= len(client.recv(65536))
            return time.monotonic() - started

        self.assertGreater(await deferToThread(send), 0.5)
