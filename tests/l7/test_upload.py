"""
Tests for L{lbproxy.l7.upload}: how a request body travels, and whether it could be sent again.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import DownstreamError
from lbproxy.l7.upload import Upload
from lbproxy.wire.http1 import BadMessage, requestBody
from tests.l7.asking import asked


def upload(*lines: bytes, limit: int = 0, holdLimit: int = 100) -> Upload:
    body = requestBody(asked(b"PUT / HTTP/1.1", *(lines or (b"Transfer-Encoding: chunked",))))
    assert body is not None
    return Upload(body, limit, holdLimit)


class FramingTests(SynchronousTestCase):
    """
    What the backend is sent.
    """

    def test_length(self) -> None:
        """
        A body of known length passes as it is; what follows isn't part of it.
        """
        way = upload(b"Content-Length: 5")
        self.assertEqual(way.feed(b"ab"), b"ab")
        self.assertFalse(way.done)
        self.assertEqual(way.feed(b"cdeGET"), b"cde")
        self.assertTrue(way.done)
        self.assertEqual((way.rest, way.received), (b"GET", 5))

    def test_chunked(self) -> None:
        """
        Chunks are ours: without extensions, and none for a piece that held no payload.
        """
        way = upload()
        self.assertEqual(way.feed(b"3;x=y\r\nab"), b"2\r\nab\r\n")
        self.assertEqual(way.feed(b"c\r"), b"1\r\nc\r\n")
        self.assertEqual(way.feed(b"\n"), b"")
        self.assertEqual(way.feed(b"0\r\n\r\nGET"), b"0\r\n\r\n")
        self.assertEqual((way.done, way.rest, way.received), (True, b"GET", 3))

    def test_trailers(self) -> None:
        """
        Trailers go on behind the last chunk.
        """
        self.assertEqual(upload().feed(b"0\r\nX-Sum: 1\r\n\r\n"), b"0\r\nX-Sum: 1\r\n\r\n")

    def test_malformed(self) -> None:
        """
        Nothing of a broken chunk is passed on.
        """
        error = self.assertRaises(BadMessage, upload().feed, b"x\r\n")
        self.assertEqual((error.status, error.code), (400, "badChunk"))

    @given(st.binary(max_size=200), st.integers(1, 50), st.integers(1, 250))
    def test_anyFragmentation(self, payload: bytes, chunk: int, size: int) -> None:
        """
        However the client cut its body, the backend reads the same bytes.
        """
        data = b"".join(
            b"%x\r\n%b\r\n" % (len(piece), piece)
            for piece in (payload[at : at + chunk] for at in range(0, len(payload), chunk))
        )
        data += b"0\r\n\r\n"
        way = upload()
        sent = b"".join(way.feed(data[at : at + size]) for at in range(0, len(data), size))
        body = requestBody(asked(b"PUT / HTTP/1.1", b"Transfer-Encoding: chunked"))
        assert body is not None
        self.assertEqual(body.feed(sent), payload)
        self.assertTrue(body.done)
        self.assertEqual(way.received, len(payload))


class LimitTests(SynchronousTestCase):
    """
    Bodies that are too large.
    """

    def test_declared(self) -> None:
        """
        A length over the limit is refused before a byte of it is read; the limit itself is fine.
        """
        error = self.assertRaises(DownstreamError, upload, b"Content-Length: 11", limit=10)
        self.assertEqual((error.statusHint, error.code), (413, "bodyTooLarge"))
        upload(b"Content-Length: 10", limit=10)

    def test_grown(self) -> None:
        """
        Chunks are counted by their payload, and refused as soon as they are too much.
        """
        way = upload(limit=10)
        way.feed(b"a;extension=long\r\n0123456789\r\n")
        error = self.assertRaises(DownstreamError, way.feed, b"1\r\nx")
        self.assertEqual((error.statusHint, error.code), (413, "bodyTooLarge"))

    def test_none(self) -> None:
        """
        Without a limit anything goes.
        """
        upload(b"Content-Length: 999999999999")


class HoldingTests(SynchronousTestCase):
    """
    What could be sent again.
    """

    def test_smallBodyIsHeld(self) -> None:
        """
        All of a small body can be sent again, framed as it was.
        """
        way = upload()
        sent = way.feed(b"2\r\nab\r\n")
        way.flowing = True
        sent += way.feed(b"0\r\n\r\n")
        self.assertTrue(way.intact)
        self.assertEqual(way.held(), sent)

    def test_largeBodyIsNot(self) -> None:
        """
        Once more than the bound was sent nothing is held, and memory isn't taken for it.
        """
        way = upload(b"Content-Length: 1000")
        way.flowing = True
        way.feed(b"a" * 100)
        self.assertTrue(way.intact)
        way.feed(b"a")
        self.assertFalse(way.intact)
        self.assertEqual(way.held(), b"")
        way.feed(b"a")
        self.assertEqual(way.held(), b"")

    def test_nothingIsForgottenBeforeItWasSent(self) -> None:
        """
        While there is no backend all that was read is held, over the bound, too.
        """
        way = upload(b"Content-Length: 1000")
        way.feed(b"a" * 150)
        way.feed(b"b" * 150)
        self.assertTrue(way.intact)
        self.assertEqual(way.held(), b"a" * 150 + b"b" * 150)
        way.flowing = True
        way.feed(b"c")
        self.assertFalse(way.intact)
