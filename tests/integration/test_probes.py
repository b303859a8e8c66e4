"""
Do probes understand the real services? Redis, PostgreSQL, nginx and dnsmasq, started for the test.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor as theReactor
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TimedOut
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from lbproxy.config.address import Address
from lbproxy.config.payload import StatusRange
from lbproxy.health.checker import CheckSettings
from lbproxy.health.checks import Check, HealthChecks, Rota
from lbproxy.health.connecting import datagramLinker, streamDialer
from lbproxy.health.conversation import Dialogue, ProbeFailed
from lbproxy.health.datagram import DatagramProbe
from lbproxy.health.dns import DNSDialogue
from lbproxy.health.expected import Expected
from lbproxy.health.http import HTTPDialogue
from lbproxy.health.postgres import PostgresDialogue
from lbproxy.health.redis import RedisDialogue
from lbproxy.health.stream import StreamProbe
from lbproxy.health.tcp import TCPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.client import ClientTLS
from lbproxy.pool.backend import Backend, BackendSpec, Health
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry
from tests.certs import Authority

reactor: Any = theReactor

# Seconds within which a service must have started on a busy machine.
_PATIENCE = 30.0


class ServiceCase(TestCase):
    """
    Starts services in folders of their own, and ends them by their process.
    """

    timeout = 90

    def setUp(self) -> None:
        # Not under trial's folder: PostgreSQL's user cannot read that when it belongs to root.
        self.folder = Path(tempfile.mkdtemp(prefix="lbproxy-probes-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self, *command: object, user: str | None = None) -> subprocess.Popen[bytes]:
        """
        Run a service in the foreground until the test is over.
        """
        log = open(self.folder / "log", "ab")  # noqa: SIM115
        self.addCleanup(log.close)
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.folder,
            user=user,
        )
        self.addCleanup(self.stopLater, process)
        return process

    def stopLater(self, process: subprocess.Popen[bytes]) -> Deferred[None]:
        """
        For trial, which waits for Deferreds only.
        """
        return Deferred.fromCoroutine(self.stop(process))

    async def stop(self, process: subprocess.Popen[bytes]) -> None:
        """
        End a service; once more does no harm. The loop goes on meanwhile: PostgreSQL waits for our
        connections to be closed.
        """
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        end = reactor.seconds() + _PATIENCE
        while process.poll() is None:
            self.assertLess(reactor.seconds(), end, f"{process.args!r} does not end")
            await deferLater(reactor, 0.02)

    async def check(self, probe: Any, port: int) -> str:
        """
        How one check ended.
        """
        backend = Backend("web", BackendSpec("b", Address("127.0.0.1", port)))
        try:
            return str(await probe.check(backend).addTimeout(5, reactor))
        except ProbeFailed as failed:
            return f"failed: {failed.reason}"
        except TimedOut:
            return "timed out"

    async def untilPasses(self, probe: IProbe, port: int) -> None:
        """
        Wait for a service to come up.
        """
        words = ""
        end = reactor.seconds() + _PATIENCE
        while reactor.seconds() < end:
            words = await self.check(probe, port)
            if not words.startswith("failed") and words != "timed out":
                return
            await deferLater(reactor, 0.05)
        log = (self.folder / "log").read_text(errors="replace")
        self.fail(f"never came up: {words}\n{log}")


def stream(dialogue: Dialogue, tls: ClientTLS | None = None) -> StreamProbe:
    """
    A check over a real connection.
    """
    return StreamProbe(streamDialer(reactor, tls), dialogue)


def datagram(dialogue: Dialogue) -> DatagramProbe:
    """
    A check over real datagrams.
    """
    return DatagramProbe(datagramLinker(reactor), dialogue)


def freePort() -> int:
    """
    A port that was free a moment ago, for TCP and UDP.
    """
    with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        tcp.bind(("127.0.0.1", 0))
        number: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", number))
        return number


class RedisTests(ServiceCase):
    """
    redis-server.
    """

    def redis(self, *more: object) -> tuple[subprocess.Popen[bytes], int]:
        """
        Start one that keeps nothing.
        """
        port = freePort()
        process = self.start(
            "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", *more
        )
        return process, port

    async def test_knowsItsState(self) -> None:
        """
        Alive, in which role, and gone.
        """
        process, port = self.redis()
        await self.untilPasses(stream(RedisDialogue()), port)
        self.assertEqual(
            await self.check(stream(RedisDialogue(role="master")), port), "PONG, master"
        )
        self.assertEqual(
            await self.check(stream(RedisDialogue(role="replica")), port),
            "failed: it is master, wanted replica",
        )
        await self.stop(process)
        self.assertEqual(
            await self.check(stream(RedisDialogue()), port), "failed: connection refused"
        )

    async def test_knowsReplicas(self) -> None:
        """
        A replica whose master is gone still says what it is.
        """
        _, port = self.redis("--replicaof", f"127.0.0.1 {freePort()}")
        await self.untilPasses(stream(RedisDialogue()), port)
        self.assertEqual(
            await self.check(stream(RedisDialogue(role="replica")), port), "PONG, replica"
        )

    async def test_logsIn(self) -> None:
        """
        With the password it passes, without or with another one it does not.
        """
        _, port = self.redis("--requirepass", "s3cret")
        await self.untilPasses(stream(RedisDialogue(password="s3cret")), port)
        self.assertIn("NOAUTH", await self.check(stream(RedisDialogue()), port))
        self.assertIn("WRONGPASS", await self.check(stream(RedisDialogue(password="x")), port))

    async def test_isCheckedForAsLongAsItTakes(self) -> None:
        """
        A service that hangs goes down, one that wakes up comes back, and stopping leaves nothing.
        """
        process, port = self.redis()
        await self.untilPasses(stream(RedisDialogue()), port)
        registry = Registry()
        pool = registry.addPool(Pool("cache", [BackendSpec("r", Address("127.0.0.1", port))]))
        events: list[Any] = []
        registry.addObserver(events.append)
        settings = CheckSettings(interval=0.05, timeout=0.2, rise=2, fall=2)
        checks = HealthChecks(
            registry, pool, [Check(stream(RedisDialogue()), settings)], Rota(reactor)
        )
        checks.startService()
        self.addCleanup(checks.stopService)
        for act, state in (
            (None, Health.UP),
            (signal.SIGSTOP, Health.DOWN),
            (signal.SIGCONT, Health.UP),
        ):
            if act is not None:
                process.send_signal(act)
            await self.untilIs(pool.backends["r"], state)
        self.assertEqual(
            [event.reason for event in events],
            ["PONG", "no answer within 0.2 s, 2 in a row", "PONG, 2 in a row"],
        )

    async def untilIs(self, backend: Backend, state: Health) -> None:
        """
        Wait for a backend to be in C{state}.
        """
        end = reactor.seconds() + _PATIENCE
        while backend.health is not state:
            self.assertLess(reactor.seconds(), end, f"never {state}: {backend!r}")
            await deferLater(reactor, 0.02)


class PostgresTests(ServiceCase):
    """
    PostgreSQL.
    """

    def database(self) -> int:
        """
        A fresh cluster, that trusts C{postgres} and wants passwords of others.

        @return: its port.
        """
        user = None
        if os.geteuid() == 0:
            # It refuses to run as root.
            user = "postgres"
            os.chown(self.folder, pwd.getpwnam(user).pw_uid, -1)
        binaries = self.binaries()
        data = self.folder / "data"
        subprocess.run(
            [binaries / "initdb", "--no-sync", "-U", "postgres", "-A", "trust", "-D", data],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            user=user,
        )
        rules = ["postgres trust", "scram scram-sha-256", "old md5"]
        lines = [f"host all {rule.split()[0]} 127.0.0.1/32 {rule.split()[1]}" for rule in rules]
        (data / "pg_hba.conf").write_text("\n".join(["local all all trust", *lines, ""]))
        port = freePort()
        self.start(
            binaries / "postgres", "-D", data, "-p", port, "-k", self.folder, "-F",
            "-c", "listen_addresses=127.0.0.1", user=user,
        )  # fmt: skip
        return port

    def binaries(self) -> Path:
        """
        Debian keeps them away from the path.
        """
        found = shutil.which("initdb")
        if found is not None:
            return Path(found).resolve().parent
        return sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]

    def query(self, port: int, *statements: str) -> None:
        """
        Run statements as the superuser.
        """
        command = ["psql", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres"]
        text = "".join(f"{statement};\n" for statement in statements)
        subprocess.run(command, input=text.encode(), check=True, cwd=self.folder)

    async def test_knowsItsState(self) -> None:
        """
        Strangers are enough to see that it lives; users see its role, by every kind of login.
        """
        port = self.database()
        await self.untilPasses(stream(PostgresDialogue()), port)
        self.query(
            port,
            "create role scram login password 's3cret'",
            "set password_encryption = 'md5'",
            "create role old login password 's3cret'",
        )
        expected = [
            (PostgresDialogue("postgres", role="primary"), "PostgreSQL primary"),
            (
                PostgresDialogue("postgres", role="replica"),
                "failed: it is primary, wanted replica",
            ),
            (
                PostgresDialogue("scram", "postgres", "s3cret", "primary"),
                "PostgreSQL primary",
            ),
            (PostgresDialogue("old", "postgres", "s3cret"), "PostgreSQL ready"),
            (
                PostgresDialogue("scram", "postgres", "wrong"),
                'failed: PostgreSQL error 28P01: "password authentication failed for user "scram""',
            ),
            (
                PostgresDialogue("scram", "postgres", role="primary"),
                "failed: the server wants a password",
            ),
        ]
        for dialogue, words in expected:
            self.assertEqual(await self.check(stream(dialogue), port), words)
        # Nobody who was let in left without a goodbye.
        log = (self.folder / "log").read_text()
        self.assertNotIn("unexpected EOF", log)
        self.assertNotIn("reset by peer", log)


class NginxTests(ServiceCase):
    """
    nginx.
    """

    def nginx(self) -> tuple[int, int]:
        """
        @return: the ports for HTTP and for HTTPS.
        """
        plain, secure = freePort(), freePort()
        self.authority = Authority()
        cert, key = self.authority.issue("a.test").write(str(self.folder))
        (self.folder / "big").write_bytes(b"x" * 1_000_000)
        (self.folder / "conf").write_text(f"""
            daemon off; master_process off; pid {self.folder}/pid; error_log stderr info;
            events {{}}
            http {{
                access_log off; client_body_temp_path {self.folder}/body;
                proxy_temp_path {self.folder}/proxy; fastcgi_temp_path {self.folder}/fastcgi;
                uwsgi_temp_path {self.folder}/uwsgi; scgi_temp_path {self.folder}/scgi;
                server {{
                    listen 127.0.0.1:{plain}; listen 127.0.0.1:{secure} ssl;
                    ssl_certificate {cert}; ssl_certificate_key {key};
                    root {self.folder};
                    location /ok {{ return 200 "all is well\\n"; }}
                    location /host {{ return 200 "$host $http_x_check"; }}
                    location /busy {{ return 503; }}
                    location /moved {{ return 301 http://192.0.2.1/; }}
                    location /drop {{ return 444; }}
                }}
            }}
        """)
        self.start("nginx", "-p", self.folder, "-c", self.folder / "conf")
        return plain, secure

    async def test_knowsItsState(self) -> None:
        """
        Status, body, host and headers are what they are.
        """
        plain, secure = self.nginx()
        await self.untilPasses(stream(TCPDialogue()), plain)
        well = Expected(b"well")
        seen = Expected(b"shop.test 1")
        for dialogue, words in (
            (HTTPDialogue("/ok"), "HTTP 200"),
            (HTTPDialogue("/ok", "HEAD"), "HTTP 200"),
            (HTTPDialogue("/ok", expectBody=well), "HTTP 200"),
            (HTTPDialogue("/big", expectBody=well), 'failed: HTTP 200, but no "well" in the body'),
            (HTTPDialogue("/big"), "HTTP 200"),
            (
                HTTPDialogue("/host", host="shop.test", headers={"X-Check": "1"}, expectBody=seen),
                "HTTP 200",
            ),
            (HTTPDialogue("/busy"), "failed: HTTP 503, wanted 200-399"),
            (HTTPDialogue("/busy", expectStatus=[StatusRange(503, 503)]), "HTTP 503"),
            (HTTPDialogue("/moved"), "HTTP 301"),
            (HTTPDialogue("/drop"), "failed: closed at once"),
        ):
            self.assertEqual(await self.check(stream(dialogue), plain), words)
        await self.checkTLS(plain, secure)

    async def checkTLS(self, plain: int, secure: int) -> None:
        """
        The same over TLS, which verifies whom it talks to.
        """
        deadlines = Deadlines(reactor)
        self.addCleanup(deadlines.stop)
        ca = self.authority.write(str(self.folder))
        right = ClientTLS("a.test", ca=ca, deadlines=deadlines)
        wrong = ClientTLS("b.test", ca=ca, deadlines=deadlines)
        self.assertEqual(await self.check(stream(HTTPDialogue("/ok"), right), secure), "HTTP 200")
        self.assertIn("failed: ", await self.check(stream(HTTPDialogue("/ok"), wrong), secure))
        self.assertIn("failed: ", await self.check(stream(HTTPDialogue("/ok"), right), plain))


class DNSMasqTests(ServiceCase):
    """
    dnsmasq.
    """

    async def test_knowsItsState(self) -> None:
        """
        Answers by name, and refusals by ICMP.
        """
        port = freePort()
        process = self.start(
            "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
            "--no-hosts", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}",
            f"--user={pwd.getpwuid(os.geteuid()).pw_name}", "--pid-file=",
            "--address=/a.test/192.0.2.7", "--local=/b.test/",
            "--local=/c.test/", "--host-record=c.test,192.0.2.8",
        )  # fmt: skip
        await self.untilPasses(datagram(DNSDialogue("a.test", minAnswers=1)), port)
        for dialogue, words in (
            (DNSDialogue("c.test", "AAAA"), "DNS NOERROR"),
            (
                DNSDialogue("c.test", "AAAA", minAnswers=1),
                "failed: DNS NOERROR with 0 records, wanted 1",
            ),
            (DNSDialogue("x.b.test"), "failed: DNS NXDOMAIN, wanted NOERROR"),
            (DNSDialogue("x.b.test", expectCode=("NXDOMAIN",)), "DNS NXDOMAIN"),
            (DNSDialogue("elsewhere.example"), "failed: DNS REFUSED, wanted NOERROR"),
        ):
            self.assertEqual(await self.check(datagram(dialogue), port), words)
        await self.stop(process)
        self.assertEqual(
            await self.check(datagram(DNSDialogue("a.test")), port), "failed: connection refused"
        )
