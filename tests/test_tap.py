"""
Tests for L{lbproxy.tap}: how twistd launches it. The process itself is tested with launching.
"""

from __future__ import annotations

import io
import signal
import sys
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.python.usage import UsageError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy import tap
from lbproxy.errors import CannotStart
from lbproxy.services.edge import EdgeService
from tests.test_cli import GOOD


def memoryReactor() -> Any:
    """
    One that does nothing by itself.
    """
    return MemoryReactorClock()


class OptionsTests(SynchronousTestCase):
    """
    What may be said.
    """

    def parsed(self, *arguments: str) -> tap.Options:
        options = tap.Options()
        options.parseOptions(list(arguments))
        return options

    def test_eitherOr(self) -> None:
        """
        A configuration, or the demo.
        """
        self.assertEqual(self.parsed("--config", "x.yaml")["config"], "x.yaml")
        self.assertEqual(self.parsed("-c", "x.yaml")["config"], "x.yaml")
        self.assertTrue(self.parsed("--demo")["demo"])

    def test_neitherOrBoth(self) -> None:
        """
        Not neither, nor both.
        """
        for arguments in ((), ("--demo", "-c", "x.yaml"), ("-c", ""), ("x.yaml",)):
            self.assertRaises(UsageError, self.parsed, *arguments)


class BuildTests(SynchronousTestCase):
    """
    The service, with signals taken care of.
    """

    def setUp(self) -> None:
        self.calls: list[Any] = []
        self.whenRunning: list[Any] = []
        self.reactor = memoryReactor()
        self.reactor.callFromThread = lambda call, *given: self.calls.append(call)
        self.reactor.callWhenRunning = lambda *call: self.whenRunning.append(call)
        self.handlers: dict[int, Any] = {}
        self.patch(signal, "signal", self.handlers.__setitem__)
        self.err = io.StringIO()
        self.patch(sys, "stderr", self.err)
        self.patch(sys, "excepthook", self.hook)
        self.hooked: list[BaseException] = []
        self.path = self.mktemp()

    def hook(self, kind: object, value: BaseException, traceback: object) -> None:
        """
        What there was before.
        """
        self.hooked.append(value)

    def build(self, text: str) -> EdgeService:
        """
        From a configuration.
        """
        Path(self.path).write_text(text, encoding="utf-8")
        return tap.build(self.reactor, self.path, False)

    def test_nothingIsOpenYet(self) -> None:
        """
        Building opens no port.
        """
        edge = self.build(GOOD)
        self.assertEqual([listener.name for listener in edge.listeners], ["web"])
        self.assertEqual(self.reactor.tcpServers, [])

    def test_signals(self) -> None:
        """
        TERM and INT stop the reactor, USR1 opens logs anew: in the loop, not within the signal;
        also after the reactor has put its own handlers in place.
        """
        edge = self.build(GOOD)
        self.assertEqual(set(self.handlers), {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1})
        self.handlers.clear()
        for call, *arguments in self.whenRunning:
            call(*arguments)
        for number, expected in (
            (signal.SIGTERM, self.reactor.stop),
            (signal.SIGINT, self.reactor.stop),
            (signal.SIGUSR1, edge.reopen),
        ):
            self.handlers[number](number, None)
            self.assertEqual(self.calls.pop(), expected)

    def test_badConfiguration(self) -> None:
        """
        A line for each mistake, and status 1.
        """
        error = self.assertRaises(SystemExit, self.build, GOOD + "nonsense: 1\n")
        self.assertEqual(error.code, 1)
        self.assertTrue(self.err.getvalue().startswith(f"{self.path}:4:1: nonsense: "))
        self.assertEqual(self.handlers, {})

    def test_whatTheSystemRefuses(self) -> None:
        """
        What is found out only now, as a log file that can't be written, is a sentence and status 1.
        """

        def refuse(reactor: object, configuration: object) -> None:
            raise CannotStart("cannot write /x: No such device")

        self.patch(tap, "buildEdge", refuse)
        error = self.assertRaises(SystemExit, self.build, GOOD)
        self.assertEqual(error.code, 1)
        self.assertEqual(self.err.getvalue(), "lbproxy: cannot write /x: No such device\n")

    def test_refusedLater(self) -> None:
        """
        So is a port that is taken when twistd opens it; all else is still a traceback.
        """
        self.build(GOOD)
        hook: Any = sys.excepthook
        hook(CannotStart, CannotStart("127.0.0.1:80 is taken"), None)
        self.assertEqual(self.err.getvalue(), "lbproxy: 127.0.0.1:80 is taken\n")
        self.assertEqual(self.hooked, [])
        other = ValueError("a bug")
        hook(ValueError, other, None)
        self.assertEqual(self.hooked, [other])

    def test_makeService(self) -> None:
        """
        What twistd's plugin calls builds the same from its options.
        """
        self.patch(tap, "build", lambda reactor, *given: given)
        options = tap.Options()
        options.parseOptions(["-c", "x.yaml"])
        self.assertEqual(tap.makeService(options), ("x.yaml", False))
