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
    from lbproxy.l7.exchange import Exchange

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

    __slots__ = ("_second", "_sink", "_stamp")

    def __init__(self, sink: LineSink) -> None:
        self._sink = sink
        self._second = -1
        self._stamp = b""

    def record(self, exchange: Exchange) -> None:
        """
        Write the line of an exchange that is over.
        """
        factory = exchange.connection.factory
        now = factory.now()
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(now)).encode("ascii")
        head = exchange.head
        block = head.block
        # What the header alone decides is the same for every request that repeats it.
        agent = block.memo.get(self)
        if agent is None:
            agent = block.memo[self] = b'"%b" "%b"' % (
                _safe(block.get(b"referer")),
                _safe(block.get(b"user-agent")),
            )
        self._sink.write(
            b'%b - - [%b] "%b %b HTTP/1.%d" %d %d %b %d %b %b %b\n'
            % (
                exchange.clientIP.encode("ascii") or b"unix",
                self._stamp,
                head.method,
                _safe(head.target),
                head.version - 10,
                exchange.status,
                exchange.bytesDown,
                agent,
                (factory.seconds() - exchange.started) * 1000,
                exchange.served.encode("utf-8") or b"-",
                exchange.code.encode("ascii"),
                exchange.requestID or b"-",
            )
        )


class JSONLog:
    """
    One JSON object per line.
    """

    __slots__ = ("_sink",)

    def __init__(self, sink: LineSink) -> None:
        self._sink = sink

    def record(self, exchange: Exchange) -> None:
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
            "duration": round(factory.seconds() - exchange.started, 6),
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
