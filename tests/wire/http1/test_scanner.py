"""
Heads in pieces, line by line.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.limits import HeadLimits
from lbproxy.wire.http1.scanner import HeadKind, HeadScanner
from tests.wire.http1.driving import byteByByte


class HeadScannerTests(SynchronousTestCase):
    """
    L{HeadScanner}.
    """

    def scanner(self, limits: HeadLimits | None = None) -> HeadScanner:
        """
        A scanner of heads whose start line may be anything.
        """
        kind = HeadKind(
            limits or HeadLimits(), 400, lambda line: line, "StartLine", longLineStatus=414
        )
        return HeadScanner(kind)

    def refusal(self, limits: HeadLimits, data: bytes) -> str:
        """
        The code C{data} is refused with, whole and byte by byte.
        """
        codes = set()
        for pieces in ([data], byteByByte(data)):
            scanner = self.scanner(limits)
            with self.assertRaises(BadMessage) as caught:
                for piece in pieces:
                    scanner.feed(piece)
            codes.add(caught.exception.code)
        self.assertEqual(len(codes), 1, codes)
        return str(codes.pop())

    def test_theFirstFaultCounts(self) -> None:
        """
        Of two faults the one that comes first is reported, even where both are there already.
        """
        limits = HeadLimits(line=10, headers=30, count=2)
        self.assertEqual(self.refusal(limits, b"x\x00" + b"y" * 20), "badStartLine")
        self.assertEqual(self.refusal(limits, b"x" * 13 + b"\x00"), "longStartLine")
        self.assertEqual(self.refusal(limits, b"a\r\nX: \x00" + b"y" * 40), "badHeader")
        self.assertEqual(self.refusal(limits, b"a\r\nX: " + b"y" * 40 + b"\x00"), "longHeaders")
        self.assertEqual(self.refusal(limits, b"a\r\nX\r\nY: \x00\r\n\r\n"), "badHeader")
        self.assertEqual(self.refusal(limits, b"a\r\nA:\r\nB:\r\nC\r\n"), "manyHeaders")

    def test_crOnTheEdgeOfTheLimit(self) -> None:
        """
        A line end that no longer fits is too long, not bare, however it was cut.
        """
        limits = HeadLimits(line=3, headers=10)
        self.assertEqual(self.refusal(limits, b"abcd\r\n"), "longStartLine")
        self.assertEqual(self.refusal(limits, b"abcd\rx"), "longStartLine")
        self.assertEqual(self.refusal(limits, b"abc\rx"), "badLineEnd")
        scanner = self.scanner(limits)
        self.assertTrue(scanner.feed(b"abc\r\n\r\n"))

    def test_trailerSectionHasNoStartLine(self) -> None:
        """
        A trailer section starts with its first field, or with the empty line that ends it.
        """
        for text in (b"\r\n", b"X: y\r\n\r\n"):
            scanner = HeadScanner(HeadKind(HeadLimits(), 400, field="Trailer"))
            self.assertTrue(scanner.feed(text + b"rest"))
            self.assertEqual((scanner.text, scanner.rest), (text, b"rest"))
