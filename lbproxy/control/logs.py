"""
Where do events go when C{twistd} is not there to take them?
"""

from __future__ import annotations

import sys
from typing import TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    formatTime,
    globalLogBeginner,
    jsonFileLogObserver,
)
from zope.interface import implementer


@implementer(ILogObserver)
class PlainLog:
    """
    One line per event: time, level, text. Tracebacks follow on lines of their own.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, event: LogEvent) -> None:
        level = event.get("log_level", LogLevel.info)
        text = eventAsText(event, includeTimestamp=False, includeSystem=False)
        if text:
            self._out.write(f"{formatTime(event.get('log_time'))} {level.name:<8} {text}\n")
            self._out.flush()


def startLogging(level: str = "info", form: str = "text", out: TextIO | None = None) -> None:
    """
    Send events to C{out}, stderr by default.

    @param level: C{debug}, C{info}, C{warn}, C{error} or C{critical}.
    @param form: C{text} or C{json}.
    """
    target = out or sys.stderr
    observer = jsonFileLogObserver(target, "") if form == "json" else PlainLog(target)
    predicate = LogLevelFilterPredicate(LogLevel.lookupByName(level))
    globalLogBeginner.beginLoggingTo(
        [FilteringLogObserver(observer, [predicate])], redirectStandardIO=False
    )
