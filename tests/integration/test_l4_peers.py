"""
Real protocols through the relays, while a backend dies or drains: Redis, SSH, iperf3 over TCP and
UDP, PostgreSQL.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from lbproxy.pool.backend import AdminState, Health
from tests.integration.edges import EdgeCase, freePort, portOf
from tests.integration.peers import Peer, start


class RelayedPeersTests(EdgeCase):
    """
    Tools that people use, with the relay between client and server.
    """

    async def redis(self) -> tuple[Peer, int]:
        """
        A Redis without persistence.
        """
        port = freePort()
        server = await start(
            self, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no", "--dir", self.folder, port=port,
        )  # fmt: skip
        return server, port

    async def test_redisBenchmark(self) -> None:
        """
        redis-benchmark runs through the relay; with one of two servers killed and the other drained
        and taken back, new connections go on being served.
        """
        (first, one), (_, two) = await self.redis(), await self.redis()
        edge = self.edge(f"""
listeners: {{relay: {{bind: "127.0.0.1:0", protocol: tcp, pool: redis}}}}
pools:
  redis:
    healthCheck: {{redis: {{}}, interval: 200ms, timeout: 200ms, rise: 1, fall: 2}}
    backends: ["127.0.0.1:{one}", "127.0.0.1:{two}"]
""")
        pool = edge.registry.pool("redis")
        await self.until(lambda: all(b.health is Health.UP for b in pool.backends.values()))
        port = str(portOf(edge, "relay"))
        bench = ("redis-benchmark", "-p", port, "-q", "-t", "ping_inline,set,get", "-n", "3000")
        report, status = await self.shell(*bench, "-c", "20")
        self.assertEqual(status, 0, report)
        self.assertNotIn("rror", report)
        await first.stop("KILL")
        victim, other = pool.backends[f"127.0.0.1:{one}"], pool.backends[f"127.0.0.1:{two}"]
        # The kill may not be known yet: who can't be reached is passed over.
        for _ in range(4):
            self.assertEqual(await self.shell("redis-cli", "-p", port, "ping"), ("PONG\n", 0))
        await self.until(lambda: victim.health is Health.DOWN)
        pool.setAdmin(other, AdminState.DRAIN)
        answer, _ = await self.shell("redis-cli", "-p", port, "ping")
        self.assertNotIn("PONG", answer)
        pool.setAdmin(other, AdminState.READY)
        self.assertEqual(await self.shell("redis-cli", "-p", port, "ping"), ("PONG\n", 0))

    async def test_iperf(self) -> None:
        """
        iperf3 moves bytes both ways over TCP, and datagrams over UDP beside its TCP control.
        """
        port = freePort()
        await start(self, "iperf3", "-s", "-p", str(port), "-B", "127.0.0.1", port=port)
        edge = self.edge(f"""
listeners:
  tcp: {{bind: "127.0.0.1:0", protocol: tcp, pool: p}}
pools: {{p: {{backends: ["127.0.0.1:{port}"]}}}}
""")
        through = portOf(edge, "tcp")
        both = self.edge(f"""
listeners: {{udp: {{bind: "127.0.0.1:{through}", protocol: udp, pool: p}}}}
pools: {{p: {{backends: ["127.0.0.1:{port}"]}}}}
""")
        iperf = ("iperf3", "-c", "127.0.0.1", "-p", str(through), "-J", "-n", "200M")
        for direction in ((), ("-R",)):
            text, status = await self.shell(*iperf, *direction)
            self.assertEqual(status, 0, text)
            self.assertGreater(json.loads(text)["end"]["sum_received"]["bytes"], 150_000_000)
        udp = ("iperf3", "-c", "127.0.0.1", "-p", str(through), "-J", "-u", "-b", "20M", "-n", "5M")
        text, status = await self.shell(*udp)
        self.assertEqual(status, 0, text)
        result = json.loads(text)["end"]["sum"]
        self.assertLess(result["lost_percent"], 5)
        self.assertTrue(both.ready)

    async def test_ssh(self) -> None:
        """
        A command over ssh, with its output and its status.
        """
        sshd = shutil.which("sshd", path="/usr/sbin:/usr/bin")
        assert sshd is not None, "sshd is not installed; .ci/run installs it"
        for name in ("host", "user"):
            made = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.path(name))
            self.assertEqual((await self.shell(*made))[1], 0)
        Path(self.path("authorized")).write_text(Path(self.path("user.pub")).read_text())
        os.makedirs("/run/sshd", exist_ok=True)
        port = freePort()
        options = (
            f"HostKey={self.path('host')}", f"AuthorizedKeysFile={self.path('authorized')}",
            "StrictModes=no", "UsePAM=no", "PermitRootLogin=yes", "ListenAddress=127.0.0.1",
        )  # fmt: skip
        flags = [word for option in options for word in ("-o", option)]
        await start(self, sshd, "-D", "-e", "-f", "/dev/null", "-p", str(port), *flags, port=port)
        edge = self.edge(f"""
listeners: {{relay: {{bind: "127.0.0.1:0", protocol: tcp, pool: p}}}}
pools: {{p: {{backends: ["127.0.0.1:{port}"]}}}}
""")
        ssh = (
            "ssh", "-p", str(portOf(edge, "relay")), "-i", self.path("user"), "-F", "/dev/null",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "127.0.0.1",
        )  # fmt: skip
        answer, status = await self.shell(*ssh, "head -c 3000000 /dev/zero | wc -c; exit 7")
        self.assertEqual((answer, status), ("3000000\n", 7))
