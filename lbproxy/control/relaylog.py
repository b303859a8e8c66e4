"""
Who was relayed where, how much, and how did it end? One line per TCP connection or UDP session.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from lbproxy.control.accesslog import LineSink


class Record(Protocol):
    """
    One relay after its end: a named tuple of texts and numbers.
    """

    @property
    def _fields(self) -> tuple[str, ...]: ...

    def _asdict(self) -> dict[str, Any]: ...

    def __iter__(self) -> Any: ...


class RelayLog:
    """
    Writes records as C{key=value} pairs, or as JSON.
    """

    __slots__ = ("_form", "_json", "_now", "_second", "_stamp", "_texts", "_write")

    def __init__(
        self, sink: LineSink, asJSON: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        """
        @param now: seconds since the epoch.
        """
        self._write = sink.write
        self._json = asJSON
        self._now = now
        self._second = -1
        self._stamp = ""
        # A log has records of one kind: how they read is found out from the first.
        self._form = ""
        self._texts: tuple[bool, ...] = ()

    def __call__(self, record: Record) -> None:
        now = self._now()
        if self._json:
            line = json.dumps({"time": round(now, 3), **record._asdict()})
        else:
            line = self._pairs(record, now)
        self._write(line.encode("utf-8", "backslashreplace") + b"\n")

    def _pairs(self, record: Record, now: float) -> str:
        if int(now) != self._second:
            self._second = int(now)
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(now))
        if not self._form:
            self._form = "%s " + " ".join(_forms(record))
            self._texts = tuple(isinstance(value, str) for value in record)
        values = [
            quoted(value) if isText else value
            for value, isText in zip(record, self._texts, strict=True)
        ]
        return self._form % (self._stamp, *values)


def _forms(record: Record) -> Iterable[str]:
    for name, value in zip(record._fields, record, strict=True):
        yield f"{name}=%.3f" if isinstance(value, float) else f"{name}=%s"


def quoted(text: str) -> str:
    """
    C{text} as it is, or in quotes where it is empty or would not read as one word.
    """
    if text and text.isprintable() and " " not in text and '"' not in text:
        return text
    return json.dumps(text)
