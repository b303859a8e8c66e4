"""
Who asked for what, who answered, and how did it end? One line per exchange.

Formats: C{combined}, the one that every log reader knows, with four fields of ours behind it; and
C{json}.
"""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lbproxy.l7.serving import Serving
    from lbproxy.pool.backend import Backend
    from lbproxy.wire.http1 import HeaderBlock, RequestHead

# Names of backends with codes kept ready; discovery may bring new ones for ever.
_WAYS = 10_000
# Numbers ready to be written: making the digits of one costs as much as all else about its field.
_NUMBERS = tuple(b"%d" % number for number in range(1000))
_VERSIONS = {10: b'HTTP/1.0"', 11: b'HTTP/1.1"'}
# Looking for a byte as a number: as a bytes object, CPython 3.11 makes and drops a TypeError first.
_QUOTE, _BACKSLASH = b'"\\'
# What could break a line's quoting, or a terminal that shows it.
_UNSAFE = re.compile(rb'["\\\x00-\x1f\x7f-\xff]')


class LineSink(Protocol):
    """
    Takes lines.
    """

    def write(self, line: bytes) -> None: ...


def _escape(found: re.Match[bytes]) -> bytes:
    return b"\\x%02X" % found.group()[0]


def _safe(value: bytes | None) -> bytes:
    if value is None:
        return b"-"
    return value if _UNSAFE.search(value) is None else _UNSAFE.sub(_escape, value)


class CombinedLog:
    """
    NCSA combined, then: milliseconds, pool/backend, how it ended, request ID.
    """

    __slots__ = ("_nextSecond", "_second", "_stamp", "_ways", "_write")

    def __init__(self, sink: LineSink) -> None:
        self._write = sink.write
        self._second = self._nextSecond = -math.inf
        self._stamp = b""
        self._ways: dict[tuple[Backend | None, str], bytes] = {}

    def record(self, exchange: Serving) -> None:
        """
        Write the line of an exchange that is over.
        """
        ended = exchange.ended
        if not self._second <= ended < self._nextSecond:
            self._newSecond(exchange)
        head = exchange.head
        block = head.block
        backend = exchange.backend
        connection = exchange.connection
        size = exchange.bytesDown
        took = int((ended - exchange.started) * 1000.0)
        write = self._write
        # Joined, since formatting takes twice as long.
        write(
            b" ".join(
                (
                    connection.logName or exchange.clientIP.encode("ascii") or b"unix",
                    self._stamp,
                    head.line or _requestLine(head),
                    _NUMBERS[exchange.status],
                    _NUMBERS[size] if size < 1000 else b"%d" % size,
                    # What the header alone decides is the same for every request that repeats it.
                    block.memo.get(self) or self._agent(block),
                    _NUMBERS[took] if 0 <= took < 1000 else b"%d" % took,
                    self._ways.get((backend, exchange.code)) or self._way(backend, exchange.code),
                    exchange.requestID + b"\n" if exchange.requestID else b"-\n",
                )
            )
        )

    def _newSecond(self, exchange: Serving) -> None:
        self._second = float(math.floor(exchange.ended))
        self._nextSecond = self._second + 1.0
        self._stamp = b"- - [%b]" % _stamp(exchange.connection.factory.now())

    def _agent(self, block: HeaderBlock) -> bytes:
        agent = block.memo[self] = b'"%b" "%b"' % (
            _safe(block.get(b"referer")),
            _safe(block.get(b"user-agent")),
        )
        return agent

    def _way(self, backend: Backend | None, code: str) -> bytes:
        if len(self._ways) >= _WAYS:
            self._ways.clear()
        name = "-" if backend is None else f"{backend.pool}/{backend.name}"
        way = self._ways[backend, code] = f"{name} {code}".encode()
        return way


def _requestLine(head: RequestHead) -> bytes:
    """
    As it came, but for what would break the quotes; kept for the next request of the same bytes.
    """
    target = head.target
    if _QUOTE in target or _BACKSLASH in target:  # all else was refused by the parser
        target = _safe(target)
    line = head.line = b'"%b %b %b' % (head.method, target, _VERSIONS[head.version])
    return line


def _stamp(now: float) -> bytes:
    return time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(now)).encode("ascii")


class JSONLog:
    """
    One JSON object per line.
    """

    __slots__ = ("_sink",)

    def __init__(self, sink: LineSink) -> None:
        self._sink = sink

    def record(self, exchange: Serving) -> None:
        """
        Write the line of an exchange that is over.
        """
        factory = exchange.connection.factory
        head = exchange.head
        block = head.block
        event = {
            "time": round(factory.now(), 3),
            "listener": factory.settings.name,
            "client": exchange.clientIP,
            "method": _text(head.method),
            "target": _text(head.target),
            "host": _text(head.host),
            "version": f"1.{head.version - 10}",
            "status": exchange.status,
            "bytes": exchange.bytesDown,
            "duration": round(exchange.ended - exchange.started, 6),
            "backend": exchange.served,
            "code": exchange.code,
            "detail": exchange.detail,
            "requestID": _text(exchange.requestID),
            "referer": _text(block.get(b"referer")),
            "userAgent": _text(block.get(b"user-agent")),
        }
        self._sink.write(json.dumps(event).encode("ascii") + b"\n")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
