"""
Field lines, split and remembered.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1.headers import FieldSplitter, HeaderBlock


def section(*lines: bytes) -> bytes:
    """
    Field lines as they stand in a head.
    """
    return b"start\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


class FieldSplitterTests(SynchronousTestCase):
    """
    L{FieldSplitter}.
    """

    def setUp(self) -> None:
        self.splitter = FieldSplitter(lenient=False)

    def test_fewAndManyLines(self) -> None:
        """
        Blocks of any size are split alike: unknown, half known and known.
        """
        for count in (0, 1, 5, 6, 7, 8, 50):
            lines = [b"Name-%d: \t value %d \t" % (n, n) for n in range(count)]
            wanted = [(b"name-%d" % n, b"Name-%d" % n, b"value %d" % n) for n in range(count)]
            for _ in range(count + 3):
                self.assertEqual(self.splitter.split(section(*lines)), wanted)

    def test_badLinesAreFound(self) -> None:
        """
        One bad line spoils the block, wherever it is, and however well known the others are.
        """
        good = [b"Name-%d: value" % n for n in range(12)]
        for _ in range(15):
            self.splitter.split(section(*good))
        bads = [b"X", b"X y: z", b" X: y", b": y", b"X : y", b"X: y\x00", b"X: y\nz", b"X: y\rz"]
        for bad in bads:
            for at in (0, 6, 12):
                lines = [*good[:at], bad, *good[at:]]
                self.assertIsNone(self.splitter.split(section(*lines)), bad)
            fresh = FieldSplitter(lenient=False)
            self.assertIsNone(fresh.split(section(*good, bad)))
            self.assertIsNone(fresh.split(section(bad)))

    def test_badLinesAreNotRemembered(self) -> None:
        """
        A bad line stays bad, however often it comes.
        """
        for _ in range(5):
            self.assertIsNone(self.splitter.split(section(b"X : y")))

    def test_lenience(self) -> None:
        """
        Whitespace before the colon is removed where that is wanted, and only there.
        """
        lenient = FieldSplitter(lenient=True)
        for _ in range(3):
            self.assertEqual(lenient.split(section(b"X \t: y")), [(b"x", b"X", b"y")])
            self.assertIsNone(self.splitter.split(section(b"X \t: y")))


class HeaderBlockTests(SynchronousTestCase):
    """
    L{HeaderBlock}.
    """

    def test_repeats(self) -> None:
        """
        A field that comes twice is noticed, whatever its case was.
        """
        once = HeaderBlock(11, [(b"a", b"A", b"1"), (b"b", b"b", b"2")])
        twice = HeaderBlock(11, [(b"a", b"A", b"1"), (b"a", b"a", b"2")])
        self.assertEqual((once.repeats, twice.repeats), (False, True))
        self.assertEqual((twice.get(b"a"), twice.getAll(b"a")), (b"1", [b"1", b"2"]))
