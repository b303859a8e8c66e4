"""
Does it answer HTTP, with the right status and the right words? One request per connection.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence

from lbproxy.config.address import Address
from lbproxy.config.payload import StatusRange
from lbproxy.health.conversation import Closed, Conversation, ProbeFailed, Want
from lbproxy.health.expected import Expected
from lbproxy.pool.backend import Backend
from lbproxy.wire.http1 import BadMessage, ResponseHead, ResponseReader, responseBody
from lbproxy.wire.http1.memo import Memo

_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_PATH = re.compile(r"[!-~]+")
_VALUE = re.compile(r"[\t -~]*")

# Bytes of a body that are read. Up to here the backend is not cut off in the middle of it.
_BODY_LIMIT = 65536


# Heads of health answers repeat among themselves; the traffic's memo is not theirs to fill.
_memo: Memo[ResponseHead] = Memo()


class HTTPDialogue:
    """
    Asks for one resource by HTTP/1.1 and judges the status and, if asked to, the body.
    """

    def __init__(
        self,
        path: str = "/",
        method: str = "GET",
        host: str = "",
        headers: Mapping[str, str] | None = None,
        expectStatus: Sequence[StatusRange] = (StatusRange(200, 399),),
        expectBody: Expected | None = None,
    ) -> None:
        """
        @param path: with its query, if there is one.
        @param host: of the Host header; empty for the backend's address.
        @param expectBody: what the first 64 KiB of the body must contain.
        @raise ValueError: with a message fit for a user.
        """
        if not _METHOD.fullmatch(method):
            raise ValueError(f'"{method}" is not a method')
        if not _PATH.fullmatch(path):
            raise ValueError(f'"{path}" is not a path; percent-encode what is not printable ASCII')
        if host and not _PATH.fullmatch(host):
            raise ValueError(f'"{host}" is not a host')
        self._method = method.encode()
        self._host = host.encode()
        self._good = frozenset(s for r in expectStatus for s in range(r.low, r.high + 1))
        self._wanted = ", ".join(map(str, expectStatus))
        self._body = expectBody
        self._before = f"{method} {path} HTTP/1.1\r\nHost: ".encode()
        self._after = _headerLines(headers or {})

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        host = self._host or _hostOf(backend.address)
        try:
            head, rest = yield from _readHead(self._before + host + self._after)
            seen = f"HTTP {head.status}"
            if head.status not in self._good:
                raise ProbeFailed(f"{seen}, wanted {self._wanted}")
            yield from self._readBody(head, rest)
        except BadMessage as bad:
            raise ProbeFailed(f"not HTTP: {bad}") from bad
        return seen

    def _readBody(self, head: ResponseHead, data: bytes) -> Generator[Want, bytes, None]:
        """
        Read the body until it ends, is long enough, or shows what was expected.
        """
        body = responseBody(head, self._method)
        expected = self._body
        seen = b""
        if body is not None:
            seen = body.feed(data)
            while not body.done and len(seen) < _BODY_LIMIT:
                if expected is not None and expected.find(seen) >= 0:
                    return
                try:
                    data = yield Want()
                except Closed:
                    body.eof()
                    break
                seen += body.feed(data)
        if expected is not None and expected.find(seen[:_BODY_LIMIT]) < 0:
            raise ProbeFailed(f"HTTP {head.status}, but no {expected} in the body")


def _readHead(request: bytes) -> Generator[Want, bytes, tuple[ResponseHead, bytes]]:
    """
    Send C{request}, read the head of the final response.

    @return: the head, and what followed it.
    """
    reader = ResponseReader(memo=_memo)
    data = yield Want(request)
    while True:
        head = reader.feed(data)
        if head is None:
            data = yield Want()
        elif head.status < 200 and head.status != 101:
            # RFC 9110 15.2: any number of interim responses may come first.
            data = reader.rest
        else:
            return head, reader.rest


def _headerLines(headers: Mapping[str, str]) -> bytes:
    """
    Everything after the value of Host.

    @raise ValueError: with a message fit for a user.
    """
    lines = {"user-agent": "User-Agent: lbproxy"}
    for name, value in headers.items():
        if not _METHOD.fullmatch(name) or not _VALUE.fullmatch(value):
            raise ValueError(f'"{name}: {value}" is not a header')
        if name.lower() in ("host", "connection", "content-length", "transfer-encoding"):
            raise ValueError(f'the header "{name}" is set by the check itself')
        lines[name.lower()] = f"{name}: {value}"
    return "\r\n".join(["", *lines.values(), "Connection: close", "", ""]).encode()


def _hostOf(address: Address) -> bytes:
    return b"localhost" if address.path else str(address).encode()
