"""
Tests for L{lbproxy.config.validate}, L{lbproxy.config.messages} and L{lbproxy.config.shape}.
"""

from __future__ import annotations

import time

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import unsupported
from lbproxy.config.document import readDocument
from lbproxy.config.node import Path
from lbproxy.config.shape import keysAt, modelAt, protocolsWith
from lbproxy.config.tls import CertificateFiles
from tests.config.support import LISTENER, POOL, problems


class ValidateTests(SynchronousTestCase):
    """
    All problems in one run, and none that we made ourselves.
    """

    def setUp(self) -> None:
        self.patch(unsupported, "UNSUPPORTED", ())

    def said(self, text: str) -> list[str]:
        return [problem.split(": ", 1)[1] for problem in problems(text)]

    def test_checksRunBesideMistakes(self) -> None:
        """
        A slip in a key does not hide a name that leads nowhere.
        """
        text = LISTENER.replace("pool: web", "pool: shop, typo: 1") + POOL
        self.assertEqual(len(self.said(text)), 2)

    def test_whatIsLeftOutIsNotMissed(self) -> None:
        """
        A bad address is one mistake: not a missing one, an empty list, a listener less.
        """
        text = 'listeners: {edge: {bind: ["x"], protocol: http, pool: web}}\n' + POOL
        (line,) = self.said(text)
        self.assertIn('no port in "x"', line)
        text = LISTENER + "pools: {web: {backends: [x, y]}}"
        self.assertEqual(len(self.said(text)), 2)

    def test_itemsKeepTheirPositions(self) -> None:
        """
        Behind a bad item, the position and place of the next mistake are still right.
        """
        backends = '["x", "10.0.0.1:80", "y", "10.0.0.1:80"]'
        text = LISTENER + f"pools:\n  web: {{backends: {backends}}}\n"
        said = [line.split(": ")[:2] for line in problems(text)]
        column = len("  web: {backends: ") + 1
        self.assertEqual(
            said,
            [
                [f"e.yaml:4:{column + 1}", "pools.web.backends[0]"],
                [f"e.yaml:4:{column + 21}", "pools.web.backends[2]"],
                [f"e.yaml:4:{column + 26}", "pools.web.backends[3]"],
            ],
        )

    def test_severalRounds(self) -> None:
        """
        What can be seen only once something else is out of the way is seen, too.
        """
        routes = "[{pool: web, redirect: {to: '{x}'}}, {pool: web, respond: {status: 1}}, {}]"
        text = LISTENER.replace("pool: web", f"routes: {routes}") + POOL
        self.assertEqual(len(self.said(text)), 3)

    def test_theWholeFileIsWrong(self) -> None:
        """
        Sections that are no sections are said, and that is all.
        """
        self.assertEqual(
            self.said("listeners: 5\npools: [a]\n"),
            [
                "listeners: wanted a mapping, got the number 5",
                "pools: wanted a mapping, got a list",
            ],
        )

    def test_wrongLengths(self) -> None:
        """
        A pair of two, nothing else.
        """
        routes = "[{pool: web, rewrite: {regex: [a]}}]"
        (line,) = self.said(LISTENER.replace("pool: web", f"routes: {routes}") + POOL)
        self.assertEqual(
            line, "listeners.edge.routes[0].rewrite.regex[1]: missing; wanted a value here"
        )
        routes = "[{pool: web, rewrite: {regex: [a, b, c]}}]"
        (line,) = self.said(LISTENER.replace("pool: web", f"routes: {routes}") + POOL)
        self.assertEqual(line, "listeners.edge.routes[0].rewrite.regex: 3 values; wanted at most 2")

    def test_switchesSayWhatTheyTake(self) -> None:
        """
        Where true and false stand for a mapping, the message says so.
        """
        pool = POOL.replace("{", "{tls: on, timeouts: on, ")
        self.assertEqual(
            self.said(LISTENER + pool),
            [
                'pools.web.tls: wanted a mapping, true or false, got "on"',
                'pools.web.timeouts: wanted a mapping, got "on"',
            ],
        )

    def test_keysOfOtherProtocols(self) -> None:
        """
        A key that another kind of listener has is told from one that nobody has.
        """
        text = LISTENER.replace("pool: web", "udp: {}, maxAge: 5, bogus: 1, pool: web") + POOL
        self.assertEqual(
            [line.split(";")[0] for line in self.said(text)],
            [
                "listeners.edge.udp: not for an http listener",
                "listeners.edge.maxAge: not for an http listener",
                'listeners.edge.bogus: unknown key "bogus"',
            ],
        )

    def test_manyMistakesTakeLittleTime(self) -> None:
        """
        Forty thousand mistakes are a thousand lines, soon.
        """
        backends = ", ".join(["x"] * 20_000)
        keys = ", ".join(f"k{index}: 1" for index in range(20_000))
        text = LISTENER + f"pools: {{web: {{backends: [{backends}], {keys}}}}}"
        start = time.perf_counter()
        self.assertEqual(len(problems(text)), 1000)
        # Some 2 s on a machine that has nothing else to do.
        self.assertLess(time.perf_counter() - start, 30)


class ShapeTests(SynchronousTestCase):
    """
    The models, walked along a path.
    """

    def test_pathsLeadToModels(self) -> None:
        """
        Through names, lists, shorthands and the listener's protocol.
        """
        root = readDocument("listeners: {a: {protocol: tcp}, b: {}}", "e", "/", {}).root
        for path in (("certificates", 0), ("certificates",)):
            self.assertIs(modelAt(root, ("listeners", "a", "tls", *path)), CertificateFiles)
        self.assertIn("passthrough", keysAt(root, ("listeners", "a", "routes", 5)))
        self.assertIn("include", keysAt(root, ()))
        nowhere: list[Path] = [("listeners", "b"), ("nowhere", 0), ("pools", "a", "tls", 5)]
        for nothing in nowhere:
            self.assertEqual(keysAt(root, nothing), [])

    def test_protocols(self) -> None:
        """
        Which kinds of listeners have a key.
        """
        root = readDocument("listeners: {a: {protocol: tcp}}", "e", "/", {}).root
        path = ("listeners", "a", "routes", 0, "match", "source")
        self.assertEqual(protocolsWith(root, path), ["http", "tcp", "udp"])
        self.assertEqual(protocolsWith(root, (*path[:-1], "host")), ["http"])
        self.assertEqual(protocolsWith(root, ("pools", "a", "tls")), [])
