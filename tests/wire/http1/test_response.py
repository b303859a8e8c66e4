"""
Response heads, read.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import BadMessage, HeadLimits, ResponseHead, ResponseReader
from lbproxy.wire.http1.memo import Memo
from tests.wire.http1.driving import byteByByte, headMeaning, inPieces

HEAD = (
    b"HTTP/1.1 200 Fine\r\nServer: s\r\nContent-Length: 5\r\nSet-Cookie: a\r\nset-cookie: b\r\n\r\n"
)


class ResponseReaderTests(SynchronousTestCase):
    """
    L{ResponseReader}.
    """

    def setUp(self) -> None:
        self.memo: Memo[ResponseHead] = Memo()
        self.reader = ResponseReader(HeadLimits(), self.memo)

    def test_headIsUnderstood(self) -> None:
        """
        Status, reason and fields are what the backend sent.
        """
        head = self.reader.feed(HEAD + b"hello")
        assert head is not None
        self.assertEqual((head.status, head.reason, head.version), (200, b"Fine", 11))
        self.assertEqual((head.keepAlive, head.block.contentLength), (True, 5))
        self.assertEqual(head.block.getAll(b"set-cookie"), [b"a", b"b"])
        self.assertEqual(self.reader.rest, b"hello")

    def test_anyCutGivesTheSameHead(self) -> None:
        """
        It doesn't matter how the network cuts a head.
        """
        whole = self.reader.feed(HEAD)
        assert whole is not None
        for cut in range(1, len(HEAD)):
            reader = ResponseReader(HeadLimits(), Memo())
            first, second = inPieces(HEAD, [cut])
            self.assertIsNone(reader.feed(first))
            self.assertTrue(reader.pending)
            head = reader.feed(second)
            assert head is not None
            self.assertEqual(headMeaning(head), headMeaning(whole))
            self.assertFalse(reader.pending)

    def test_interimHeadsComeLikeAnyOther(self) -> None:
        """
        100 and 103 come before the final head, from one segment.
        """
        rest = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + HEAD
        statuses = []
        while rest:
            head = self.reader.feed(rest)
            assert head is not None
            statuses.append(head.status)
            rest = self.reader.rest
        self.assertEqual(statuses, [100, 103, 200])

    def test_sameHeadsAreShared(self) -> None:
        """
        A backend that repeats itself costs one parse.
        """
        heads = [self.reader.feed(HEAD + b"%d" % number) for number in range(4)]
        self.assertIs(heads[2], heads[3])

    def test_knownHeadsStillObeyTheLimits(self) -> None:
        """
        A pool with narrow limits refuses what another one has let in.
        """
        for _ in range(3):
            ResponseReader().feed(HEAD)
        for limits in (HeadLimits(line=16), HeadLimits(headers=60), HeadLimits(count=3)):
            with self.assertRaises(BadMessage):
                ResponseReader(limits).feed(HEAD)

    def test_limitsAreExact(self) -> None:
        """
        What is as large as allowed passes and one byte or field more is refused, in any pieces.
        """
        fits = {"line": 17, "headers": len(HEAD) - 19, "count": 4}
        for pieces in ([HEAD], byteByByte(HEAD)):
            self.assertEqual(self._code(HeadLimits(**fits), pieces), "")
            for name in fits:
                less = HeadLimits(**{**fits, name: fits[name] - 1})
                self.assertNotEqual(self._code(less, pieces), "", name)

    def _code(self, limits: HeadLimits, pieces: list[bytes]) -> str:
        reader = ResponseReader(limits, Memo())
        try:
            heads = [reader.feed(piece) for piece in pieces]
        except BadMessage as error:
            self.assertEqual(error.status, 502)
            return error.code
        self.assertIsNotNone(heads[-1])
        return ""

    def test_otherProtocolsAreRefusedAtOnce(self) -> None:
        """
        A backend that speaks something else is noticed with its first bytes.
        """
        for data in (b"S", b"\x15\x03\x03", b"HTTPS", b"\r", b"HTTP/1.1 200 OK\n"):
            with self.assertRaises(BadMessage):
                ResponseReader().feed(data)


class LenientTests(SynchronousTestCase):
    """
    What honest but careless servers send is served, in one form.
    """

    def test_statusOfNoClass(self) -> None:
        """
        A status above 599 is passed on as it is.
        """
        head = ResponseReader().feed(b"HTTP/1.1 999 No\r\nContent-Length: 0\r\n\r\n")
        assert head is not None
        self.assertEqual(head.status, 999)

    def test_equalLengths(self) -> None:
        """
        The same Content-Length twice is that length (RFC 9112 6.3).
        """
        twice = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\n"
        head = ResponseReader().feed(twice)
        assert head is not None
        self.assertEqual(head.block.contentLength, 3)
