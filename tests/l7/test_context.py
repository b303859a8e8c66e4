"""
Tests for L{lbproxy.l7.context}: what may be asked of a request.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.l7.asking import asked, exchangeOf


class ContextTests(SynchronousTestCase):
    """
    Routes, pools, templates and logs see the request that came.
    """

    def test_header(self) -> None:
        """
        A header's first value, whatever case its name was written in; L{None} where there is none.
        """
        exchange = exchangeOf(asked(b"GET / HTTP/1.1", b"X-User: a", b"x-user: b"))
        self.assertEqual(exchange.header(b"x-user"), b"a")
        self.assertIsNone(exchange.header(b"x-other"))

    def test_cookie(self) -> None:
        """
        Cookies are found in one Cookie header and in several; of two with one name the first
        counts.
        """
        exchange = exchangeOf(asked(b"GET / HTTP/1.1", b"Cookie: a=1; b=2", b"Cookie: b=3; c=4"))
        self.assertEqual(exchange.cookie(b"a"), b"1")
        self.assertEqual(exchange.cookie(b"b"), b"2")
        self.assertEqual(exchange.cookie(b"c"), b"4")
        self.assertIsNone(exchange.cookie(b"d"))
        self.assertIsNone(exchangeOf().cookie(b"a"))

    def test_query(self) -> None:
        """
        A query parameter is decoded; without a query there is none.
        """
        exchange = exchangeOf(asked(b"GET /?a=x%20y&b HTTP/1.1"))
        self.assertEqual(exchange.query(b"a"), b"x y")
        self.assertEqual(exchange.query(b"b"), b"")
        self.assertIsNone(exchange.query(b"c"))
        self.assertIsNone(exchangeOf().query(b"a"))

    def test_connectionID(self) -> None:
        """
        HTTP over TCP has no connection IDs.
        """
        self.assertEqual(exchangeOf().connectionID(), b"")


class RequestIDTests(SynchronousTestCase):
    """
    Every request has a name that logs on both sides share.
    """

    def test_clientsIsKept(self) -> None:
        """
        What the client called its request stays its name.
        """
        for name in (b"7f3a", b"a" * 128, b"a/b:c=d+e"):
            exchange = exchangeOf(asked(b"GET / HTTP/1.1", b"X-Request-ID: " + name))
            self.assertEqual(exchange.takeRequestID(), name)

    def test_oursIsUnique(self) -> None:
        """
        A request without a name gets one of its own, and keeps it.
        """
        first, second = exchangeOf(), exchangeOf()
        self.assertNotEqual(first.takeRequestID(), second.takeRequestID())
        self.assertEqual(first.takeRequestID(), first.takeRequestID())
        following = [first.connection.factory.nextRequestID() for _ in range(2)]
        self.assertNotIn(first.requestID, following)
        self.assertNotEqual(*following)

    def test_badOnesAreReplaced(self) -> None:
        """
        A name too long to be one, or one that would look like several words in the log, is
        replaced.
        """
        for name in (b"a" * 129, b'a" 200', b"a b", b"\xc3\xa4", b""):
            exchange = exchangeOf(asked(b"GET / HTTP/1.1", b"X-Request-ID: " + name))
            self.assertNotEqual(exchange.takeRequestID(), name)
            self.assertTrue(exchange.takeRequestID().isalnum())
