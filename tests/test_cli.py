"""
Tests for L{lbproxy.cli}: the command line. How it runs as a process is tested with launching.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

from twisted.application import reactors
from twisted.internet import reactor as installed
from twisted.trial.unittest import SynchronousTestCase

from lbproxy import __version__, cli, tap
from lbproxy.config.admin import Logging
from lbproxy.control import logs
from lbproxy.errors import CannotStart

GOOD = """
listeners: {web: {bind: "127.0.0.1:0", protocol: http, pool: web, accessLog: off}}
pools: {web: {backends: ["127.0.0.1:9"]}}
"""


class CommandCase(SynchronousTestCase):
    """
    Commands, and what they print.
    """

    def setUp(self) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        self.patch(sys, "stdout", self.out)
        self.patch(sys, "stderr", self.err)
        self.path: str = self.mktemp()

    def write(self, text: str) -> str:
        """
        A configuration.
        """
        Path(self.path).write_text(text, encoding="utf-8")
        return self.path

    def usage(self, *arguments: str) -> int:
        """
        The status of a command that ends by itself.
        """
        status: Any = self.assertRaises(SystemExit, cli.main, arguments).code
        return int(status)


class CheckTests(CommandCase):
    """
    C{lbproxy check}.
    """

    def test_good(self) -> None:
        """
        A good configuration is good, and 0.
        """
        self.assertEqual(cli.main(["check", self.write(GOOD)]), 0)
        self.assertEqual((self.out.getvalue(), self.err.getvalue()), (f"{self.path}: good\n", ""))

    def test_bad(self) -> None:
        """
        Every mistake is a line on stderr, and the status 1.
        """
        path = self.write(GOOD + "nonsense: 1\nmore: 2\n")
        self.assertEqual(cli.main(["check", path]), 1)
        lines = self.err.getvalue().splitlines()
        self.assertEqual([line.startswith(path + ":") for line in lines], [True, True])
        self.assertEqual(self.out.getvalue(), "")

    def test_noFile(self) -> None:
        """
        So is a file that isn't there.
        """
        self.assertEqual(cli.main(["check", self.path + ".none"]), 1)
        self.assertIn(".none", self.err.getvalue())


class ExplainTests(CommandCase):
    """
    C{lbproxy explain}.
    """

    def test_explains(self) -> None:
        """
        Which route and which backend a request gets.
        """
        status = cli.main(["explain", self.write(GOOD), "GET http://a.example/"])
        self.assertEqual((status, self.err.getvalue()), (0, ""))
        self.assertIn("web", self.out.getvalue())

    def test_bad(self) -> None:
        """
        A request that is none, and a configuration that is none, are 1 with a reason.
        """
        self.assertEqual(cli.main(["explain", self.write(GOOD), "two words here"]), 1)
        self.assertTrue(self.err.getvalue().startswith("lbproxy: "))
        self.assertEqual(cli.main(["explain", self.write("a: 1"), "GET http://a/"]), 1)


class UsageTests(CommandCase):
    """
    What is not a command.
    """

    def test_mistakes(self) -> None:
        """
        2, and how it is meant.
        """
        for arguments in ((), ("run",), ("check",), ("nonsense",), ("run", "--demo", "x.yaml")):
            self.assertEqual(self.usage(*arguments), 2)
            self.assertIn("usage: lbproxy", self.err.getvalue())

    def test_version(self) -> None:
        """
        Which one it is.
        """
        self.assertEqual(self.usage("--version"), 0)
        self.assertEqual(self.out.getvalue(), f"lbproxy {__version__}\n")


class FakeEdge:
    """
    An edge that tells what is done with it.
    """

    def __init__(self, story: list[str], refuses: bool) -> None:
        self.logging = Logging()
        self._story = story
        self._refuses = refuses

    def privilegedStartService(self) -> None:
        """
        Ports open, or don't.
        """
        self._story.append("open")
        if self._refuses:
            raise CannotStart("127.0.0.1:80: somebody listens there already")

    def startService(self) -> None:
        """
        Work begins.
        """
        self._story.append("start")

    def stopService(self) -> None:
        """
        It ends.
        """
        self._story.append("stop")


class RunTests(CommandCase):
    """
    C{lbproxy run}.
    """

    def setUp(self) -> None:
        super().setUp()
        self.story: list[str] = []
        self.triggers: list[Any] = []
        self.refuses = False
        reactor: Any = installed
        self.patch(cli, "_installReactor", lambda name: self.story.append(f"install {name}"))
        self.patch(tap, "build", self.build)
        self.patch(logs, "startLogging", lambda *settings: self.story.append("log"))
        self.patch(reactor, "run", lambda: self.story.append("run"))
        self.patch(reactor, "addSystemEventTrigger", lambda *trigger: self.triggers.append(trigger))

    def build(self, reactor: object, config: str | None, demo: bool) -> FakeEdge:
        """
        What would be run.
        """
        self.assertIs(reactor, installed)
        self.story.append(f"build {config} {demo}")
        return FakeEdge(self.story, self.refuses)

    def test_run(self) -> None:
        """
        Built, logged, opened, started and run; the reactor's end is the edge's.
        """
        self.assertEqual(cli.main(["run", "x.yaml"]), 0)
        expected = ["install None", "build x.yaml False", "log", "open", "start", "run"]
        self.assertEqual(self.story, expected)
        when, what, stop = self.triggers[0]
        self.assertEqual((when, what), ("before", "shutdown"))
        stop()
        self.assertEqual(self.story[-1], "stop")

    def test_demo(self) -> None:
        """
        The demo needs no file; the reactor may be chosen.
        """
        self.assertEqual(cli.main(["run", "--demo", "--reactor", "poll"]), 0)
        self.assertEqual(self.story[:2], ["install poll", "build None True"])

    def test_refused(self) -> None:
        """
        What the system refuses is one sentence and 1; what was begun is taken back.
        """
        self.refuses = True
        self.assertEqual(cli.main(["run", "x.yaml"]), 1)
        self.assertEqual(
            self.err.getvalue(), "lbproxy: 127.0.0.1:80: somebody listens there already\n"
        )
        self.assertEqual(self.story[-2:], ["open", "stop"])


class ReactorTests(CommandCase):
    """
    Which reactor runs.
    """

    def setUp(self) -> None:
        super().setUp()
        self.installed: list[str] = []
        self.patch(reactors, "installReactor", self.install)

    def install(self, name: str) -> None:
        """
        Note it.
        """
        if name == "nonsense":
            raise reactors.NoSuchReactor(name)
        self.installed.append(name)

    def test_default(self) -> None:
        """
        Ours on Linux, Twisted's own elsewhere, the wanted one anywhere.
        """
        for platform, name, expected in (
            ("linux", None, ["lbproxy"]),
            ("darwin", None, []),
            ("linux", "poll", ["poll"]),
            ("darwin", "lbproxy", ["lbproxy"]),
        ):
            self.installed.clear()
            self.patch(sys, "platform", platform)
            cli._installReactor(name)
            self.assertEqual(self.installed, expected)

    def test_unknown(self) -> None:
        """
        One that doesn't exist is a sentence, not a traceback.
        """
        error = self.assertRaises(SystemExit, cli._installReactor, "nonsense")
        self.assertEqual(error.code, 'lbproxy: no reactor named "nonsense"')
