"""
Who asked for what, who answered, and how did it end? One line per exchange.

Formats: C{combined}, the one that every log reader knows, with four fields of ours behind it; and
C{json}.
"""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lbproxy.l7.serving import Serving
    from lbproxy.pool.backend import Backend

# Names of backends kept ready; discovery may bring new ones for ever.
_NAMES = 10_000
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

    __slots__ = ("_names", "_second", "_stamp", "_write")

    def __init__(self, sink: LineSink) -> None:
        self._write = sink.write
        self._second = -1
        self._stamp = b""
        self._names: dict[Backend, bytes] = {}

    def record(self, exchange: Serving) -> None:
        """
        Write the line of an exchange that is over.
        """
        ended = exchange.ended
        if int(ended) != self._second:
            self._second = int(ended)
            self._stamp = _stamp(exchange.connection.factory.now())
        head = exchange.head
        block = head.block
        # What the header alone decides is the same for every request that repeats it.
        agent = block.memo.get(self)
        if agent is None:
            agent = block.memo[self] = b'"%b" "%b"' % (
                _safe(block.get(b"referer")),
                _safe(block.get(b"user-agent")),
            )
        backend = exchange.backend
        connection = exchange.connection
        target = head.target
        if b'"' in target or b"\\" in target:  # all else was refused by the parser
            target = _safe(target)
        self._write(
            b'%b - - [%b] "%b %b HTTP/1.%d" %d %d %b %d %b %b %b\n'
            % (
                connection.logName
                if exchange.clientIP is connection.peer
                else exchange.clientIP.encode("ascii"),
                self._stamp,
                head.method,
                target,
                head.version - 10,
                exchange.status,
                exchange.bytesDown,
                agent,
                (ended - exchange.started) * 1000,
                b"-" if backend is None else self._names.get(backend) or self._name(backend),
                exchange.code.encode("ascii"),
                exchange.requestID or b"-",
            )
        )

    def _name(self, backend: Backend) -> bytes:
        if len(self._names) >= _NAMES:
            self._names.clear()
        name = self._names[backend] = f"{backend.pool}/{backend.name}".encode()
        return name


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
