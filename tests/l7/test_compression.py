"""
Tests for L{lbproxy.l7.compression}: is a response worth it, and does it come out whole?
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import brotli
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.compression import Compression, acceptedCodings, compressible
from tests.l7.asking import answered, asked, fields

TEXT = b"Content-Type: text/plain"
DECODERS: dict[bytes, Callable[[bytes], bytes]] = {
    b"gzip": lambda data: zlib.decompress(data, 31),
    b"br": brotli.decompress,
    b"zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


def isWorthIt(
    *lines: bytes,
    status: bytes = b"HTTP/1.1 200 OK",
    request: bytes = b"GET / HTTP/1.1",
) -> bool:
    return compressible(asked(request), answered(status, *lines))


class WorthTests(SynchronousTestCase):
    """
    Which responses are compressed.
    """

    def test_text(self) -> None:
        """
        Text is, whatever its name; pictures and archives are not.
        """
        for kind in (b"text/html; charset=utf-8", b"TEXT/CSS", b"application/json ; x=y",
                     b"image/svg+xml", b"application/wasm"):  # fmt: skip
            self.assertTrue(isWorthIt(b"Content-Type: " + kind), kind)
        for kind in (b"image/png", b"application/zip", b"video/mp4", b"application/textual", b""):
            self.assertFalse(isWorthIt(b"Content-Type: " + kind), kind)
        self.assertFalse(isWorthIt())

    def test_eventStreams(self) -> None:
        """
        Server-sent events are left alone: each must arrive when it was sent.
        """
        self.assertFalse(isWorthIt(b"Content-Type: text/event-stream"))

    def test_size(self) -> None:
        """
        Small bodies are not worth it; of those without a length nobody knows.
        """
        self.assertFalse(isWorthIt(TEXT, b"Content-Length: 1023"))
        self.assertTrue(isWorthIt(TEXT, b"Content-Length: 1024"))
        self.assertTrue(isWorthIt(TEXT, b"Transfer-Encoding: chunked"))
        self.assertTrue(isWorthIt(TEXT))

    def test_statuses(self) -> None:
        """
        Parts of a body, and answers without one, are left alone.
        """
        for status in (b"204 No Content", b"206 Partial Content", b"304 Not Modified"):
            self.assertFalse(isWorthIt(TEXT, status=b"HTTP/1.1 " + status))
        self.assertTrue(isWorthIt(TEXT, status=b"HTTP/1.1 404 Not Found"))

    def test_alreadyCoded(self) -> None:
        """
        What has a coding keeps it.
        """
        self.assertFalse(isWorthIt(TEXT, b"Content-Encoding: br"))

    def test_noTransform(self) -> None:
        """
        A backend that wants its bytes untouched gets its way.
        """
        self.assertFalse(isWorthIt(TEXT, b"Cache-Control: no-transform"))
        self.assertFalse(isWorthIt(TEXT, b"Cache-Control: public", b"Cache-Control: No-Transform"))
        self.assertTrue(isWorthIt(TEXT, b"Cache-Control: no-cache"))

    def test_oldClients(self) -> None:
        """
        HTTP/1.0 has no chunks to send it in.
        """
        self.assertFalse(isWorthIt(TEXT, request=b"GET / HTTP/1.0"))


class ChoiceTests(SynchronousTestCase):
    """
    Which coding a client gets.
    """

    def chosen(self, *accepted: bytes) -> bytes | None:
        lines = [b"Accept-Encoding: " + each for each in accepted]
        found = Compression().choose(asked(b"GET / HTTP/1.1", *lines))
        return None if found is None else found[0]

    def test_best(self) -> None:
        """
        Of equals the one that makes it smallest; else the one that the client likes best.
        """
        for accepted, expected in (
            ((b"gzip, br, zstd",), b"zstd"),
            ((b"gzip, deflate, br",), b"br"),
            ((b"gzip",), b"gzip"),
            ((b"GZIP;q=1.0, br;q=0.5",), b"gzip"),
            ((b"gzip;q=0.2, br;q=0.3, zstd;q=0",), b"br"),
            ((b"gzip", b"br"), b"br"),
            ((b"*",), b"zstd"),
            ((b"zstd;q=0, *;q=0.1",), b"br"),
        ):
            self.assertEqual(self.chosen(*accepted), expected, accepted)

    def test_none(self) -> None:
        """
        A client that takes no coding gets none.
        """
        for accepted in ((), (b"",), (b"identity",), (b"gzip;q=0",), (b"*;q=0",), (b"deflate",),
                         (b"gzip;q=x",), (b"gzip;q=nan",)):  # fmt: skip
            self.assertIsNone(self.chosen(*accepted), accepted)

    @given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
    def test_anything(self, text: str) -> None:
        """
        Whatever a client accepts, weights lie between 0 and 1.
        """
        block = fields(b"Accept-Encoding: " + text.encode("ascii"))
        for weight in acceptedCodings(block).values():
            self.assertTrue(0 <= weight <= 1)


class StreamTests(SynchronousTestCase):
    """
    Codings at work.
    """

    @given(
        st.lists(st.binary(max_size=2000), min_size=1, max_size=6),
        st.sampled_from(sorted(DECODERS)),
    )
    def test_whole(self, pieces: list[bytes], name: bytes) -> None:
        """
        What the client decodes is what the backend sent.
        """
        found = Compression().choose(asked(b"GET / HTTP/1.1", b"Accept-Encoding: " + name))
        assert found is not None
        stream = found[1]
        data = [stream.encode(piece, False) for piece in pieces[:-1]]
        data.append(stream.encode(pieces[-1], True))
        self.assertEqual(DECODERS[name](b"".join(data)), b"".join(pieces))

    def test_pieceByPiece(self) -> None:
        """
        What has been sent can be read: nothing is kept back for a smaller result.
        """
        partly: dict[bytes, Callable[[], Callable[[bytes], bytes]]] = {
            b"gzip": lambda: zlib.decompressobj(31).decompress,
            b"br": lambda: brotli.Decompressor().process,
            b"zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
        }
        for name, make in partly.items():
            found = Compression().choose(asked(b"GET / HTTP/1.1", b"Accept-Encoding: " + name))
            assert found is not None
            decode = make()
            for piece in (b"first", b"second", b"third"):
                self.assertEqual(decode(found[1].encode(piece, False)), piece, name)
