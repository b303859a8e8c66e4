"""
Who was relayed where, how much, and how did it end? One line per TCP connection or UDP session.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, Protocol

from lbproxy.control.accesslog import LineSink


class Record(Protocol):
    """
    One relay after its end, a named tuple.
    """

    def _asdict(self) -> dict[str, Any]: ...


class RelayLog:
    """
    Writes records as C{key=value} pairs, or as JSON.
    """

    __slots__ = ("_json", "_now", "_sink")

    def __init__(
        self, sink: LineSink, asJSON: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        """
        @param now: seconds since the epoch.
        """
        self._sink = sink
        self._json = asJSON
        self._now = now

    def __call__(self, record: Record) -> None:
        facts = record._asdict()
        if self._json:
            line = json.dumps({"time": round(self._now(), 3), **facts})
        else:
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(self._now()))
            pairs = (f"{key}={_plain(value)}" for key, value in facts.items())
            line = " ".join((stamp, *pairs))
        self._sink.write(line.encode("utf-8", "backslashreplace") + b"\n")


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = str(value)
    return json.dumps(text) if not text or not text.isprintable() or " " in text else text
