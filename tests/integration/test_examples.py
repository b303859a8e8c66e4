"""
The programs in C{examples/} do what they say.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.integration.edges import EdgeCase, freePort, later
from tests.integration.peers import start

BIN = Path(sys.executable).parent
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


class ExampleTests(EdgeCase):
    """
    Each is run as a reader would.
    """

    async def test_shop(self) -> None:
        """
        The tests of a configuration pass.
        """
        test = str(EXAMPLES / "test_shop.py")
        answer, status = await self.shell(str(BIN / "trial"), "--temp-directory=trial", test)
        self.assertEqual(status, 0, answer)
        self.assertIn("successes=2", answer)

    async def test_embedded(self) -> None:
        """
        The edge within a program passes requests on to the program's own servers.
        """
        text = (EXAMPLES / "embedded.tac").read_text()
        ports = {number: freePort() for number in ("8080", "8081", "8082")}
        for number, port in ports.items():
            text = text.replace(number, str(port))
        path = Path(self.path("embedded.tac"))
        path.write_text(text)
        edge = ports["8080"]
        command = ("--reactor=lbproxy", "--pidfile=", "-noy", str(path))
        program = await start(self, str(BIN / "twistd"), *command, port=edge)
        seen: set[str] = set()
        while len(seen) < 2:
            answer, status = await self.shell("curl", "-s", f"http://127.0.0.1:{edge}/")
            if status == 0 and answer.startswith("hello"):
                seen.add(answer)
            else:  # not one check has passed yet
                await later(0.05)
        self.assertEqual(seen, {f"hello from {ports[name]}\n" for name in ("8081", "8082")})
        await program.stop()
