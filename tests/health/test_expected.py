"""
Promises of L{lbproxy.health.expected}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.expected import Expected


class ExpectedTests(SynchronousTestCase):
    """
    What must be in an answer.
    """

    def test_findsBytes(self) -> None:
        """
        Bytes are found as they are, whatever they would mean to a regular expression.
        """
        self.assertEqual(Expected(b"a.b").find(b"axb a.b c"), 7)
        self.assertEqual(Expected(b"a.b").find(b"axb"), -1)

    def test_findsMatches(self) -> None:
        """
        A regular expression speaks of bytes; other letters than ASCII are UTF-8.
        """
        self.assertEqual(Expected(regex=r"\d+ é").find("x 12 é".encode()), 7)

    def test_saysWhatItLooksFor(self) -> None:
        """
        In words that fit into a reason.
        """
        self.assertEqual(str(Expected(b"PONG\r\n")), '"PONG.."')
        self.assertEqual(str(Expected(regex="^a")), "/^a/")

    def test_mayBeNothing(self) -> None:
        """
        Nothing expected is no expectation.
        """
        self.assertIsNone(Expected.orNone())
        self.assertIsNotNone(Expected.orNone(b"x"))
        self.assertIsNotNone(Expected.orNone(regex="x"))

    def test_refusesABadExpression(self) -> None:
        """
        The message names the expression.
        """
        error = self.assertRaises(ValueError, Expected, regex="(")
        self.assertIn('"("', str(error))
