"""
Tests for L{lbproxy.wire.query}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.query import queryValue


class QueryValueTests(SynchronousTestCase):
    """
    One parameter is read out of a query.
    """

    def test_firstValueCounts(self) -> None:
        """
        Of a repeated parameter the first value is taken.
        """
        self.assertEqual(queryValue(b"a=1&b=2&a=3", b"a"), b"1")

    def test_absent(self) -> None:
        """
        No query, or none with that name, is nothing.
        """
        self.assertIsNone(queryValue(None, b"a"))
        self.assertIsNone(queryValue(b"", b"a"))
        self.assertIsNone(queryValue(b"ab=1", b"a"))

    def test_withoutValue(self) -> None:
        """
        A bare name is there, and empty.
        """
        self.assertEqual(queryValue(b"x&a", b"a"), b"")

    def test_decoded(self) -> None:
        """
        Names and values are decoded once.
        """
        self.assertEqual(queryValue(b"%61=b%2520+c", b"a"), b"b%20 c")

    def test_bounded(self) -> None:
        """
        A query of thousands of parameters is not searched to its end.
        """
        self.assertIsNone(queryValue(b"x=1&" * 1000 + b"a=1", b"a"))
