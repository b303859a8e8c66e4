"""
How it starts and stops: twistd, the console script, and what they exit with.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

from tests.integration.edges import EdgeCase, freePort
from tests.integration.peers import accepts, start

BIN = Path(sys.executable).parent
GOOD = """
listeners: {{web: {{bind: "127.0.0.1:{port}", protocol: http, pool: web, accessLog: off}}}}
pools:
  web: {{backends: ["127.0.0.1:9"]}}
"""


class LaunchTests(EdgeCase):
    """
    The commands a user types.
    """

    def write(self, text: str) -> str:
        path = self.path("edge.yaml")
        Path(path).write_text(text, encoding="utf-8")
        return path

    async def served(self, port: int) -> None:
        """
        Wait until requests are answered, if only by an error: from then on signals are, too.
        """
        answer, status = await self.shell("curl", "-sS", f"http://127.0.0.1:{port}/")
        self.assertEqual(status, 0, answer)

    def tool(self, name: str) -> str:
        return str(BIN / name)

    async def test_check(self) -> None:
        """
        A good file is 0; a bad one 1, with a line for each mistake that says where it is.
        """
        path = self.write(GOOD.format(port=0))
        answer, status = await self.shell(self.tool("lbproxy"), "check", path)
        self.assertEqual((answer, status), (f"{path}: good\n", 0))
        self.write(GOOD.format(port=0) + "  api:\n    balance: rr\n    backend: [x]\n")
        answer, status = await self.shell(self.tool("lbproxy"), "check", path)
        self.assertEqual(status, 1)
        unknown = f'{path}:6:14: pools.api.balance: unknown balancer "rr"; one of roundRobin, '
        self.assertIn(unknown, answer)
        self.assertIn(f'{path}:7:5: pools.api.backend: unknown key "backend"; ', answer)
        self.assertNotIn("Traceback", answer)

    async def test_badConfigurationOpensNothing(self) -> None:
        """
        twistd and run end with 1 and the mistake, before any port opens.
        """
        port = freePort()
        path = self.write(GOOD.format(port=port) + "nonsense: 1\n")
        for command in (
            (self.tool("lbproxy"), "run", path),
            (self.tool("twistd"), "-n", "--pidfile=", "lbproxy", "--config", path),
        ):
            answer, status = await self.shell(*command)
            self.assertEqual(status, 1, answer)
            self.assertIn(f"{path}:5:1: nonsense: ", answer)
            self.assertNotIn("Traceback", answer)
            self.assertFalse(accepts(port))

    async def test_portInUse(self) -> None:
        """
        A port that is taken is one sentence and a status that isn't 0.
        """
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            path = self.write(GOOD.format(port=taken.getsockname()[1]))
            for command in (
                (self.tool("lbproxy"), "run", path),
                (self.tool("twistd"), "-n", "--pidfile=", "lbproxy", "-c", path),
            ):
                answer, status = await self.shell(*command)
                self.assertNotEqual(status, 0, answer)
                self.assertIn("somebody listens there already", answer)
                self.assertNotIn("Traceback", answer)

    async def test_logCannotBeWritten(self) -> None:
        """
        An access log that the system doesn't let us open is one line and status 1.
        """
        log = self.path("access.log")
        with socket.socket(socket.AF_UNIX) as inTheWay:
            inTheWay.bind(log)
            path = self.write(
                GOOD.format(port=0).replace("accessLog: off", f"accessLog: {{file: {log}}}")
            )
            for command in (
                (self.tool("lbproxy"), "run", path),
                (self.tool("twistd"), "-n", "--pidfile=", "lbproxy", "--config", path),
            ):
                answer, status = await self.shell(*command)
                self.assertEqual(status, 1, answer)
                self.assertIn(f"lbproxy: cannot write {log}: ", answer)
                self.assertNotIn("Traceback", answer)

    async def test_stopsOrderly(self) -> None:
        """
        SIGTERM ends it with status 0, SIGINT too.
        """
        for command in (
            (self.tool("lbproxy"), "run"),
            (self.tool("twistd"), "-n", "--pidfile=", "--reactor=lbproxy", "lbproxy", "-c"),
        ):
            port = freePort()
            path = self.write(GOOD.format(port=port))
            for name in ("TERM", "INT"):
                peer = await start(self, *command, path, port=port)
                await self.served(port)
                await peer.stop(name)
                self.assertEqual(peer.status, 0, peer.output)

    async def test_daemon(self) -> None:
        """
        Without -n twistd goes to the background, with its pid file and log file, and ends on TERM.
        """
        port = freePort()
        path = self.write(GOOD.format(port=port))
        pidfile, logfile = self.path("edge.pid"), self.path("edge.log")
        answer, status = await self.shell(
            self.tool("twistd"),
            f"--pidfile={pidfile}",
            f"--logfile={logfile}",
            "lbproxy",
            "-c",
            path,
        )
        self.assertEqual(status, 0, answer)
        await self.until(lambda: accepts(port))
        await self.served(port)
        os.kill(int(Path(pidfile).read_text()), signal.SIGTERM)
        await self.until(lambda: not Path(pidfile).exists())
        self.assertIn("listener web on 127.0.0.1", Path(logfile).read_text())

    async def test_help(self) -> None:
        """
        twistd knows the command, and both helps say how to start.
        """
        answer, _ = await self.shell(self.tool("twistd"), "--help")
        self.assertIn("lbproxy", answer)
        answer, status = await self.shell(self.tool("twistd"), "lbproxy", "--help")
        self.assertEqual(status, 0)
        self.assertIn("--config", answer)
        self.assertIn("--demo", answer)
        answer, status = await self.shell(self.tool("lbproxy"), "--help")
        self.assertEqual(status, 0)
        for word in ("run", "check"):
            self.assertIn(word, answer)
