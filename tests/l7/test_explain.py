"""
Tests for L{lbproxy.l7.explain}, by way of what C{lbproxy explain} asks.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly.explaining import explainRequest
from lbproxy.config.load import parseConfiguration

CONFIGURATION = """
listeners:
  plain:
    bind: "127.0.0.1:8080"
    protocol: http
    routes:
      - {name: robots, match: {path: /robots.txt}, respond: {status: 204}}
      - {name: canary, match: {host: "*.example", cookie: {group: beta}, method: GET}, pool: next}
      - {match: {pathPrefix: /old/}, redirect: {to: "/new", status: 301}}
      - {match: {pathPrefix: /shop/}, pool: shop}
pools:
  shop:
    affinity: {sourceIP: {}}
    backends: [{name: b1, address: "192.0.2.1:80"}, {name: b2, address: "192.0.2.2:80"}]
  next: {backends: [{name: n1, address: "192.0.2.3:80"}]}
"""


class ExplainTests(SynchronousTestCase):
    """
    What would be done is said, with every reason.
    """

    def setUp(self) -> None:
        self.configuration = parseConfiguration(CONFIGURATION)

    def explain(self, request: str, **more: list[str]) -> str:
        return explainRequest(self.configuration, request, **more)  # type: ignore[arg-type]

    def test_routesInTheirOrder(self) -> None:
        """
        Each route that isn't taken says which conditions don't hold; the first that is ends it.
        """
        text = self.explain("GET http://a.example/shop/x")
        self.assertIn("route 1 (robots): no, path is not /robots.txt\n", text)
        self.assertIn("route 2 (canary): no, cookie group does not fit\n", text)
        self.assertIn("route 4 (shop): yes, pool shop\n", text)
        self.assertIn("-> b", text)
        self.assertIn(
            "route 2 (canary): yes", self.explain("http://a.example/", cookies=["group=beta"])
        )

    def test_actions(self) -> None:
        """
        Answers of the listener's own, and none at all.
        """
        self.assertIn("yes, respond 204", self.explain("http://x/robots.txt"))
        self.assertIn("yes, redirect 301 to /new", self.explain("http://x/old/1"))
        self.assertIn("no route matches: 404", self.explain("http://x/"))

    def test_leftOut(self) -> None:
        """
        A backend that is down is left out, and why is said.
        """
        text = self.explain("http://x/shop/", down=["shop/b1"])
        self.assertRegex(text, r"b1 +out .*down")
        self.assertIn("-> b2", text)

    def test_refused(self) -> None:
        """
        A path that would be refused is said to be.
        """
        self.assertIn("refused: ", self.explain("http://x/%00"))

    def test_mistakes(self) -> None:
        """
        What is no request, and a scheme nobody speaks, are said.
        """
        for request, said in (("", "is no request"), ("https://x/", "no http listener")):
            error = self.assertRaises(ValueError, self.explain, request)
            self.assertIn(said, str(error))
