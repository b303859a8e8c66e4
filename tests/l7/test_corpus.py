"""
The codec's corpus, through a whole listener in memory: nothing ambiguous reaches a backend, and
nothing malformed a client.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import (
    HeadLimits,
    RequestHead,
    RequestReader,
    ResponseReader,
    requestBody,
    responseBody,
)
from lbproxy.wire.http1.memo import Memo
from tests.l7.doubles import DONE, GET, Stage
from tests.wire.http1.corpus import REQUESTS, RESPONSES, RequestCase
from tests.wire.http1.driving import readRequest

# What the listener answers by itself although the codec has no objection.
# We add fields of our own.
_ROOMY = HeadLimits(headers=65536, count=200)
_RULED = {b"CONNECT": 405}


class RequestCorpusTests(SynchronousTestCase):
    """
    Each request of the corpus, whole and byte by byte.
    """

    def exchange(self, case: RequestCase, size: int) -> tuple[bytes, bytes, bool]:
        """
        @return: what the backend got, what the client got, and whether its connection ends.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        for at in range(0, len(case.data), size):
            if wire.protocol is not None and not wire.disconnecting:
                protocol.dataReceived(case.data[at : at + size])
            for dialed in stage.dials:
                if not dialed.accepted and not dialed.cancelled:
                    dialed.accept()
        sent = b"".join(dialed.wire.value() for dialed in stage.dials[:1])
        return sent, wire.value(), wire.disconnecting or wire.ended

    def test_refusedNeverReachesABackend(self) -> None:
        """
        A malformed head gets its status, the connection ends, and no backend hears of it. A body
        that turns out to be malformed never ends for the backend.
        """
        for case in REQUESTS:
            if not case.status:
                continue
            for size in (len(case.data), 1):
                sent, answer, ended = self.exchange(case, size)
                status = int(answer[9:12]) if answer else 0
                self.assertIn(status, (case.status, _RULED.get(case.data.split(b" ")[0])), case)
                self.assertTrue(ended, case)
                if sent:
                    self.assertFalse(_isWhole(sent), case)

    def test_acceptedReachesItInOneForm(self) -> None:
        """
        What the backend gets is one request, in normal form, that means what the client's did.
        """
        for case in REQUESTS:
            meant = readRequest([case.data])
            if case.status or meant.head is None or case.data.split(b" ")[0] in _RULED:
                continue
            for size in (len(case.data), 1):
                sent, answer, _ = self.exchange(case, size)
                if answer and not answer.startswith(b"HTTP/1.1 1"):
                    self.assertIn(int(answer[9:12]), (400, 421), case)  # by rule, or by its path
                    self.assertEqual(sent, b"", case)
                    continue
                reader = RequestReader(_ROOMY, Memo(2))
                head = reader.feed(sent)
                assert head is not None and isinstance(meant.head, RequestHead), case
                self.assertEqual(head.method, meant.head.method)
                self.assertEqual(head.host, meant.head.host or b"192.0.2.1:80")
                self.assertEqual((head.path, head.query), (meant.head.path, meant.head.query), case)
                body = requestBody(head)
                payload = body.feed(reader.rest) if body is not None else b""
                self.assertEqual(payload, meant.payload, case)
                if body is not None and meant.complete:
                    self.assertTrue(body.done, case)
                    self.assertEqual(body.rest, b"", case)
                names = [lower for lower, _, _ in head.block.fields]
                for name in (b"host", b"content-length", b"transfer-encoding"):
                    self.assertLessEqual(names.count(name), 1, case)


class ResponseCorpusTests(SynchronousTestCase):
    """
    Each response of the corpus, from a backend.
    """

    def test_clientGetsOneForm(self) -> None:
        """
        A malformed response is 502, or an aborted connection once it has begun; a good one reaches
        the client in normal form, with the same body.
        """
        for case in RESPONSES:
            if case.method not in (b"GET", b"HEAD"):
                continue
            stage = Stage()
            protocol, wire = stage.connect()
            protocol.dataReceived(GET.replace(b"GET", case.method))
            dialed = stage.dials[0]
            backend = dialed.accept()
            dialed.answer(case.data)
            if backend.protocol is not None and case.eof:
                backend.lose(DONE)
            answer = wire.value()
            if case.status:
                whole = answer.startswith(b"HTTP/1.1 502 ") or wire.aborted
                self.assertTrue(whole, (case, answer))
                continue
            if not answer:
                continue  # incomplete, and rightly so
            reader = ResponseReader(_ROOMY, Memo(2))
            head = reader.feed(answer)
            while head is not None and head.status < 200:
                head = reader.feed(reader.rest)
            if head is None:
                continue
            body = responseBody(head, case.method)
            if body is not None:
                body.feed(reader.rest)
            names = [lower for lower, _, _ in head.block.fields]
            for name in (b"content-length", b"transfer-encoding"):
                self.assertLessEqual(names.count(name), 1, case)


def _isWhole(sent: bytes) -> bool:
    """
    Whether a backend would take these bytes for a complete request.
    """
    reader = RequestReader(memo=Memo(2))
    head = reader.feed(sent)
    if head is None:
        return False
    body = requestBody(head)
    if body is None:
        return True
    body.feed(reader.rest)
    return body.done
