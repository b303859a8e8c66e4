"""
Promises of L{lbproxy.health.wording}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import error
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.wording import explain, plural, quoted


class WordingTests(SynchronousTestCase):
    """
    Reasons for the log.
    """

    @given(st.binary(max_size=300))
    def test_isAlwaysFitForALog(self, data: bytes) -> None:
        """
        Whatever a backend sends, it cannot write lines, colours or megabytes into the log.
        """
        text = quoted(data)
        self.assertTrue(text.isascii() and text.isprintable())
        self.assertLessEqual(len(text), 85)

    def test_keepsWhatIsReadable(self) -> None:
        """
        Readable words stay as they are, long ones are cut.
        """
        self.assertEqual(quoted(b"hello\r\n\xff"), '"hello..."')
        self.assertEqual(quoted(b"x" * 81), '"' + "x" * 80 + '..."')

    def test_explainsErrors(self) -> None:
        """
        The usual errors have short words, others speak for themselves.
        """
        for problem, words in (
            (error.ConnectionRefusedError(), "connection refused"),
            (error.TCPTimedOutError(), "no answer to the connection attempt"),
            (error.NoRouteError(), "no route to it"),
            (error.ConnectionLost(), "connection reset"),
            (error.ConnectionDone(), "connection closed"),
            (OSError(24, "Too many open files"), "Too many open files"),
            (ValueError("bad\nthing"), "bad.thing"),
            (ValueError(), "ValueError"),
            (ValueError("x" * 500), "x" * 160 + "..."),
        ):
            self.assertEqual(explain(Failure(problem)), words)

    def test_counts(self) -> None:
        """
        One byte, two bytes.
        """
        self.assertEqual([plural(n, "byte") for n in (0, 1, 2)], ["0 bytes", "1 byte", "2 bytes"])
