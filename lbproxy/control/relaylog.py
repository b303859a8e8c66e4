"""
Who was relayed where, how much, and how did it end? One line per TCP connection or UDP session.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from lbproxy.control.accesslog import LineSink

# Texts kept ready, and the longest of them, in characters: they come from clients.
_MOST_TEXTS = 4096
_LONGEST_TEXT = 500


class Record(Protocol):
    """
    One relay after its end: a named tuple of texts, then numbers, then texts.
    """

    @property
    def _fields(self) -> tuple[str, ...]: ...

    def _asdict(self) -> dict[str, Any]: ...

    def __iter__(self) -> Any: ...

    def __getitem__(self, index: Any) -> Any: ...


class RelayLog:
    """
    Writes records as C{key=value} pairs, or as JSON.
    """

    __slots__ = (
        "_before",
        "_behind",
        "_first",
        "_form",
        "_json",
        "_last",
        "_nextSecond",
        "_now",
        "_numbers",
        "_second",
        "_stamp",
        "_write",
    )

    def __init__(
        self, sink: LineSink, asJSON: bool = False, now: Callable[[], float] = time.time
    ) -> None:
        """
        @param now: seconds since the epoch.
        """
        self._write = sink.write
        self._json = asJSON
        self._now = now
        self._second = self._nextSecond = -math.inf
        self._stamp = ""
        # A log has records of one kind, texts with numbers in their middle: how they read is found
        # out from the first.
        self._form = ""
        self._first = self._last = _Texts(())
        self._before = self._numbers = self._behind = slice(0)

    def __call__(self, record: Record) -> None:
        clock, write = self._now, self._write
        now = clock()
        if self._json:
            line = json.dumps({"time": round(now, 3), **record._asdict()}) + "\n"
        else:
            if not self._second <= now < self._nextSecond:
                self._newSecond(now)
            if not self._form:
                self._learn(record)
            line = self._form % (
                self._stamp,
                self._first[record[self._before]],
                *record[self._numbers],
                self._last[record[self._behind]],
            )
        write(line.encode("utf-8", "backslashreplace"))

    def _newSecond(self, now: float) -> None:
        self._second = float(math.floor(now))
        self._nextSecond = self._second + 1.0
        self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(now))

    def _learn(self, record: Record) -> None:
        names = record._fields
        numbers = [n for n, value in enumerate(record) if not isinstance(value, str)]
        start, stop = numbers[0], numbers[-1] + 1
        self._before, self._numbers = slice(start), slice(start, stop)
        self._behind = slice(stop, None)
        self._first = _Texts(names[:start])
        self._last = _Texts(names[stop:])
        forms = [
            f"{names[n]}=%.3f" if isinstance(record[n], float) else f"{names[n]}=%s"
            for n in range(start, stop)
        ]
        self._form = f"%s %s {' '.join(forms)} %s\n"


class _Texts(dict[tuple[str, ...], str]):
    """
    How the values of fields that stand together read: mostly as they did a moment ago.
    """

    __slots__ = ("_names",)

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__()
        self._names = tuple(names)

    def __missing__(self, values: tuple[str, ...]) -> str:
        text = " ".join(
            f"{name}={quoted(value)}" for name, value in zip(self._names, values, strict=True)
        )
        if len(self) >= _MOST_TEXTS:
            self.clear()
        if len(text) <= _LONGEST_TEXT:
            self[values] = text
        return text


def quoted(text: str) -> str:
    """
    C{text} as it is, or in quotes where it is empty or would not read as one word.
    """
    if text and text.isprintable() and " " not in text and '"' not in text:
        return text
    return json.dumps(text)
