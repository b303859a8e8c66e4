"""
Does the gRPC server say that it serves? C{grpc.health.v1.Health/Check} over HTTP/2.

HTTP/2 is spoken by the package C{h2}, imported only when such a check is made. The two messages of
the health protocol are small enough to be written and read here::

    message HealthCheckRequest  { string service = 1; }
    message HealthCheckResponse { ServingStatus status = 1; }
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lbproxy.health.conversation import Conversation, ProbeFailed, Want
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import Backend

if TYPE_CHECKING:
    from h2.connection import H2Connection

# Bytes of an answer; a health answer has 7.
_BODY_LIMIT = 1024
_STREAM = 1

_STATES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
_SERVING = 1

# The codes that a health check can reasonably meet, by their names in the gRPC documentation.
_CODES = {
    b"5": "NOT_FOUND",
    b"7": "PERMISSION_DENIED",
    b"8": "RESOURCE_EXHAUSTED",
    b"12": "UNIMPLEMENTED",
    b"13": "INTERNAL",
    b"14": "UNAVAILABLE",
    b"16": "UNAUTHENTICATED",
}

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class GRPCDialogue:
    """
    Asks for one service, or (without a name) for the server as a whole.
    """

    def __init__(self, service: str = "", host: str = "", secure: bool = False) -> None:
        """
        @param host: the authority that is asked; empty for the backend's address.
        @param secure: the connection is TLS. It should offer C{h2} by ALPN then.
        @raise ValueError: with a message fit for a user.
        """
        try:
            import h2.config  # noqa: F401
        except ImportError as problem:
            raise ValueError('gRPC checks need the Python package "h2"') from problem
        name = service.encode()
        message = b"\x0a" + _encodeVarint(len(name)) + name if name else b""
        # Not compressed, then the length.
        self._request = b"\0" + len(message).to_bytes(4, "big") + message
        self._host = host
        self._scheme = "https" if secure else "http"

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        connection = self._ask(self._host or _authority(backend))
        answer = _Answer()
        while not answer.complete:
            data = yield Want(connection.data_to_send())
            answer.take(connection, data)
        return answer.judge()

    def _ask(self, authority: str) -> H2Connection:
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        connection = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        connection.initiate_connection()
        headers = [
            (":method", "POST"),
            (":scheme", self._scheme),
            (":path", "/grpc.health.v1.Health/Check"),
            (":authority", authority),
            ("te", "trailers"),
            ("content-type", "application/grpc"),
            ("user-agent", "lbproxy"),
        ]
        connection.send_headers(_STREAM, headers)
        connection.send_data(_STREAM, self._request, end_stream=True)
        return connection


class _Answer:
    """
    What came back on the stream.
    """

    def __init__(self) -> None:
        self.complete = False
        self._fields: dict[bytes, bytes] = {}
        self._body = b""

    def take(self, connection: H2Connection, data: bytes) -> None:
        """
        @raise ProbeFailed: this is not HTTP/2, or the server gave up.
        """
        from h2.exceptions import H2Error

        try:
            events = connection.receive_data(data)
        except H2Error as problem:
            raise ProbeFailed(f"not HTTP/2: {type(problem).__name__}") from problem
        for event in events:
            self._hear(event)

    def _hear(self, event: Any) -> None:
        from h2 import events

        if isinstance(event, events.ResponseReceived | events.TrailersReceived):
            # Trailers come last and count; an answer without a body has all in its headers.
            self._fields.update(event.headers)
        elif isinstance(event, events.DataReceived):
            self._body += event.data
            if len(self._body) > _BODY_LIMIT:
                raise ProbeFailed(f"more than {_BODY_LIMIT} bytes of answer")
        elif isinstance(event, events.StreamEnded):
            self.complete = True
        elif isinstance(event, events.StreamReset | events.ConnectionTerminated):
            raise ProbeFailed(f"HTTP/2 error {int(event.error_code or 0)}")

    def judge(self) -> str:
        """
        @raise ProbeFailed: not serving.
        """
        status = self._fields.get(b":status", b"")
        if status != b"200":
            raise ProbeFailed(f"HTTP {quoted(status)}")
        code = self._fields.get(b"grpc-status", b"")
        if code != b"0":
            message = self._fields.get(b"grpc-message", b"")
            words = f"gRPC {_CODES.get(code, quoted(code))}"
            raise ProbeFailed(f"{words} {quoted(message)}" if message else words)
        body = self._body
        if len(body) < 5 or body[0] or int.from_bytes(body[1:5], "big") != len(body) - 5:
            raise ProbeFailed(f"not a gRPC message: {quoted(body)}")
        state = _stateOf(body[5:])
        if state != _SERVING:
            raise ProbeFailed(f"gRPC {_STATES[state] if state < len(_STATES) else state}")
        return "gRPC SERVING"


def _stateOf(message: bytes) -> int:
    """
    Field 1 of a HealthCheckResponse; fields of later versions are skipped.
    """
    state = 0
    at = 0
    while at < len(message):
        tag, at = _decodeVarint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _decodeVarint(message, at)
            if tag >> 3 == 1:
                state = value
        elif kind == _BYTES:
            size, at = _decodeVarint(message, at)
            at += size
        elif kind in (_FIXED64, _FIXED32):
            at += 8 if kind == _FIXED64 else 4
        else:
            raise ProbeFailed("not a health answer")
    if at > len(message):
        raise ProbeFailed("the health answer is cut short")
    return state


def _encodeVarint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _decodeVarint(data: bytes, at: int) -> tuple[int, int]:
    """
    @return: the number, and where it ended.
    """
    number = 0
    for shift in range(0, 64, 7):
        if at >= len(data):
            raise ProbeFailed("the health answer is cut short")
        number |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return number, at
    raise ProbeFailed("not a health answer")


def _authority(backend: Backend) -> str:
    return "localhost" if backend.address.path else str(backend.address)
