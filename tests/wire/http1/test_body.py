"""
Bodies that end by length or by closing, and which kind follows which head.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import (
    BadMessage,
    ChunkedBody,
    CloseBody,
    LengthBody,
    RequestReader,
    ResponseReader,
    requestBody,
    responseBody,
)


class LengthBodyTests(SynchronousTestCase):
    """
    L{LengthBody}.
    """

    def test_wholeWithTrailingBytes(self) -> None:
        """
        The body ends where it should, and what follows is left over.
        """
        body = LengthBody(5, 400)
        self.assertEqual(body.feed(b"helloGET"), b"hello")
        self.assertEqual((body.done, body.remaining, body.rest), (True, 0, b"GET"))
        body.eof()

    def test_byteByByte(self) -> None:
        """
        Each byte counts once.
        """
        body = LengthBody(3, 400)
        states = [(body.feed(b"x"), body.remaining, body.done) for _ in range(3)]
        self.assertEqual(states, [(b"x", 2, False), (b"x", 1, False), (b"x", 0, True)])
        self.assertEqual(body.rest, b"")

    def test_piecesPassUncopied(self) -> None:
        """
        What belongs to the body as a whole isn't copied.
        """
        piece = b"x" * 1000
        body = LengthBody(2000, 400)
        self.assertIs(body.feed(piece), piece)
        self.assertIs(body.feed(piece), piece)

    def test_prematureEndIsAnError(self) -> None:
        """
        A short body never looks whole.
        """
        for sent in range(5):
            body = LengthBody(5, 502)
            body.feed(b"x" * sent)
            with self.assertRaises(BadMessage) as caught:
                body.eof()
            self.assertEqual((caught.exception.status, caught.exception.code), (502, "shortBody"))

    def test_bytesAfterTheEndAreLeftOver(self) -> None:
        """
        Feeding on after the end loses nothing.
        """
        body = LengthBody(1, 400)
        body.feed(b"x")
        self.assertEqual((body.feed(b"GET"), body.rest, body.done), (b"", b"GET", True))


class CloseBodyTests(SynchronousTestCase):
    """
    L{CloseBody}.
    """

    def test_endsWithTheConnection(self) -> None:
        """
        Everything is body until the backend closes.
        """
        body = CloseBody()
        self.assertEqual(body.feed(b"abc"), b"abc")
        self.assertEqual((body.done, body.remaining, body.rest), (False, -1, b""))
        body.eof()
        self.assertTrue(body.done)


class RequestBodyTests(SynchronousTestCase):
    """
    L{requestBody}.
    """

    def kind(self, *fields: bytes) -> type:
        """
        The class of the body that follows a request with these fields.
        """
        lines = b"".join(field + b"\r\n" for field in fields)
        head = RequestReader().feed(b"POST / HTTP/1.1\r\nHost: h\r\n" + lines + b"\r\n")
        assert head is not None
        body = requestBody(head)
        self.assertEqual(head.hasBody, body is not None)
        return type(body)

    def test_framingDecides(self) -> None:
        """
        A request has a body where its framing says so, and only there.
        """
        self.assertIs(self.kind(), type(None))
        self.assertIs(self.kind(b"Content-Length: 0"), type(None))
        self.assertIs(self.kind(b"Content-Length: 1"), LengthBody)
        self.assertIs(self.kind(b"Transfer-Encoding: chunked"), ChunkedBody)


class ResponseBodyTests(SynchronousTestCase):
    """
    L{responseBody}.
    """

    def kind(self, status: int, method: bytes, *fields: bytes) -> type:
        """
        The class of the body that follows such a response.
        """
        lines = b"".join(field + b"\r\n" for field in fields)
        head = ResponseReader().feed(b"HTTP/1.1 %d X\r\n" % status + lines + b"\r\n")
        assert head is not None
        return type(responseBody(head, method))

    def test_framingDecides(self) -> None:
        """
        Length, chunks, or the end of the connection.
        """
        self.assertIs(self.kind(200, b"GET", b"Content-Length: 1"), LengthBody)
        self.assertIs(self.kind(200, b"GET", b"Content-Length: 0"), type(None))
        self.assertIs(self.kind(200, b"GET", b"Transfer-Encoding: chunked"), ChunkedBody)
        self.assertIs(self.kind(200, b"GET"), CloseBody)
        self.assertIs(self.kind(500, b"POST"), CloseBody)

    def test_someResponsesHaveNone(self) -> None:
        """
        Answers to HEAD, interim answers, 204 and 304 have no body, whatever their fields say.
        """
        for status, method in ((200, b"HEAD"), (304, b"GET"), (204, b"GET"), (103, b"GET")):
            self.assertIs(self.kind(status, method), type(None))
        self.assertIs(self.kind(200, b"HEAD", b"Content-Length: 5"), type(None))
        self.assertIs(self.kind(304, b"GET", b"Transfer-Encoding: chunked"), type(None))
