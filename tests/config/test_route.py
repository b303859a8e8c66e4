"""
Tests for L{lbproxy.config.route} and L{lbproxy.config.edit}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.route import HTTPRoute, Share
from tests.config.support import built, faults


def route(**keys: Any) -> HTTPRoute:
    """
    @return: an http route.
    """
    made = built({"routes": [keys]}).listeners["edge"].routes[0]
    assert isinstance(made, HTTPRoute)
    return made


def refused(**keys: Any) -> str:
    """
    @return: what is said against an http route.
    """
    return faults({"routes": [keys]})[0]


class ActionTests(SynchronousTestCase):
    """
    Where the work goes.
    """

    def test_targets(self) -> None:
        """
        One pool is a split of one; redirects and answers go nowhere.
        """
        self.assertEqual(route(pool="web").targets, (Share(pool="web"),))
        split = [{"pool": "a", "weight": 95}, {"pool": "b", "weight": 0}]
        self.assertEqual(
            [(share.pool, share.weight) for share in route(split=split).targets],
            [("a", 95), ("b", 0)],
        )
        self.assertEqual(route(respond={}).targets, ())

    def test_names(self) -> None:
        """
        A route without a name has its pool's, or that of what it does.
        """
        self.assertEqual(route(pool="web").name, "web")
        self.assertEqual(route(name="all", pool="web").name, "all")
        self.assertEqual(route(split=[{"pool": "a"}, {"pool": "b"}]).name, "a")
        self.assertEqual(route(redirect={"to": "/"}).name, "redirect")
        self.assertEqual(route(respond={}).name, "respond")

    def test_exactlyOneAction(self) -> None:
        """
        None and two are mistakes.
        """
        self.assertIn("no action; wanted one of pool, split, redirect, respond", refused())
        self.assertIn(
            "pool and redirect exclude each other", refused(pool="a", redirect={"to": "/"})
        )

    def test_aSplitOfNothing(self) -> None:
        """
        Some weight must be above 0.
        """
        self.assertIn("every weight of the split is 0", refused(split=[{"pool": "a", "weight": 0}]))

    def test_mirrors(self) -> None:
        """
        The percentage of a mirror is a number of percent, kept as a share.
        """
        mirror = route(pool="web", mirror={"pool": "b", "percent": 10}).mirror
        assert mirror is not None
        self.assertEqual((mirror.percent, mirror.compare), (0.1, False))


class EditTests(SynchronousTestCase):
    """
    Changes, redirects, answers and guards.
    """

    def test_placeholders(self) -> None:
        """
        Only those there are.
        """
        made = route(redirect={"to": "https://{host}{path}{query}"})
        assert made.redirect is not None
        self.assertEqual(made.redirect.status, 308)
        self.assertIn(
            'unknown placeholder "hst"; did you mean "host"?', refused(redirect={"to": "{hst}"})
        )
        self.assertIn("leads nowhere", refused(redirect={"to": ""}))

    def test_headersThatAreOurs(self) -> None:
        """
        Framing is never up for editing, whatever its case.
        """
        for name in ("Content-Length", "transfer-encoding", "CONNECTION", "Host"):
            self.assertIn(
                "lbproxy writes it itself", refused(pool="a", requestHeaders={"remove": name})
            )

    def test_headersCannotBeInjected(self) -> None:
        """
        A value is one line; a name is a token.
        """
        edits = {"set": {"X-A": "a\r\nX-B: b"}}
        self.assertIn("control characters", refused(pool="a", responseHeaders=edits))
        edits = {"set": {"X-A: b": "a"}}
        self.assertIn("a header's name", refused(pool="a", responseHeaders=edits))

    def test_rewrites(self) -> None:
        """
        Prefixes are paths; a replacement fits its expression.
        """
        made = route(
            pool="a", rewrite={"stripPrefix": "/api", "regex": ["^/old/(.*)$", r"/new/\1"]}
        )
        assert made.rewrite is not None
        self.assertEqual(made.rewrite.regex, ("^/old/(.*)$", r"/new/\1"))
        self.assertIn("is no path", refused(pool="a", rewrite={"addPrefix": "api"}))
        regex = ["a", r"\1"]
        said = refused(pool="a", rewrite={"regex": regex})
        self.assertIn("refers to group 1; wanted at most 0", said)

    def test_guards(self) -> None:
        """
        One way to authenticate.
        """
        auth = route(pool="a", auth={"basic": {"file": "/htpasswd"}}).auth
        assert auth is not None and auth.basic is not None
        self.assertEqual((auth.basic.file, auth.basic.realm), ("/htpasswd", "restricted"))
        self.assertIn("no way to authenticate", refused(pool="a", auth={}))
