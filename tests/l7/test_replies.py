"""
Tests for L{lbproxy.l7.replies}: what we answer ourselves.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.replies import ErrorPages, Reply, hasBody, standardReply
from lbproxy.wire.http1 import ResponseReader, responseBody
from lbproxy.wire.http1.memo import Memo


class ReplyTests(SynchronousTestCase):
    """
    A whole answer.
    """

    def test_rendered(self) -> None:
        """
        Status, fields, what is added, length and body.
        """
        reply = Reply(200, b"hello", ((b"X-A", b"1"),))
        self.assertEqual(
            reply.render(b"Date: x\r\n", True),
            b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Type: text/plain; charset=utf-8\r\n"
            b"Content-Length: 5\r\nDate: x\r\n\r\nhello",
        )

    def test_contentType(self) -> None:
        """
        A type that is given counts, however its name is written; without a body there is none.
        """
        reply = Reply(200, b"{}", ((b"content-TYPE", b"application/json"),)).render(b"", True)
        self.assertEqual(reply.lower().count(b"content-type"), 1)
        self.assertNotIn(b"Content-Type", Reply(200, b"").render(b"", True))
        self.assertNotIn(b"Content-Type", Reply(200, b"x", (), b"").render(b"", True))

    def test_head(self) -> None:
        """
        The answer to HEAD has the length of the body that isn't there.
        """
        answer = Reply(200, b"hello").render(b"", False)
        self.assertIn(b"Content-Length: 5\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_bodilessStatuses(self) -> None:
        """
        204 and 304 have neither length nor body, whatever was configured: a client would take it
        for its next answer.
        """
        for status in (204, 304):
            self.assertFalse(hasBody(status))
            reply = Reply(status, b"x")
            self.assertEqual(reply.body, b"")
            answer = reply.render(b"", True)
            self.assertNotIn(b"Content-Length", answer)
            self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_renamedStatuses(self) -> None:
        """
        Reasons are those of RFC 9110; a status without one has none.
        """
        for status, line in (
            (413, b"HTTP/1.1 413 Content Too Large\r\n"),
            (414, b"HTTP/1.1 414 URI Too Long\r\n"),
            (422, b"HTTP/1.1 422 Unprocessable Content\r\n"),
            (599, b"HTTP/1.1 599 \r\n"),
        ):
            self.assertTrue(Reply(status, b"").render(b"", True).startswith(line))

    @given(st.integers(200, 599), st.binary(max_size=50), st.sampled_from((b"GET", b"HEAD")))
    def test_clientsReadIt(self, status: int, body: bytes, method: bytes) -> None:
        """
        A client finds the end of every answer where it is.
        """
        reader = ResponseReader(memo=Memo(2))
        answer = Reply(status, body).render(b"Date: x\r\n", method != b"HEAD")
        head = reader.feed(answer + b"HTTP/1.1")
        assert head is not None
        self.assertEqual(head.status, status)
        framing = responseBody(head, method)
        payload = framing.feed(reader.rest) if framing is not None else b""
        rest = framing.rest if framing is not None else reader.rest
        self.assertEqual((payload + rest)[-8:], b"HTTP/1.1")
        self.assertEqual(payload, body if framing is not None else b"")


class ErrorPagesTests(SynchronousTestCase):
    """
    The answer for each error.
    """

    def test_standard(self) -> None:
        """
        A short line of text says which error it is.
        """
        pages = ErrorPages()
        self.assertEqual(pages[503].body, b"503 Service Unavailable\n")
        self.assertIs(pages[503], pages[503])
        self.assertEqual(standardReply(599).body, b"599 Error\n")

    def test_usersPage(self) -> None:
        """
        A user's page is sent as HTML, for its status alone.
        """
        pages = ErrorPages({503: b"<h1>soon</h1>"})
        answer = pages[503].render(b"", True)
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"))
        self.assertIn(b"Content-Type: text/html; charset=utf-8\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n<h1>soon</h1>"))
        self.assertEqual(pages[502].body, b"502 Bad Gateway\n")
