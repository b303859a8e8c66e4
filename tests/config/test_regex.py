"""
Tests for L{lbproxy.config.regex}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.kinds import Kind
from lbproxy.config.regex import CheckRegex, RouteRegex


class RegexTests(SynchronousTestCase):
    """
    The two kinds of regular expressions.
    """

    def refused(self, kind: Kind, value: object) -> str:
        return str(self.assertRaises(ValueError, kind.parse, value))

    def test_whatCompiles(self) -> None:
        """
        Expressions stay the text that they are.
        """
        for kind in (RouteRegex(), CheckRegex()):
            for text in ("^/a(b|c)$", "é+", ""):
                self.assertEqual(kind.parse(text), text)

    def test_whatDoesNot(self) -> None:
        """
        The reason is told, and which syntax is wanted.
        """
        self.assertEqual(
            self.refused(RouteRegex(), "a(b"),
            '"a(b" is not a regular expression: missing ): a(b; '
            "wanted RE2's syntax, which has no look-around and no back-references",
        )
        self.assertEqual(
            self.refused(CheckRegex(), "a(b"),
            '"a(b" is not a regular expression: missing ), unterminated subpattern at position 1; '
            "wanted one that Python's re compiles",
        )
        self.assertIn("wanted text", self.refused(RouteRegex(), 5))

    def test_whatCouldThinkForEver(self) -> None:
        """
        Routes take no expression whose time depends on more than the length of the request.
        """
        for text in (r"(a)\1", "(?=a)", "(?<!a)b", "(((a{100}){100}){100})"):
            self.assertIn("is not a regular expression", self.refused(RouteRegex(), text))

    def test_depthIsBounded(self) -> None:
        """
        Five thousand brackets are refused, not recursed into; RE2 has no need to.
        """
        brackets = "(" * 5000 + ")" * 5000
        self.assertIn("is not a regular", self.refused(CheckRegex(), brackets))
        self.assertTrue(RouteRegex().parse(brackets) == brackets)
