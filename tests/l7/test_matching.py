"""
Tests for L{lbproxy.l7.matching}: does a request meet a route's conditions?
"""

from __future__ import annotations

import re
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.matching import Match, ValueTest
from tests.l7.asking import asked, exchangeOf


def matches(line: bytes, *fields: bytes, **conditions: Any) -> bool:
    """
    Whether the conditions that no index answers all hold.
    """
    exchange = exchangeOf(asked(line, *fields))
    return all(predicate(exchange) for predicate in Match(**conditions).predicates())


class ValueTestTests(SynchronousTestCase):
    """
    What a header, cookie or query value has to be.
    """

    def test_present(self) -> None:
        """
        Just being there, even empty.
        """
        present = ValueTest()
        self.assertTrue(present.passes(b"x"))
        self.assertTrue(present.passes(b""))
        self.assertFalse(present.passes(None))

    def test_absent(self) -> None:
        """
        Or just not being there.
        """
        absent = ValueTest(absent=True)
        self.assertTrue(absent.passes(None))
        self.assertFalse(absent.passes(b""))
        self.assertFalse(absent.passes(b"x"))

    def test_equals(self) -> None:
        """
        Any of several texts, compared exactly.
        """
        either = ValueTest(equals=frozenset((b"a", b"b")))
        self.assertTrue(either.passes(b"a"))
        self.assertTrue(either.passes(b"b"))
        for value in (b"A", b"ab", b"", None):
            self.assertFalse(either.passes(value))

    def test_regex(self) -> None:
        """
        An expression that is found.
        """
        found = ValueTest(regex=re.compile(b"^(?:a+)$"))
        self.assertTrue(found.passes(b"aa"))
        for value in (b"ab", b"", None):
            self.assertFalse(found.passes(value))


class MatchTests(SynchronousTestCase):
    """
    A route's conditions.
    """

    def test_nothingGivenTakesAll(self) -> None:
        """
        A route without conditions has no questions; those that an index answers aren't asked
        again.
        """
        self.assertEqual(Match().predicates(), ())
        indexed = Match(hosts=["a"], paths=[b"/a"], pathPrefixes=[b"/b"])
        self.assertEqual(indexed.predicates(), ())

    def test_method(self) -> None:
        """
        Any of several methods; case matters.
        """
        wanted = frozenset((b"GET", b"HEAD"))
        self.assertTrue(matches(b"HEAD / HTTP/1.1", methods=wanted))
        self.assertFalse(matches(b"POST / HTTP/1.1", methods=wanted))
        self.assertFalse(matches(b"get / HTTP/1.1", methods=wanted))

    def test_source(self) -> None:
        """
        The client's address.
        """
        self.assertTrue(matches(b"GET / HTTP/1.1", source=lambda ip: ip == "192.0.2.7"))
        self.assertFalse(matches(b"GET / HTTP/1.1", source=lambda ip: ip != "192.0.2.7"))

    def test_header(self) -> None:
        """
        A header by its name in any case; of several with one name any may fit.
        """
        wanted = {b"X-Group": ValueTest(equals=frozenset((b"beta",)))}
        line = b"GET / HTTP/1.1"
        self.assertTrue(matches(line, b"x-group: beta", headers=wanted))
        self.assertTrue(matches(line, b"X-Group: a", b"X-Group: beta", headers=wanted))
        self.assertFalse(matches(line, b"X-Group: Beta", headers=wanted))
        self.assertFalse(matches(line, headers=wanted))
        absent = {b"X-Group": ValueTest(absent=True)}
        self.assertTrue(matches(line, headers=absent))
        self.assertFalse(matches(line, b"X-Group:", headers=absent))

    def test_cookie(self) -> None:
        """
        A cookie by its name; case matters.
        """
        wanted = {b"group": ValueTest(equals=frozenset((b"beta",)))}
        self.assertTrue(matches(b"GET / HTTP/1.1", b"Cookie: a=1; group=beta", cookies=wanted))
        self.assertFalse(matches(b"GET / HTTP/1.1", b"Cookie: Group=beta", cookies=wanted))
        self.assertFalse(matches(b"GET / HTTP/1.1", cookies=wanted))

    def test_query(self) -> None:
        """
        A query parameter, decoded.
        """
        wanted = {b"q": ValueTest(equals=frozenset((b"a b",)))}
        self.assertTrue(matches(b"GET /?x=1&q=a%20b HTTP/1.1", queries=wanted))
        self.assertTrue(matches(b"GET /?q=a+b HTTP/1.1", queries=wanted))
        self.assertFalse(matches(b"GET /?q=ab HTTP/1.1", queries=wanted))
        self.assertFalse(matches(b"GET / HTTP/1.1", queries=wanted))

    def test_pathRegex(self) -> None:
        """
        Any of several expressions, on the path as routes see it.
        """
        wanted = [re.compile(rb"^(?:/old/[0-9]+$)"), re.compile(rb"^(?:/a)")]
        self.assertTrue(matches(b"GET /old/12?x HTTP/1.1", pathRegexes=wanted))
        self.assertTrue(matches(b"GET /about HTTP/1.1", pathRegexes=wanted))
        self.assertFalse(matches(b"GET /x/old/12 HTTP/1.1", pathRegexes=wanted))
        exchange = exchangeOf(asked(b"GET /%61bout HTTP/1.1"))
        exchange.path = b"/about"
        self.assertTrue(all(p(exchange) for p in Match(pathRegexes=wanted).predicates()))

    def test_allMustHold(self) -> None:
        """
        Every condition that is given counts.
        """
        conditions: dict[str, Any] = {
            "methods": frozenset((b"GET",)),
            "headers": {b"x-a": ValueTest(), b"x-b": ValueTest()},
        }
        line = b"GET / HTTP/1.1"
        self.assertTrue(matches(line, b"X-A: 1", b"X-B: 1", **conditions))
        self.assertFalse(matches(line, b"X-A: 1", **conditions))
        self.assertFalse(matches(line, b"X-B: 1", **conditions))
        self.assertFalse(matches(b"PUT / HTTP/1.1", b"X-A: 1", b"X-B: 1", **conditions))
