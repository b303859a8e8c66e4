"""
Tests for L{lbproxy.control.logs}: where events go.
"""

from __future__ import annotations

import io
import json
import re
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.control import logs
from lbproxy.control.logs import PlainLog, startLogging


class Beginner:
    """
    Takes the observers that would be begun with.
    """

    def __init__(self) -> None:
        self.publisher = LogPublisher()

    def beginLoggingTo(self, observers: Any, **settings: Any) -> None:
        """
        Publish to them.
        """
        assert settings == {"redirectStandardIO": False}
        for observer in observers:
            self.publisher.addObserver(observer)


class LogsCase(SynchronousTestCase):
    """
    A log into memory.
    """

    def started(self, level: str = "info", form: str = "text") -> tuple[Logger, io.StringIO]:
        """
        @return: a logger, and what it writes to.
        """
        beginner = Beginner()
        self.patch(logs, "globalLogBeginner", beginner)
        out = io.StringIO()
        startLogging(level, form, out)
        return Logger(observer=beginner.publisher), out


class LevelTests(LogsCase):
    """
    How much is logged.
    """

    def test_levels(self) -> None:
        """
        From the wanted level on.
        """
        levels = ["debug", "info", "warn", "error", "critical"]
        for at, wanted in enumerate(levels):
            log, out = self.started(wanted)
            for level in levels:
                getattr(log, level)("x")
            seen = re.findall(r" (debug|info|warn|error|critical) ", out.getvalue())
            self.assertEqual(seen, levels[at:])

    def test_default(self) -> None:
        """
        Unless asked otherwise, from C{info} on, as text.
        """
        log, out = self.started()
        log.debug("no")
        log.info("yes")
        self.assertEqual(out.getvalue().count("\n"), 1)
        self.assertIn("yes", out.getvalue())


class TextTests(LogsCase):
    """
    One line per event.
    """

    def test_line(self) -> None:
        """
        Time, level and text with its values.
        """
        log, out = self.started()
        log.warn("backend {name} down: {reason}", name="web/b1", reason="HTTP 503")
        self.assertTrue(
            re.fullmatch(
                r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S* warn +backend web/b1 down: HTTP 503\n",
                out.getvalue(),
            ),
            out.getvalue(),
        )

    def test_traceback(self) -> None:
        """
        What went wrong is told to the end.
        """
        log, out = self.started()
        log.failure("oh", Failure(ValueError("broken")))
        self.assertIn("critical oh\n", out.getvalue())
        self.assertIn("ValueError: broken", out.getvalue())

    def test_emptyEvents(self) -> None:
        """
        An event without a text is no line.
        """
        out = io.StringIO()
        PlainLog(out)({})
        self.assertEqual(out.getvalue(), "")


class JSONTests(LogsCase):
    """
    One object per line.
    """

    def test_object(self) -> None:
        """
        A program can read every value by its name.
        """
        log, out = self.started("info", "json")
        log.info("backend {name} up", name="web/b1")
        log.info("again")
        lines = out.getvalue().splitlines()
        self.assertEqual(len(lines), 2)
        event = json.loads(lines[0])
        self.assertEqual((event["name"], event["log_format"]), ("web/b1", "backend {name} up"))
