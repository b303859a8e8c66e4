"""
Tests for L{lbproxy.config.match}.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.match import HTTPMatch, TCPMatch, ValueMatch
from lbproxy.config.route import HTTPRoute
from tests.config.support import built, faults


def match(**keys: Any) -> HTTPMatch:
    """
    @return: the match of an http route.
    """
    route = built({"routes": [{"match": keys, "pool": "web"}]}).listeners["edge"].routes[0]
    assert isinstance(route, HTTPRoute)
    return route.match


def refused(**keys: Any) -> str:
    """
    @return: what is said against the match of an http route.
    """
    return faults({"routes": [{"match": keys, "pool": "web"}]})[0]


class HTTPMatchTests(SynchronousTestCase):
    """
    L{HTTPMatch}.
    """

    def test_aRouteWithoutMatchTakesAll(self) -> None:
        """
        Nothing given, nothing asked.
        """
        self.assertEqual(match(), HTTPMatch())

    def test_oneOrSeveral(self) -> None:
        """
        Each key takes one value or a list of alternatives.
        """
        made = match(host="A.Example", method=["GET", "HEAD"], path="/a", source="10.0.0.0/8")
        self.assertEqual(made.host, ("a.example",))
        self.assertEqual(made.method, ("GET", "HEAD"))
        self.assertEqual(made.path, ("/a",))
        self.assertEqual(made.source, (ipaddress.ip_network("10.0.0.0/8"),))

    def test_hosts(self) -> None:
        """
        Names, addresses, a wildcard for the first label; never a port or a bare star.
        """
        good = ["*.shop.example", "shop", "10.0.0.1", "[::1]", "bücher.example"]
        self.assertEqual(match(host=good).host, (*good[:4], "xn--bcher-kva.example"))
        for host in ("a:80", "*", "*.", "a.*.b", "*a.b", "", "a b", "http://a", "a/b", "a" * 64):
            self.assertIn("is not a host", refused(host=host))

    def test_pathsBeginWithASlash(self) -> None:
        """
        A path that could never match is a mistake.
        """
        self.assertIn('wanted a path that begins with "/"', refused(path="a"))
        self.assertIn("exclude each other", refused(path="/a", pathRegex="b"))

    def test_values(self) -> None:
        """
        Headers, query and cookies: a text, several, an expression, or just being there.
        """
        made = match(
            header={"X-A": "1", "X-B": ["1", "2"], "X-C": {"regex": "a+"}},
            cookie={"group": {"present": False}},
        )
        self.assertEqual(made.header["X-A"].exact, ("1",))
        self.assertEqual(made.header["X-B"].exact, ("1", "2"))
        self.assertEqual(made.header["X-C"], ValueMatch(regex="a+"))
        self.assertIs(made.cookie["group"].present, False)

    def test_valuesThatSayTwoThingsOrNone(self) -> None:
        """
        Exactly one way to compare.
        """
        for value in ({}, {"regex": "a", "present": True}):
            self.assertIn("wanted one of a text", refused(header={"X-A": value}))
        self.assertIn("write it in quotes", refused(query={"beta": 1}))
        self.assertIn("a header's name", refused(header={"X A": "1"}))
        self.assertIn("a cookie's name", refused(cookie={"a b": "1"}))


class TCPMatchTests(SynchronousTestCase):
    """
    L{TCPMatch}.
    """

    def test_firstBytes(self) -> None:
        """
        The name asked for, the protocols offered, the client's address.
        """
        keys = {"serverName": "*.A.example", "alpn": "h2", "source": ["::1"]}
        self.assertEqual(
            TCPMatch.model_validate(keys),
            TCPMatch(
                serverName=("*.a.example",), alpn=("h2",), source=(ipaddress.ip_network("::1"),)
            ),
        )
