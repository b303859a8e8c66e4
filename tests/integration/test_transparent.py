"""
Transparent sources: three hosts in network namespaces, a client, the edge between, and a backend
that sees the client.
"""

from __future__ import annotations

import os
import sys

from tests.integration.edges import EdgeCase
from tests.integration.peers import start

_BACKEND = """
import socket
with socket.create_server(("10.91.2.2", 8000)) as server:
    print("ready", flush=True)
    while True:
        client, peer = server.accept()
        client.sendall(peer[0].encode())
        client.close()
"""
_CLIENT = """
import socket
with socket.create_connection(("10.91.1.1", 9000), timeout=10) as client:
    print(b"".join(iter(lambda: client.recv(100), b"")).decode())
"""


class TransparentTests(EdgeCase):
    """
    Making network namespaces takes root; CI is.
    """

    if os.geteuid() != 0:
        skip = "network namespaces take root"

    async def ip(self, *words: str) -> None:
        """
        Run ip(8); what it says is an error.
        """
        answer, status = await self.shell("ip", *words)
        self.assertEqual(status, 0, f"ip {' '.join(words)}: {answer}")

    async def hosts(self) -> dict[str, str]:
        """
        A client (10.91.1.2), an edge (10.91.1.1 and 10.91.2.1) and a backend (10.91.2.2) whose way
        to everywhere leads through the edge.

        @return: the namespaces' names.
        """
        names = {role: f"lb{os.getpid()}-{role}" for role in ("client", "edge", "backend")}
        for name in names.values():
            await self.ip("netns", "add", name)
            self.addCleanup(self.ip, "netns", "del", name)
        for net, role in (("1", "client"), ("2", "backend")):
            there, here = f"lbt{os.getpid() % 10000}{net}", f"lbh{os.getpid() % 10000}{net}"
            await self.ip("link", "add", here, "type", "veth", "peer", "name", there)
            for name, device, last in ((names["edge"], here, 1), (names[role], there, 2)):
                await self.ip("link", "set", device, "netns", name)
                inside = ("-n", name)
                await self.ip(*inside, "addr", "add", f"10.91.{net}.{last}/24", "dev", device)
                await self.ip(*inside, "link", "set", device, "up")
                await self.ip(*inside, "link", "set", "lo", "up")
            await self.ip("-n", names[role], "route", "add", "default", "via", f"10.91.{net}.1")
            if role == "backend":
                # What the backend answers to the client's address is for the edge itself.
                edge = ("-n", names["edge"])
                await self.ip(*edge, "rule", "add", "iif", here, "lookup", "100")
                await self.ip(
                    *edge, "route", "add", "local", "0.0.0.0/0", "dev", "lo", "table", "100"
                )
        return names

    async def test_backendSeesTheClient(self) -> None:
        """
        The backend's peer is the client's address, and the answer finds its way back.
        """
        names = await self.hosts()
        path = self.path("edge.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write("""
listeners: {relay: {bind: "10.91.1.1:9000", protocol: tcp, transparent: true, pool: p}}
pools: {p: {backends: ["10.91.2.2:8000"]}}
""")
        inside = ("ip", "netns", "exec")
        backend = await start(self, *inside, names["backend"], sys.executable, "-c", _BACKEND)
        await self.until(lambda: b"ready" in backend.output)
        command = (sys.executable, "-m", "lbproxy.cli", "run", path)
        edge = await start(self, *inside, names["edge"], *command)
        await self.until(lambda: b"listener relay on" in edge.output)
        ask = (*inside, names["client"], sys.executable, "-c", _CLIENT)
        answer, status = await self.shell(*ask)
        self.assertEqual((answer, status), ("10.91.1.2\n", 0), edge.output)
