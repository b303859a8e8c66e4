"""
TLS at the edge, seen by curl and openssl.
"""

from __future__ import annotations

from tests.certs import Authority
from tests.integration.edges import EdgeCase, Page, portOf


class TLSTests(EdgeCase):
    """
    An https listener with two certificates.
    """

    async def test_certificatesBySNI(self) -> None:
        """
        Each name gets its certificate, an unknown one the first, and backends hear of https.
        """
        backend = Page("b1")
        authority = Authority()
        ca = authority.write(self.folder)
        shop = authority.issue("shop.example").write(self.folder, "shop")
        wild = authority.issue("*.wild.example").write(self.folder, "wild")
        edge = self.edge(f"""
listeners:
  web:
    bind: "127.0.0.1:0"
    protocol: http
    accessLog: off
    pool: web
    tls:
      certificates:
        - {{cert: {shop[0]}, key: {shop[1]}}}
        - {{cert: {wild[0]}, key: {wild[1]}}}
pools:
  web:
    affinity: {{cookie: {{secret: x}}}}
    backends: ["127.0.0.1:{self.serve(backend)}"]
""")
        port = portOf(edge, "web")
        for name in ("shop.example", "a.wild.example"):
            resolve = f"{name}:{port}:127.0.0.1"
            answer, status = await self.shell(
                "curl", "-si", "--cacert", ca, "--resolve", resolve, f"https://{name}:{port}/"
            )
            self.assertEqual(status, 0, answer)
            self.assertIn("b1 GET / 0", answer)
            self.assertIn("; Secure", answer)
        fields = backend.requests[-1].requestHeaders
        self.assertEqual(fields.getRawHeaders("x-forwarded-proto"), ["https"])
        bad = f"other.example:{port}:127.0.0.1"
        _, status = await self.shell(
            "curl", "-si", "--cacert", ca, "--resolve", bad, f"https://other.example:{port}/"
        )
        self.assertEqual(status, 60)
