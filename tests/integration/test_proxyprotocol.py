"""
The PROXY protocol with those who speak it: HAProxy in front of an edge, nginx and HAProxy behind.
"""

from __future__ import annotations

from tests.certs import Authority
from tests.integration.edges import EdgeCase, Page, freePort, later, portOf
from tests.integration.peers import nginx, start

#: Where the client comes from; whoever is asked through a proxy sees 127.0.0.1.
CLIENT = "127.0.0.5"

AUTHORITY = Authority()


class PROXYTests(EdgeCase):
    """
    Real senders and receivers.
    """

    async def haproxy(self, port: int, body: str) -> None:
        """
        An HAProxy that listens on C{port}.
        """
        path = self.path(f"haproxy-{port}.cfg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"""
defaults
    timeout connect 5s
    timeout client 5s
    timeout server 5s
{body}
""")
        await start(self, "haproxy", "-db", "-f", path, port=port)

    async def curl(self, url: str, *options: str) -> str:
        """
        What a client at L{CLIENT} gets.
        """
        answer, _ = await self.shell("curl", "-s", "--interface", CLIENT, *options, url)
        return answer

    async def test_behindHAProxy(self) -> None:
        """
        HAProxy tells us its clients in both versions, with all TLVs it knows, a checksum too; with
        and without TLS of ours behind the header.
        """
        page = Page("b1")
        pair = AUTHORITY.issue("edge.test").write(self.folder, "edge")
        edge = self.edge(f"""
listeners:
  plain:
    bind: "127.0.0.1:0"
    protocol: http
    pool: web
    accessLog: off
    proxyProtocol: {{from: [127.0.0.1]}}
  tls:
    bind: "127.0.0.1:0"
    protocol: http
    pool: web
    accessLog: off
    proxyProtocol: {{from: [127.0.0.1]}}
    tls: {{certificates: [{{cert: {pair[0]}, key: {pair[1]}}}]}}
pools: {{web: {{backends: ["127.0.0.1:{self.serve(page)}"]}}}}
""")
        everything = "proxy-v2-options ssl,cert-cn,ssl-cipher,authority,crc32c,unique-id"
        for listener in ("plain", "tls"):
            target = f"127.0.0.1:{portOf(edge, listener)}"
            tls = "ssl verify none" if listener == "tls" else ""
            for send in ("send-proxy", "send-proxy-v2", f"send-proxy-v2-ssl-cn {everything}"):
                port = freePort()
                await self.haproxy(
                    port,
                    f"""
listen l
    mode tcp
    bind 127.0.0.1:{port}
    unique-id-format %[uuid()]
    server s {target} {send} {tls}
""",
                )
                self.assertEqual(await self.curl(f"http://127.0.0.1:{port}/"), "b1 GET / 0\n")
                seen = page.requests[-1].requestHeaders.getRawHeaders("x-forwarded-for")
                self.assertEqual(seen, [CLIENT], f"{listener} {send}")

    async def test_beforeNginx(self) -> None:
        """
        nginx learns our clients in both versions, over TCP and HTTP, before its TLS and without.
        """
        cert, key = AUTHORITY.issue("backend.test").write(self.folder, "backend")
        plain, secure = freePort(), freePort()
        await nginx(
            self,
            f"""
  listen 127.0.0.1:{plain} proxy_protocol;
  listen 127.0.0.1:{secure} proxy_protocol ssl;
  ssl_certificate {cert}; ssl_certificate_key {key};
  location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_server_port $https"; }}
""",
        )
        for version in ("v1", "v2"):
            for protocol in ("tcp", "http"):
                edge = self.edge(
                    f"""
listeners:
  plain: {{bind: "127.0.0.1:0", protocol: {protocol}, pool: plain, accessLog: off}}
  secure: {{bind: "127.0.0.1:0", protocol: {protocol}, pool: secure, accessLog: off}}
pools:
  plain: {{backends: ["127.0.0.1:{plain}"], sendProxyProtocol: {version}}}
  secure:
    backends: ["127.0.0.1:{secure}"]
    sendProxyProtocol: {version}
    tls: {{serverName: backend.test, ca: {AUTHORITY.write(self.folder)}}}
""",
                    grace=0.05,
                )
                for name, https in (("plain", ""), ("secure", "on")):
                    port = portOf(edge, name)
                    answer = await self.curl(f"http://127.0.0.1:{port}/")
                    self.assertEqual(answer, f"{CLIENT} {port} {https}", f"{version} {protocol}")
        await later(0.3)  # the last TLS connection ends after curl has

    async def test_beforeHAProxy(self) -> None:
        """
        HAProxy, which is strict, takes what we tell of a TLS client in version 2.
        """
        pair = AUTHORITY.issue("edge.test").write(self.folder, "edge")
        ca = AUTHORITY.write(self.folder)
        behind = freePort()
        await self.haproxy(
            behind,
            f"""
frontend f
    mode http
    bind 127.0.0.1:{behind} accept-proxy
    http-request return status 200 content-type text/plain lf-string "%[src] %[fc_pp_authority]"
""",
        )
        edge = self.edge(f"""
listeners:
  edge:
    bind: "127.0.0.1:0"
    protocol: tcp
    pool: web
    tls: {{certificates: [{{cert: {pair[0]}, key: {pair[1]}}}]}}
pools: {{web: {{backends: ["127.0.0.1:{behind}"], sendProxyProtocol: v2}}}}
""")
        port = portOf(edge, "edge")
        answer = await self.curl(
            f"https://edge.test:{port}/",
            "--cacert",
            ca,
            "--resolve",
            f"edge.test:{port}:127.0.0.1",
        )
        self.assertEqual(answer, f"{CLIENT} edge.test")
