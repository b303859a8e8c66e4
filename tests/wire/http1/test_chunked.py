"""
Chunked bodies, decoded.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import BadMessage, ChunkedBody, HeadLimits
from lbproxy.wire.http1.chunked import EXTENSION_LIMIT, EXTENSIONS_LIMIT
from tests.wire.http1.driving import byteByByte, inPieces

WHOLE = b"5\r\nhello\r\n3;a=b\r\n, w\r\n4\r\norld\r\n0\r\nX: y\r\nExpires: 0\r\n\r\n"


def decoder(limits: HeadLimits | None = None, status: int = 400) -> ChunkedBody:
    """
    A decoder for the body of a message whose Connection names C{x-hop}.
    """
    return ChunkedBody(limits or HeadLimits(), status, frozenset((b"x-hop",)))


class ChunkedBodyTests(SynchronousTestCase):
    """
    L{ChunkedBody}.
    """

    def refusal(self, data: bytes, limits: HeadLimits | None = None, status: int = 400) -> str:
        """
        The code C{data} is refused with, whole and byte by byte.
        """
        codes = set()
        for pieces in ([data], byteByByte(data)):
            body = decoder(limits, status)
            with self.assertRaises(BadMessage) as caught:
                for piece in pieces:
                    body.feed(piece)
            codes.add((caught.exception.status, caught.exception.code))
        self.assertEqual(len(codes), 1)
        return "{} {}".format(*codes.pop())

    def test_whole(self) -> None:
        """
        Chunks are joined, extensions dropped, trailers kept apart, and the rest left over.
        """
        body = decoder()
        self.assertEqual(body.feed(WHOLE + b"GET"), b"hello, world")
        self.assertEqual((body.done, body.rest, body.remaining), (True, b"GET", -1))
        self.assertEqual(body.trailers, ((b"X", b"y"),))
        body.eof()

    def test_anyTwoCuts(self) -> None:
        """
        It doesn't matter how the network cuts a body.
        """
        data = WHOLE + b"GET"
        for first in range(1, len(data)):
            for second in range(first, len(data), 7):
                body = decoder()
                payload, rest = b"", b""
                for piece in inPieces(data, [first, second]):
                    if body.done:
                        rest += piece
                    payload += body.feed(piece) if not body.done else b""
                self.assertEqual(payload, b"hello, world")
                self.assertEqual((body.rest + rest, body.trailers), (b"GET", ((b"X", b"y"),)))

    def test_cutSizeIsNoLastChunk(self) -> None:
        """
        The second half of a size isn't taken for a last chunk, even if it looks like one.
        """
        body = decoder()
        body.feed(b"1")
        self.assertEqual(body.feed(b"0\r\n\r\n0123456789abcd\r\n"), b"\r\n0123456789abcd")
        self.assertFalse(body.done)

    def test_truncatedAnywhereIsAnError(self) -> None:
        """
        A body that was cut off never looks whole.
        """
        for cut in range(len(WHOLE)):
            body = decoder(status=502)
            body.feed(WHOLE[:cut])
            self.assertFalse(body.done)
            with self.assertRaises(BadMessage) as caught:
                body.eof()
            self.assertEqual((caught.exception.status, caught.exception.code), (502, "shortBody"))

    def test_largeChunksPassUncopied(self) -> None:
        """
        What belongs to one chunk as a whole isn't copied.
        """
        body = decoder()
        piece = b"x" * 1000
        body.feed(b"2000\r\n")
        self.assertIs(body.feed(piece), piece)

    def test_bytesAfterTheEndAreLeftOver(self) -> None:
        """
        Feeding on after the end loses nothing.
        """
        for end in (b"0\r\n\r\n", b"0;a\r\n\r\n"):
            body = decoder()
            body.feed(end)
            self.assertEqual((body.feed(b"GE"), body.feed(b"T"), body.rest), (b"", b"", b"GET"))

    def test_sizesAreBounded(self) -> None:
        """
        A size that could overflow a peer's integer is refused; the largest below it is not.
        """
        decoder().feed(b"7fffffffffffffff\r\nx")
        self.assertEqual(self.refusal(b"8000000000000000\r\n"), "400 badChunk")
        self.assertEqual(self.refusal(b"0" * 17), "400 badChunk")

    def test_garbageIsRefusedAtOnce(self) -> None:
        """
        Nobody waits for the line end of what can't be a chunk size.
        """
        for data in (b"x", b"0x", b" ", b"\n", b"1\n", b"1\rx", b"1;\x00", b"1\r\nxx"):
            self.assertEqual(self.refusal(data), "400 badChunk")

    def test_extensionsAreBounded(self) -> None:
        """
        Extensions cost a client's own bytes, but not without end: neither of a chunk nor in total.
        """
        self.assertEqual(self.refusal(b"1;" + b"a" * 2000), "400 longChunkExtension")
        longest = b"1;" + b"a" * (EXTENSION_LIMIT - 1) + b"\r\nx\r\n"
        body = decoder()
        for _ in range(EXTENSIONS_LIMIT // EXTENSION_LIMIT):
            self.assertEqual(body.feed(longest), b"x")
        with self.assertRaises(BadMessage):
            body.feed(b"1;a\r\n")

    def test_trailersAreBounded(self) -> None:
        """
        Trailers are held to the limits of heads.
        """
        limits = HeadLimits(headers=20, count=2)
        decoder(limits).feed(b"0\r\nA: b\r\nC: d\r\n\r\n")
        self.assertEqual(self.refusal(b"0\r\nA: b\r\nC: d\r\nE: f\r\n", limits), "431 manyTrailers")
        self.assertEqual(self.refusal(b"0\r\nA: " + b"b" * 20, limits), "431 longTrailers")
        self.assertEqual(self.refusal(b"0\r\nA: " + b"b" * 20, limits, 502), "502 longTrailers")

    def test_trailersOfOneHopAreDropped(self) -> None:
        """
        What the connection alone concerns, or Connection names, isn't passed on.
        """
        body = decoder()
        body.feed(b"0\r\nX-Hop: 1\r\nConnection: x\r\nKeep-Alive: 1\r\nX-End: 2\r\n\r\n")
        self.assertEqual(body.trailers, ((b"X-End", b"2"),))

    def test_trailersThatFrameOrRouteAreRefused(self) -> None:
        """
        A second framing or another host behind the body is an attack on somebody.
        """
        for name in (b"Content-Length", b"transfer-encoding", b"HOST"):
            self.assertEqual(self.refusal(b"0\r\n" + name + b": 1\r\n\r\n"), "400 badTrailer")
