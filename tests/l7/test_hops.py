"""
Tests for L{lbproxy.l7.hops}: how far a request may still go.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.hops import hopsLeft, maxForwards
from tests.l7.asking import asked


class MaxForwardsTests(SynchronousTestCase):
    """
    TRACE and OPTIONS can be limited.
    """

    def test_counted(self) -> None:
        """
        What the client allows is told to the next hop with one less.
        """
        for method in (b"TRACE", b"OPTIONS"):
            head = asked(method + b" / HTTP/1.1", b"Max-Forwards: 5")
            self.assertEqual(maxForwards(head), 5)
            self.assertEqual(hopsLeft(head), b"Max-Forwards: 4\r\n")

    def test_otherMethods(self) -> None:
        """
        For other methods it means nothing.
        """
        head = asked(b"GET / HTTP/1.1", b"Max-Forwards: 0")
        self.assertIsNone(maxForwards(head))
        self.assertEqual(hopsLeft(head), b"")

    def test_absentOrNonsense(self) -> None:
        """
        Without a number nothing is limited.
        """
        self.assertIsNone(maxForwards(asked(b"TRACE / HTTP/1.1")))
        for value in (b"-1", b"x", b"1.5", b"", b"\xb2", b"1234567890"):
            head = asked(b"TRACE / HTTP/1.1", b"Max-Forwards: " + value)
            self.assertIsNone(maxForwards(head), value)
            self.assertEqual(hopsLeft(head), b"")
        self.assertEqual(
            maxForwards(asked(b"TRACE / HTTP/1.1", b"Max-Forwards: 123456789")), 123456789
        )
