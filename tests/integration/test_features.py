"""
What routes can do, seen from both ends: curl in front, a server that tells what it got behind.
"""

from __future__ import annotations

import gzip
from typing import ClassVar

from passlib.hash import bcrypt
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from tests.integration.edges import EdgeCase, portOf

_CONFIGURATION = """
listeners:
  web:
    bind: "127.0.0.1:0"
    protocol: http
    accessLog: off
    trustedProxies: [127.0.0.0/8]
    deny: [10.9.0.0/16]
    errorPages: {{"404": 404.html}}
    routes:
      - match: {{pathPrefix: /api/, query: {{beta: "1"}}, cookie: {{group: beta}}}}
        pool: web
        rewrite: {{stripPrefix: /api, addPrefix: /v2, host: b.example}}
        requestHeaders: {{set: {{X-Edge: "1", X-IP: "{{clientIP}}"}}, remove: [User-Agent]}}
        responseHeaders: {{set: {{X-From: "{{requestID}}"}}, remove: [Server]}}
      - match: {{pathRegex: ["/old/(\\\\d+)$"]}}
        pool: web
        rewrite: {{regex: ["^/old/(.*)$", "/new/\\\\1"]}}
      - {{match: {{path: /secret}}, pool: web, auth: {{basic: {{file: htpasswd, realm: here}}}}}}
      - {{match: {{path: /limited}}, pool: web, rateLimit: {{requests: 1, per: 1h}}}}
      - {{match: {{path: /text}}, pool: web, compress: true}}
      - {{match: {{path: /slow}}, pool: web, timeout: 200ms}}
      - {{match: {{path: /split}}, split: [{{pool: web, weight: 1}}, {{pool: other, weight: 0}}]}}
      - {{match: {{path: /source, source: [203.0.113.0/24]}}, respond: {{status: 204}}}}
pools:
  web: {{backends: ["127.0.0.1:{port}"]}}
  other: {{backends: ["127.0.0.1:9"]}}
"""


class Teller(Resource):
    """
    Tells the request that it got.
    """

    isLeaf = True

    def render(self, request: Request) -> bytes | int:
        request.setHeader(b"content-type", b"text/plain")
        if request.path == b"/slow":
            return NOT_DONE_YET  # for ever
        if request.path == b"/text":
            request.setHeader(b"etag", b'"x"')
            return b"hello text " * 1000
        fields = request.requestHeaders.getAllRawHeaders()
        lines = [b"%b %b" % (request.method, request.uri)]
        lines += [b"%b: %b" % (name.lower(), value) for name, values in fields for value in values]
        return b"\n".join(lines)


class FeatureTests(EdgeCase):
    """
    One edge with a route for each feature.
    """

    PASSWORD: ClassVar[str] = bcrypt.using(rounds=4).hash("right")

    def setUp(self) -> None:
        super().setUp()
        with open(self.path("htpasswd"), "w", encoding="ascii") as file:
            file.write(f"joe:{self.PASSWORD}\n")
        with open(self.path("404.html"), "w", encoding="utf-8") as file:
            file.write("<h1>not here</h1>")
        edge = self.edge(_CONFIGURATION.format(port=self.serve(Teller())))
        self.url = f"http://127.0.0.1:{portOf(edge, 'web')}"

    async def ask(self, path: str, *more: str) -> str:
        """
        @return: the answer with its head, lines ended by LF.
        """
        answer, _ = await self.shell("curl", "-si", "--path-as-is", self.url + path, *more)
        return answer.replace("\r\n", "\n")

    async def test_editsAndRewrites(self) -> None:
        """
        Target, Host and fields are changed on the way there, and fields on the way back.
        """
        known = ("-b", "group=beta", "-H", "X-Forwarded-For: 203.0.113.9")
        answer = await self.ask("/api/x?beta=1&y=2", *known)
        self.assertIn("GET /v2/x?beta=1&y=2\n", answer)
        for line in ("host: b.example", "x-edge: 1", "x-ip: 203.0.113.9"):
            self.assertIn(line + "\n", answer + "\n")
        self.assertIn("x-forwarded-for: 203.0.113.9, 127.0.0.1\n", answer)
        self.assertNotIn("user-agent", answer)
        self.assertNotIn("Server:", answer)
        self.assertIn("X-From: ", answer)
        self.assertIn("GET /v2/y?beta=1\n", await self.ask("/%61pi/x/../y?beta=1", *known))
        self.assertIn("GET /new/12\n", await self.ask("/old/12"))

    async def test_conditionsMustAllHold(self) -> None:
        """
        Without its query or its cookie the route isn't taken; nothing matches: the user's page.
        """
        for path, cookie in (("/api/x", "group=beta"), ("/api/x?beta=1", "group=alpha")):
            answer = await self.ask(path, "-b", cookie)
            self.assertTrue(answer.startswith("HTTP/1.1 404 Not Found\n"), answer)
            self.assertTrue(answer.endswith("<h1>not here</h1>"))

    async def test_source(self) -> None:
        """
        What a trusted proxy says of the client decides; denied networks get 403.
        """
        for address, expected in (
            ("203.0.113.5", "204"),
            ("198.51.100.1", "404"),
            ("10.9.1.1", "403"),
        ):
            answer = await self.ask("/source", "-H", f"X-Forwarded-For: {address}")
            self.assertEqual(answer.split(" ")[1], expected)

    async def test_basicAuth(self) -> None:
        """
        Only the right password passes.
        """
        answer = await self.ask("/secret")
        self.assertIn('WWW-Authenticate: Basic realm="here", charset="UTF-8"\n', answer)
        for password, expected in (("right", "200"), ("wrong", "401"), ("right", "200")):
            answer = await self.ask("/secret", "-u", f"joe:{password}")
            self.assertEqual(answer.split(" ")[1], expected)

    async def test_rateLimit(self) -> None:
        """
        The second one within the hour is told when to come again.
        """
        self.assertEqual((await self.ask("/limited")).split(" ")[1], "200")
        answer = await self.ask("/limited")
        self.assertEqual(answer.split(" ")[1], "429")
        self.assertIn("Retry-After: 3600\n", answer)

    async def test_compress(self) -> None:
        """
        Text is sent in a coding that the client takes, and decodes to what the backend sent.
        """
        out = self.path("out")
        for accepted, coding in (("gzip", "gzip"), ("gzip;q=0.1, br", "br"), ("zstd, br", "zstd")):
            field = f"Accept-Encoding: {accepted}"
            answer, _ = await self.shell(
                "curl", "-s", "-D-", "-o", out, self.url + "/text", "-H", field
            )
            self.assertIn(f"Content-Encoding: {coding}\r\n", answer)
            self.assertIn('ETag: W/"x"\r\n', answer)
            self.assertIn("Vary: Accept-Encoding\r\n", answer)
        await self.shell("curl", "-s", "-o", out, self.url + "/text", "-H", "Accept-Encoding: gzip")
        with open(out, "rb") as file:
            self.assertEqual(gzip.decompress(file.read()), b"hello text " * 1000)
        plain = await self.ask("/text")
        self.assertIn("Content-Length: 11000\n", plain)
        self.assertNotIn("Content-Encoding", plain)
        self.assertTrue(plain.endswith("\n\n" + "hello text " * 1000))

    async def test_timeout(self) -> None:
        """
        An exchange that takes longer than its route allows is 504.
        """
        self.assertEqual((await self.ask("/slow")).split(" ")[1], "504")

    async def test_split(self) -> None:
        """
        A pool with no weight gets nothing.
        """
        for _ in range(5):
            self.assertEqual((await self.ask("/split")).split(" ")[1], "200")

    async def test_answeredByTheEdge(self) -> None:
        """
        CONNECT is refused, and a request that may go no further is answered here.
        """
        answer = await self.ask("", "-X", "CONNECT", "--request-target", "a.example:80")
        self.assertEqual(answer.split(" ")[1], "405")
        self.assertIn("Allow: GET", answer)
        answer = await self.ask("/", "-X", "OPTIONS", "-H", "Max-Forwards: 0")
        self.assertEqual(answer.split(" ")[1], "200")
