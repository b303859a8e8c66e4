"""
Every file of tap-configs is started and driven with real traffic.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThread

from lbproxy.assembly import buildEdge
from lbproxy.config.load import loadConfiguration
from lbproxy.pool.backend import Health
from lbproxy.services.edge import EdgeService
from tests.certs import Authority
from tests.integration.edges import EdgeCase, Page, freePort, portOf, reactor
from tests.integration.peers import start

FOLDER = Path(__file__).resolve().parents[2] / "tap-configs"


class Echo(Protocol):
    """
    Sends back what it gets.
    """

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


def overTCP(port: int, data: bytes) -> bytes:
    """
    What a server answers before it closes.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(65536), b""))


def overUDP(port: int, data: bytes) -> bytes:
    """
    The first answer.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.sendto(data, ("127.0.0.1", port))
        return client.recv(65536)


class UDPEcho:
    """
    An echo of datagrams, in a thread of its own until its socket is closed.
    """

    def __init__(self) -> None:
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        reactor.callInThread(self.serve)

    def serve(self) -> None:
        """
        Until a datagram says stop.
        """
        while True:
            data, client = self.socket.recvfrom(65536)
            if data == b"stop":
                break
            self.socket.sendto(data, client)
        self.socket.close()

    def stop(self) -> None:
        """
        End the thread.
        """
        with socket.socket(type=socket.SOCK_DGRAM) as client:
            client.sendto(b"stop", ("127.0.0.1", self.port))


class TapConfigTests(EdgeCase):
    """
    The examples do what they say.
    """

    def begin(self, name: str, **environ: object) -> EdgeService:
        """
        Start an example with these variables; listeners take free ports.
        """
        variables = {key: str(value) for key, value in environ.items()}
        variables.setdefault("LISTEN", "127.0.0.1:0")
        variables["ACCESS_LOG"] = self.path("access.log")
        edge = buildEdge(reactor, loadConfiguration(str(FOLDER / name), variables))
        edge.grace = 0.2
        edge.startService()
        self.addCleanup(edge.stopService)
        return edge

    def echoTCP(self) -> int:
        port = reactor.listenTCP(0, Factory.forProtocol(Echo), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    async def allUp(self, edge: EdgeService) -> None:
        backends = [b for pool in edge.registry.pools.values() for b in pool.backends.values()]
        await self.until(lambda: all(b.health is Health.UP for b in backends))

    def test_allAreTested(self) -> None:
        """
        No example stands there without a test of its name.
        """
        names = {path.stem.replace("-", "_") for path in FOLDER.glob("*.yaml")}
        tests = {name.removeprefix("test_") for name in dir(self) if name.startswith("test_")}
        self.assertEqual(names - tests, set())

    async def test_http(self) -> None:
        """
        Two web servers, a fixed answer, a redirect.
        """
        b1, b2 = (f"127.0.0.1:{self.serve(Page(name))}" for name in ("b1", "b2"))
        edge = self.begin("http.yaml", BACKEND1=b1, BACKEND2=b2)
        await self.allUp(edge)
        url = f"http://127.0.0.1:{portOf(edge, 'web')}"
        answers = {(await self.shell("curl", "-s", url + "/"))[0] for _ in range(4)}
        self.assertEqual(answers, {"b1 GET / 0\n", "b2 GET / 0\n"})
        robots, _ = await self.shell("curl", "-s", url + "/robots.txt")
        self.assertTrue(robots.startswith("User-agent"))
        moved, _ = await self.shell("curl", "-si", url + "/x?y", "-H", "Host: www.example.com")
        self.assertIn("Location: https://example.com/x?y", moved)

    async def test_https_edge_with_cookie(self) -> None:
        """
        TLS and cookie on one listener, a redirect to it on the other.
        """
        authority = Authority()
        cert, key = authority.issue("localhost", "127.0.0.1").write(self.folder)
        edge = self.begin(
            "https-edge-with-cookie.yaml",
            LISTEN_PLAIN="127.0.0.1:0",
            ADMIN="127.0.0.1:0",
            CERT=cert,
            KEY=key,
            LBID_SECRET="a secret",
            BACKEND1=f"127.0.0.1:{self.serve(Page('b1'))}",
            BACKEND2=f"127.0.0.1:{self.serve(Page('b2'))}",
        )
        await self.allUp(edge)
        ca, jar = authority.write(self.folder), self.path("jar")
        url = f"https://127.0.0.1:{portOf(edge, 'secure')}/"
        curl = ("curl", "-s", "--cacert", ca, "-c", jar, "-b", jar, url)
        answers = {await self.shell(*curl) for _ in range(4)}
        self.assertEqual(len(answers), 1, answers)
        plain = f"http://127.0.0.1:{portOf(edge, 'plain')}/a?b=c"
        self.assertIn(
            "Location: https://127.0.0.1/a?b=c", (await self.shell("curl", "-si", plain))[0]
        )

    async def test_tcp(self) -> None:
        """
        Bytes pass both ways.
        """
        ports = self.echoTCP(), self.echoTCP()
        b1, b2 = (f"127.0.0.1:{port}" for port in ports)
        edge = self.begin("tcp.yaml", BACKEND1=b1, BACKEND2=b2)
        await self.allUp(edge)
        blob = os.urandom(300_000)
        self.assertEqual(await deferToThread(overTCP, portOf(edge, "relay"), blob), blob)

    async def test_udp(self) -> None:
        """
        Datagrams pass both ways, the largest too.
        """
        echoes = [UDPEcho() for _ in range(2)]
        for echo in echoes:
            self.addCleanup(echo.stop)
        b1, b2 = (f"127.0.0.1:{echo.port}" for echo in echoes)
        edge = self.begin("udp.yaml", BACKEND1=b1, BACKEND2=b2)
        await self.allUp(edge)
        blob = os.urandom(65507)
        self.assertEqual(await deferToThread(overUDP, portOf(edge, "relay"), blob), blob)

    async def test_postgres(self) -> None:
        """
        psql and pgbench work through the relay.
        """
        port = await self.postgres()
        edge = self.begin("postgres.yaml", BACKEND1=f"127.0.0.1:{port}")
        await self.allUp(edge)
        where = ("-h", "127.0.0.1", "-p", str(portOf(edge, "postgres")), "-U", "postgres")
        answer, _ = await self.shell("psql", *where, "-Atc", "select 6 * 7")
        self.assertEqual(answer, "42\n")
        bench = self.binary("pgbench")
        answer, status = await self.shell(bench, *where, "-i", "-q", "postgres")
        self.assertEqual(status, 0, answer)
        answer, status = await self.shell(bench, *where, "-c", "4", "-t", "50", "-S", "postgres")
        self.assertEqual(status, 0, answer)
        self.assertIn("200/200", answer)

    def binary(self, name: str) -> str:
        """
        A program of PostgreSQL's; Debian keeps some away from the path.
        """
        found = shutil.which(name)
        return found or str(sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))[-1])

    async def postgres(self) -> int:
        """
        A fresh server that trusts everybody; it refuses to run as root.
        """
        run: tuple[str, ...] = ()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
            run = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
        data, port = self.path("data"), freePort()
        made, status = await self.shell(
            *(run or ("env",)),
            self.binary("initdb"),
            "-N",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-D",
            data,
        )
        self.assertEqual(status, 0, made)
        await start(
            self, *(run or ("env",)), self.binary("postgres"), "-D", data, "-p", str(port),
            "-k", self.folder, "-F", "-c", "listen_addresses=127.0.0.1", port=port,
        )  # fmt: skip
        await self.answers(("psql", "-h", "127.0.0.1", "-p", str(port), "-U", "postgres", "-c", ""))
        return port

    async def answers(self, command: tuple[str, ...]) -> None:
        """
        Wait until a command succeeds.
        """
        while (await self.shell(*command))[1]:
            pass

    async def test_dns(self) -> None:
        """
        dig gets its answers over UDP and TCP; a thousand queries of fifty clients, too.
        """
        ports = freePort(), freePort()
        for number, port in enumerate(ports, 1):
            await start(
                self, "dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--bind-interfaces",
                "--listen-address=127.0.0.1", f"--port={port}", "--address=/example/192.0.2.7",
                f"--pid-file={self.path(f'dns{number}')}", "--user=root", port=port,
            )  # fmt: skip
        listen = freePort()
        b1, b2 = (f"127.0.0.1:{port}" for port in ports)
        edge = self.begin("dns.yaml", LISTEN=f"127.0.0.1:{listen}", BACKEND1=b1, BACKEND2=b2)
        await self.allUp(edge)
        dig = ("dig", "@127.0.0.1", "-p", str(listen), "+short", "+tries=1", "www.example")
        self.assertEqual(await self.shell(*dig), ("192.0.2.7\n", 0))
        self.assertEqual(await self.shell(*dig, "+tcp"), ("192.0.2.7\n", 0))
        answered = await deferToThread(manyQueries, listen, 50, 20)
        self.assertEqual(answered, 1000)


def manyQueries(port: int, clients: int, each: int) -> int:
    """
    @return: how many queries of how many sockets were answered with their own ID.
    """
    question = b"\x01\0\0\1\0\0\0\0\0\0\3www\7example\0\0\1\0\1"
    sockets = [socket.socket(type=socket.SOCK_DGRAM) for _ in range(clients)]
    good = 0
    for number in range(each):
        for client in sockets:
            client.settimeout(5)
            client.sendto(number.to_bytes(2, "big") + question, ("127.0.0.1", port))
        for client in sockets:
            good += client.recv(512)[:2] == number.to_bytes(2, "big")
    for client in sockets:
        client.close()
    return good
