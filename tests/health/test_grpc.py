"""
Promises of L{lbproxy.health.grpc}.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.grpc import GRPCDialogue
from tests.health.doubles import DialoguePromises, Visit, aBackend

SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"
Headers = Sequence[tuple[str, str]]
OK: Headers = [("grpc-status", "0")]


def frame(message: bytes) -> bytes:
    """
    As gRPC frames it.
    """
    return b"\0" + len(message).to_bytes(4, "big") + message


def server() -> H2Connection:
    """
    A server's side.
    """
    connection = H2Connection(H2Configuration(client_side=False))
    connection.initiate_connection()
    return connection


def reply(sent: bytes, body: bytes, trailers: Headers = OK, status: str = "200") -> bytes:
    """
    What a server says to what was sent, once it is all there.
    """
    connection = server()
    connection.receive_data(sent)
    connection.send_headers(1, [(":status", status), ("content-type", "application/grpc")])
    if body:
        connection.send_data(1, body)
    connection.send_headers(1, trailers, end_stream=True)
    data: bytes = connection.data_to_send()
    return data


def asked(sent: bytes) -> tuple[dict[bytes, bytes], bytes]:
    """
    The headers and the body that a server sees.
    """
    headers: dict[bytes, bytes] = {}
    body = b""
    for event in server().receive_data(sent):
        if isinstance(event, RequestReceived):
            headers.update(event.headers)
        elif isinstance(event, DataReceived):
            body += event.data
    return headers, body


class ServingTests(DialoguePromises, SynchronousTestCase):
    """
    A server that serves.
    """

    seen = "gRPC SERVING"
    answers = (lambda sent: reply(sent, frame(SERVING)),)

    def dialogue(self) -> GRPCDialogue:
        return GRPCDialogue("shop.Cart")

    def test_asksForTheService(self) -> None:
        """
        The request is what the health protocol wants.
        """
        headers, body = asked(self.talk().sent)
        self.assertEqual(headers[b":path"], b"/grpc.health.v1.Health/Check")
        self.assertEqual(headers[b":method"], b"POST")
        self.assertEqual(headers[b":authority"], b"192.0.2.1:80")
        self.assertEqual(headers[b"te"], b"trailers")
        self.assertEqual(body, frame(b"\x0a\x09shop.Cart"))

    def test_asksForTheServer(self) -> None:
        """
        Without a service the message is empty; the authority may be configured.
        """
        sent = Visit(GRPCDialogue(host="a.example", secure=True)).connect().sent
        headers, body = asked(sent)
        self.assertEqual((headers[b":authority"], headers[b":scheme"]), (b"a.example", b"https"))
        self.assertEqual(body, frame(b""))


class RefusalTests(SynchronousTestCase):
    """
    A server that does not serve.
    """

    def words(self, body: bytes, trailers: Headers = OK, status: str = "200") -> str:
        """
        Why the check failed.
        """
        visit = Visit(GRPCDialogue(), aBackend("unix:/run/app")).connect()
        visit.hear(reply(visit.sent, body, trailers, status))
        self.assertIs(visit.outcome.passed, False)
        return str(visit.outcome.words)

    def test_failsWhenItDoesNotServe(self) -> None:
        """
        The state is named; none at all is UNKNOWN.
        """
        self.assertEqual(self.words(frame(NOT_SERVING)), "gRPC NOT_SERVING")
        self.assertEqual(self.words(frame(b"")), "gRPC UNKNOWN")
        self.assertEqual(self.words(frame(b"\x08\x63")), "gRPC 99")

    def test_failsOnAnErrorStatus(self) -> None:
        """
        An unknown service, or no health service at all, is named.
        """
        trailers = [("grpc-status", "5"), ("grpc-message", "unknown service")]
        self.assertEqual(self.words(b"", trailers), 'gRPC NOT_FOUND "unknown service"')
        self.assertEqual(self.words(b"", [("grpc-status", "12")]), "gRPC UNIMPLEMENTED")

    def test_failsWithoutAStatus(self) -> None:
        """
        A good body alone is not a whole answer.
        """
        self.assertIn("gRPC", self.words(frame(SERVING), [("x", "y")]))

    def test_failsOnAnotherHTTPStatus(self) -> None:
        """
        A proxy's error is no answer of the service.
        """
        self.assertEqual(self.words(b"", status="503"), 'HTTP "503"')

    def test_failsOnABadMessage(self) -> None:
        """
        Compressed, cut or senseless messages are not believed.
        """
        for body in (
            b"\1" + frame(SERVING)[1:],
            frame(SERVING)[:-1],
            frame(SERVING) + b"x",
            frame(b"\x08"),
            frame(b"\x0f"),
            frame(b"\x12\x7fabc"),
            frame(b"\xff" * 20),
        ):
            self.words(body)

    def test_skipsWhatItDoesNotKnow(self) -> None:
        """
        Fields that a later version adds do no harm.
        """
        visit = Visit(GRPCDialogue()).connect()
        message = b"\x12\x01a" + b"\x1d1234" + b"\x2112345678" + b"\x28\x07" + SERVING
        visit.hear(reply(visit.sent, frame(message)))
        self.assertEqual(visit.outcome.words, "gRPC SERVING")

    def test_failsWhenTheStreamIsReset(self) -> None:
        """
        A reset or a goodbye is told with its code.
        """
        for code, act in ((7, "reset_stream"), (2, "close_connection")):
            visit = Visit(GRPCDialogue()).connect()
            connection = server()
            connection.receive_data(visit.sent)
            if act == "reset_stream":
                connection.reset_stream(1, error_code=code)
            else:
                connection.close_connection(error_code=code)
            visit.hear(connection.data_to_send())
            self.assertEqual(visit.outcome.words, f"HTTP/2 error {code}")

    def test_saysWhatIsMissing(self) -> None:
        """
        Without the optional package such a check is an error when it is made.
        """
        self.addCleanup(sys.modules.__setitem__, "h2.config", sys.modules["h2.config"])
        sys.modules["h2.config"] = None  # type: ignore[assignment]
        error = self.assertRaises(ValueError, GRPCDialogue)
        self.assertIn('"h2"', str(error))
