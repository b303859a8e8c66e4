"""
Tests for L{lbproxy.assembly.explaining}: what a configuration would do with a request.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly.explaining import explainRequest
from tests.assembly.support import configured

TEXT = """
listeners:
  web:
    bind: "127.0.0.1:80"
    protocol: http
    routes:
      - {match: {host: old.example}, redirect: {to: "https://x{path}", status: 301}}
      - {match: {path: /robots.txt}, respond: {status: 203}}
      - {match: {header: {X-A: "1"}, cookie: {c: x}, query: {q: y}}, pool: api, name: special}
      - {match: {method: PUT, source: [10.0.0.0/8]}, split: [{pool: api, weight: 9}, {pool: shop}]}
      - pool: shop
  other: {bind: "127.0.0.1:81", protocol: http, pool: api}
  tcp: {bind: "127.0.0.1:82", protocol: tcp, pool: api}
pools:
  shop: {backends: [{name: b1, address: "192.0.2.1:80"}, {name: b2, address: "192.0.2.2:80"}]}
  api: {backends: [{name: a1, address: "192.0.2.3:80"}]}
"""


class ExplainTests(SynchronousTestCase):
    """
    Route by route.
    """

    def explain(self, request: str = "GET http://a.example/", **more: Any) -> str:
        return explainRequest(configured(TEXT), request, **more)

    def lines(self, request: str = "GET http://a.example/", **more: Any) -> list[str]:
        """
        The answer's lines about routes.
        """
        return [
            line.strip() for line in self.explain(request, **more).split("\n") if "route" in line
        ]

    def test_eachRoute(self) -> None:
        """
        Each route that doesn't match says why, the one that does what it will do.
        """
        lines = self.lines()
        self.assertIn("no, host is not old.example", lines[0])
        self.assertIn("no, path is not /robots.txt", lines[1])
        self.assertIn("special", lines[2])
        self.assertIn("no, header X-A does not fit", lines[2])
        self.assertIn("no, method is not PUT", lines[3])
        self.assertIn("yes, pool shop", lines[4])

    def test_actions(self) -> None:
        """
        Redirects, answers and splits are told as what they are.
        """
        self.assertIn(
            "yes, redirect 301 to https://x{path}", self.explain("GET http://old.example/")
        )
        self.assertIn("yes, respond 203", self.explain("GET http://a.example/robots.txt"))
        split = self.explain("PUT http://a.example/", source="10.0.0.1")
        self.assertIn("yes, split api 9, shop 1", split)

    def test_fieldsAndCookies(self) -> None:
        """
        What the request is to bring counts.
        """
        request = "GET http://a.example/?q=y"
        line = self.lines(request, fields=["X-A: 1"], cookies=["c=x"])[2]
        self.assertIn("yes, pool api", line)
        self.assertIn("cookie c does not fit", self.lines(request, fields=["X-A: 1"])[2])

    def test_down(self) -> None:
        """
        As if a backend were down.
        """
        self.assertIn("-> b2", self.explain(down=["shop/b1"]))
        self.assertIn("-> b1", self.explain(down=["shop/b2"]))

    def test_listener(self) -> None:
        """
        By the request's port, or by name.
        """
        self.assertIn("listener other", self.explain("GET http://a.example:81/"))
        self.assertIn("listener other", self.explain(listener="other"))
        self.assertRaises(ValueError, self.explain, listener="none")

    def test_nothingIsKept(self) -> None:
        """
        Asking changes nothing: the answer is the same again.
        """
        configuration = configured(TEXT)
        first = explainRequest(configuration, "GET http://a.example/")
        self.assertEqual(explainRequest(configuration, "GET http://a.example/"), first)
