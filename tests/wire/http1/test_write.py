"""
Fields and chunks, written.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import (
    LAST_CHUNK,
    ChunkedBody,
    HeadLimits,
    encodeChunk,
    encodeFields,
    encodeTrailers,
)


class WriteTests(SynchronousTestCase):
    """
    What we write reads back as what we meant.
    """

    def test_chunksReadBack(self) -> None:
        """
        A body cut into chunks is the body.
        """
        pieces = [b"a", b"", b"0\r\n\r\n", b"x" * 70000]
        data = b"".join(map(encodeChunk, pieces)) + LAST_CHUNK
        body = ChunkedBody(HeadLimits(), 502, frozenset())
        self.assertEqual(body.feed(data), b"".join(pieces))
        self.assertEqual((body.done, body.rest), (True, b""))

    def test_emptyPayloadEndsNothing(self) -> None:
        """
        No payload makes no chunk: an empty one would end the body.
        """
        self.assertEqual(encodeChunk(b""), b"")

    def test_trailersReadBack(self) -> None:
        """
        Trailers are read as they were written.
        """
        trailers = ((b"X", b"y"), (b"Z", b""))
        body = ChunkedBody(HeadLimits(), 502, frozenset())
        body.feed(encodeTrailers(trailers))
        self.assertEqual((body.done, body.trailers), (True, trailers))
        self.assertEqual(encodeTrailers(()), LAST_CHUNK)

    def test_nothingCanBeInjected(self) -> None:
        """
        A name or value from anywhere can't start a line of its own.
        """
        bads = [(b"X", b"a\r\nB: c"), (b"X", b"a\nb"), (b"X", b"a\rb"), (b"X", b"\x00")]
        bads += [(b"X: y\r\nB", b"c"), (b"X ", b"y"), (b"", b"y"), (b"X:", b"y"), (b"\xff", b"y")]
        for name, value in bads:
            for encode in (encodeFields, encodeTrailers):
                with self.assertRaises(ValueError):
                    encode([(name, value)])
