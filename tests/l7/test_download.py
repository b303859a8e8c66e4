"""
Tests for L{lbproxy.l7.download}: how a response body travels to the client.
"""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.compression import Compression
from lbproxy.l7.download import Download
from lbproxy.wire.http1 import ResponseReader, responseBody
from lbproxy.wire.http1.memo import Memo
from tests.l7.asking import answered, asked


def download(
    *lines: bytes,
    status: bytes = b"HTTP/1.1 200 OK",
    request: bytes = b"GET / HTTP/1.1",
    accept: bytes = b"",
) -> Download:
    """
    The way for a response; compressed where C{accept} and the response are fit for it.
    """
    given = [b"Accept-Encoding: " + accept] if accept else []
    asking, head = asked(request, *given), answered(status, *lines)
    way = Download(asking, head, responseBody(head, asking.method))
    if accept:
        way.compress(Compression(), asking, head)
    return way


class FramingTests(SynchronousTestCase):
    """
    How the client sees the end.
    """

    def test_length(self) -> None:
        """
        A length stays one; the body follows as it is.
        """
        for request in (b"GET / HTTP/1.1", b"GET / HTTP/1.0"):
            way = download(b"Content-Length: 3", request=request)
            self.assertEqual(way.framing, b"Content-Length: 3\r\n")
            self.assertFalse(way.endsWithClose)
            self.assertEqual(way.encode(b"ab", False) + way.encode(b"c", True), b"abc")

    def test_chunks(self) -> None:
        """
        Chunks, and bodies that end with the backend's connection, become chunks of ours.
        """
        for lines in ((b"Transfer-Encoding: chunked",), ()):
            way = download(*lines)
            self.assertEqual(way.framing, b"Transfer-Encoding: chunked\r\n")
            self.assertEqual(way.encode(b"ab", False), b"2\r\nab\r\n")
            self.assertEqual(way.encode(b"", False), b"")
            self.assertEqual(way.encode(b"c", True), b"1\r\nc\r\n0\r\n\r\n")

    def test_oldClients(self) -> None:
        """
        For HTTP/1.0 a body without a length ends with the connection.
        """
        for lines in ((b"Transfer-Encoding: chunked",), ()):
            way = download(*lines, request=b"GET / HTTP/1.0")
            self.assertEqual((way.framing, way.endsWithClose), (b"", True))
            self.assertEqual(way.encode(b"ab", False) + way.encode(b"", True), b"ab")

    def test_noBody(self) -> None:
        """
        HEAD and 304 may tell a length, 204 must not, and an empty body has length 0.
        """
        length = b"Content-Length: 7"
        for lines, status, request, framing in (
            ((length,), b"200 OK", b"HEAD / HTTP/1.1", b"Content-Length: 7\r\n"),
            ((), b"200 OK", b"HEAD / HTTP/1.1", b""),
            ((length,), b"304 Not Modified", b"GET / HTTP/1.1", b"Content-Length: 7\r\n"),
            ((), b"304 Not Modified", b"GET / HTTP/1.1", b""),
            ((b"Content-Length: 0",), b"204 No Content", b"GET / HTTP/1.1", b""),
            ((b"Content-Length: 0",), b"200 OK", b"GET / HTTP/1.1", b"Content-Length: 0\r\n"),
        ):
            way = download(*lines, status=b"HTTP/1.1 " + status, request=request)
            self.assertEqual(way.framing, framing)
            self.assertEqual(way.encode(b"", True), b"")
            self.assertFalse(way.endsWithClose)

    def test_trailers(self) -> None:
        """
        Trailers come behind the last chunk.
        """
        head = answered(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked")
        body = responseBody(head, b"GET")
        way = Download(asked(), head, body)
        assert body is not None
        payload = body.feed(b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n")
        self.assertEqual(way.encode(payload, body.done), b"1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n")

    @given(st.lists(st.binary(max_size=30), min_size=1, max_size=6))
    def test_clientsReadIt(self, pieces: list[bytes]) -> None:
        """
        A client finds every byte and the end.
        """
        way = download()
        sent = b"".join(way.encode(piece, False) for piece in pieces[:-1])
        sent += way.encode(pieces[-1], True)
        reader = ResponseReader(memo=Memo(2))
        head = reader.feed(b"HTTP/1.1 200 OK\r\n" + way.framing + b"\r\n" + sent + b"rest")
        assert head is not None
        body = responseBody(head, b"GET")
        assert body is not None
        self.assertEqual(body.feed(reader.rest), b"".join(pieces))
        self.assertTrue(body.done)
        self.assertEqual(body.rest, b"rest")


class CompressionTests(SynchronousTestCase):
    """
    A body that gets smaller on its way.
    """

    def test_compressed(self) -> None:
        """
        It is sent in chunks, with its coding, and caches are told that the client's wish counted.
        """
        way = download(b"Content-Type: text/plain", b"Content-Length: 2000", accept=b"gzip")
        self.assertEqual(way.coding, b"gzip")
        self.assertEqual(
            way.framing,
            b"Transfer-Encoding: chunked\r\nContent-Encoding: gzip\r\nVary: Accept-Encoding\r\n",
        )
        sent = way.encode(b"a" * 1000, False) + way.encode(b"a" * 1000, True)
        self.assertLess(len(sent), 200)
        self.assertTrue(sent.endswith(b"\r\n0\r\n\r\n"))

    def test_emptyEnd(self) -> None:
        """
        What the coding still holds at the end is sent.
        """
        way = download(b"Content-Type: text/plain", accept=b"gzip")
        sent = way.encode(b"hello", False) + way.encode(b"", True)
        payload = b""
        while not sent.startswith(b"0"):
            size, _, rest = sent.partition(b"\r\n")
            payload += rest[: int(size, 16)]
            sent = rest[int(size, 16) + 2 :]
        self.assertEqual(zlib.decompress(payload, 31), b"hello")

    def test_tagsAreWeak(self) -> None:
        """
        Coded differently it is equal in meaning only.
        """
        for tag in (b'"x"', b'W/"x"'):
            way = download(b"Content-Type: text/plain", b"ETag: " + tag, accept=b"gzip")
            self.assertIn(b'ETag: W/"x"\r\n', way.framing)
            self.assertEqual(way.framing.count(b"ETag"), 1)

    def test_notWanted(self) -> None:
        """
        A client that takes no coding gets the body as it is; caches are told all the same.
        """
        way = download(b"Content-Type: text/plain", b"Content-Length: 2000", accept=b"identity")
        self.assertEqual(way.coding, b"")
        self.assertEqual(way.framing, b"Content-Length: 2000\r\nVary: Accept-Encoding\r\n")
        self.assertEqual(way.encode(b"ab", True), b"ab")

    def test_notFit(self) -> None:
        """
        Where nothing is to be compressed nothing changes; nor for HEAD.
        """
        for lines, request in (
            ((b"Content-Type: image/png", b"Content-Length: 2000"), b"GET / HTTP/1.1"),
            ((b"Content-Type: text/plain", b"Content-Length: 2000"), b"HEAD / HTTP/1.1"),
        ):
            way = download(*lines, request=request, accept=b"gzip")
            self.assertEqual(way.framing, b"Content-Length: 2000\r\n")
