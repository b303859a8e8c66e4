"""
HTTP through a whole edge, asked by curl.
"""

from __future__ import annotations

from tests.integration.edges import EdgeCase, Page, portOf


class HTTPTests(EdgeCase):
    """
    curl gets what it asks for.
    """

    async def test_getAndPost(self) -> None:
        """
        Requests with and without a body reach the backend, whatever their framing.
        """
        backend = self.serve(Page("b1"))
        edge = self.edge(f"""
listeners: {{web: {{bind: "127.0.0.1:0", protocol: http, pool: web, accessLog: off}}}}
pools: {{web: {{backends: ["127.0.0.1:{backend}"]}}}}
""")
        url = f"http://127.0.0.1:{portOf(edge, 'web')}"
        self.assertEqual(await self.shell("curl", "-s", f"{url}/a?b=c"), ("b1 GET /a?b=c 0\n", 0))
        with open(self.path("body"), "wb") as file:
            file.write(b"x" * 3_000_000)
        upload = ("curl", "-s", "--data-binary", "@" + self.path("body"), url + "/p")
        self.assertEqual(await self.shell(*upload), ("b1 POST /p 3000000\n", 0))
        chunked = (*upload, "-H", "Transfer-Encoding: chunked")
        self.assertEqual(await self.shell(*chunked), ("b1 POST /p 3000000\n", 0))

    async def test_routes(self) -> None:
        """
        Host, path, method and header decide; the first route that matches wins.
        """
        ports = [self.serve(Page(name)) for name in ("one", "two", "three", "four")]
        edge = self.edge(f"""
listeners:
  web:
    bind: "127.0.0.1:0"
    protocol: http
    accessLog: off
    routes:
      - {{match: {{path: /robots.txt}}, respond: {{status: 200, body: "robots"}}}}
      - {{match: {{host: old.example}}, redirect: {{to: "https://new.example{{path}}{{query}}"}}}}
      - {{match: {{host: "*.example", pathPrefix: /api/}}, pool: p0}}
      - {{match: {{method: [PUT, DELETE]}}, pool: p1}}
      - {{match: {{header: {{X-Canary: "1"}}}}, pool: p2}}
      - {{match: {{pathPrefix: /}}, pool: p3}}
pools:
  p0: {{backends: ["127.0.0.1:{ports[0]}"]}}
  p1: {{backends: ["127.0.0.1:{ports[1]}"]}}
  p2: {{backends: ["127.0.0.1:{ports[2]}"]}}
  p3: {{backends: ["127.0.0.1:{ports[3]}"]}}
""")
        url = f"http://127.0.0.1:{portOf(edge, 'web')}"

        async def ask(path: str, *more: str) -> str:
            return (await self.shell("curl", "-s", "-i", "--path-as-is", url + path, *more))[0]

        self.assertTrue((await ask("/robots.txt")).endswith("robots"))
        moved = await ask("/a?b", "-H", "Host: old.example")
        self.assertIn("308 Permanent Redirect", moved)
        self.assertIn("Location: https://new.example/a?b", moved)
        self.assertIn("one GET /api/x", await ask("/api/x", "-H", "Host: shop.example:80"))
        self.assertIn(
            "one GET /%61pi/../api/x", await ask("/%61pi/../api/x", "-H", "Host: a.example")
        )
        self.assertIn("four GET /api/x", await ask("/api/x"))
        self.assertIn("two PUT /", await ask("/", "-X", "PUT"))
        self.assertIn("three GET /", await ask("/", "-H", "X-Canary: 1"))
        self.assertIn("four GET /", await ask("/", "-H", "X-Canary: 2"))
