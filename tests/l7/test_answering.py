"""
Tests for L{lbproxy.l7.answering}: how a request is answered by ourselves.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import DownstreamError
from lbproxy.l7.answering import sendReply, verdictOf
from lbproxy.l7.exchange import Exchange
from lbproxy.l7.replies import Reply
from lbproxy.wire.http1 import BadMessage
from tests.l7.asking import asked, exchangeOf


class VerdictTests(SynchronousTestCase):
    """
    What a refusal says.
    """

    def test_both(self) -> None:
        """
        Status, word and sentence, whoever refuses.
        """
        for bad in (
            BadMessage(431, "longHeaders", "over"),
            DownstreamError(431, "longHeaders", "over"),
        ):
            self.assertEqual(verdictOf(bad), (431, "longHeaders", "over"))


class SendReplyTests(SynchronousTestCase):
    """
    What the client reads.
    """

    def send(self, exchange: Exchange, extra: bytes = b"") -> bytes:
        """
        @return: what was written.
        """
        sendReply(exchange, Reply(403, b"no\n"), extra)
        wire: Any = exchange.connection.transport
        sent: bytes = wire.take()
        return sent

    def test_answer(self) -> None:
        """
        The answer with a Date and what else is to be said; the exchange knows what was sent.
        """
        exchange = exchangeOf()
        sent = self.send(exchange, b"Retry-After: 5\r\n")
        self.assertTrue(sent.startswith(b"HTTP/1.1 403 Forbidden\r\n"))
        self.assertIn(b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: 5\r\n", sent)
        self.assertTrue(sent.endswith(b"\r\n\r\nno\n"))
        self.assertNotIn(b"Connection", sent)
        self.assertEqual((exchange.status, exchange.bytesDown), (403, 3))

    def test_head(self) -> None:
        """
        HEAD gets no body, and none is counted.
        """
        exchange = exchangeOf(asked(b"HEAD / HTTP/1.1"))
        sent = self.send(exchange)
        self.assertIn(b"Content-Length: 3\r\n", sent)
        self.assertTrue(sent.endswith(b" GMT\r\n\r\n"))
        self.assertEqual(exchange.bytesDown, 0)

    def test_closing(self) -> None:
        """
        The client is told when the connection ends: in a drain, when its request was not read to
        the end, or for a reason of its own.
        """
        for why in ("draining", "unread", "asked"):
            exchange = exchangeOf()
            exchange.connection.factory.draining = why == "draining"
            exchange.requestDone = why != "unread"
            exchange.connection.closing = why == "asked"
            self.assertIn(b"Connection: close\r\n", self.send(exchange), why)
            self.assertTrue(exchange.connection.closing)
