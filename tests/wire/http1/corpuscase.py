"""
How a message and its verdict are written down.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Trailers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class RequestCase:
    """
    C{data} is what a client sends: one request, and for C{rest} also what follows it.

    C{incomplete}: not refused, but the message isn't whole either.
    """

    name: str
    data: bytes
    status: int = 0
    code: str = ""
    incomplete: bool = False
    method: bytes = b"GET"
    target: bytes = b"/"
    path: bytes = b"/"
    query: bytes | None = None
    host: bytes = b"h"
    version: int = 11
    keepAlive: bool = True
    body: bytes = b""
    trailers: Trailers = ()
    rest: bytes = b""
    fields: dict[bytes, list[bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResponseCase:
    """
    C{data} is what a backend sends to a request with C{method}, then, with C{eof}, it closes.
    """

    name: str
    data: bytes
    status: int = 0
    code: str = ""
    incomplete: bool = False
    method: bytes = b"GET"
    eof: bool = False
    answer: int = 200
    reason: bytes = b"OK"
    version: int = 11
    keepAlive: bool = True
    body: bytes = b""
    trailers: Trailers = ()
    rest: bytes = b""
    fields: dict[bytes, list[bytes]] = field(default_factory=dict)


CONTROLS = bytes((*range(0x20), 0x7F))
SEPARATORS = b'"(),/;<=>?@[\\]{}'
TOKEN = b"!#$%&'*+-.^_`|~09AZaz"


def lines(*lines: bytes) -> bytes:
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def get(*fields: bytes) -> bytes:
    return lines(b"GET / HTTP/1.1", b"Host: h", *fields)


def post(*fields: bytes, body: bytes = b"") -> bytes:
    return lines(b"POST / HTTP/1.1", b"Host: h", *fields) + body


def chunked(body: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", body=body)


def ok(*fields: bytes, body: bytes = b"", line: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return lines(line, *fields) + body


def bad(family: str, status: int, code: str, datas: list[bytes]) -> list[RequestCase]:
    return [
        RequestCase(f"{family}: {data[:60]!r} ({code} {index})", data, status, code)
        for index, data in enumerate(datas)
    ]


def badResponses(family: str, code: str, datas: list[bytes]) -> list[ResponseCase]:
    return [
        ResponseCase(f"{family}: {data[:60]!r} ({code} {index})", data, 502, code)
        for index, data in enumerate(datas)
    ]
