"""
UDP through a whole edge: many clients, dead backends, large datagrams, several addresses.
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred, gatherResults

from tests.integration.edges import EdgeCase, freePort, later, portOf
from tests.integration.peers import start

reactor: Any = installedReactor

# Seconds until a question counts as not answered.
_PATIENCE = 10.0


class _Socket:
    """
    A UDP socket that the reactor reads.
    """

    def __init__(self, bind: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.bind(bind)
        reactor.addReader(self)

    def fileno(self) -> int:
        return self.sock.fileno()

    def logPrefix(self) -> str:
        return "test"

    def connectionLost(self, reason: object) -> None:
        if self.sock.fileno() >= 0:
            self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            reactor.addReader(self)

    def close(self) -> None:
        if self.sock.fileno() >= 0:
            reactor.removeReader(self)
            self.sock.close()


class Responder(_Socket):
    """
    Answers with its name and the question.
    """

    def __init__(self, name: bytes, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port))
        self.name = name
        self.port = self.sock.getsockname()[1]
        self.silent = False

    def doRead(self) -> None:
        data, client = self.sock.recvfrom(65_536)
        if not self.silent:
            self.sock.sendto((self.name + b":" + data)[:65_507], client)


class Asker(_Socket):
    """
    A client. Connected, so that an answer from another address than it asked would be lost.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        super().__init__()
        self.sock.connect((host, port))
        self._waiting: dict[bytes, Deferred[bytes]] = {}
        self.strange: list[bytes] = []

    def ask(self, question: bytes) -> Deferred[bytes]:
        """
        @return: fires with the answer's first word; fails if there is none in time.
        """
        answered: Deferred[bytes] = Deferred()
        answered.addTimeout(_PATIENCE, reactor)
        self._waiting[question] = answered
        self.sock.send(question)
        return answered

    def doRead(self) -> None:
        try:
            name, _, question = self.sock.recv(65_536).partition(b":")
        except OSError:
            return
        answered = self._waiting.pop(question, None)
        if answered is None:
            self.strange.append(question)
        else:
            answered.callback(name)


class UDPTests(EdgeCase):
    """
    Clients, an edge, backends.
    """

    def responders(self, *names: bytes) -> list[Responder]:
        responders = [Responder(name) for name in names]
        for responder in responders:
            self.addCleanup(responder.close)
        return responders

    def relaying(
        self, ports: list[int], bind: str = "127.0.0.1:0", udp: str = "", grace: float = 0.05
    ) -> int:
        """
        Start an edge before these ports.

        @return: its own.
        """
        backends = ", ".join(f'"127.0.0.1:{port}"' for port in ports)
        self.running = self.edge(
            f"""
listeners: {{dns: {{bind: "{bind}", protocol: udp, pool: ns, udp: {{{udp}}}}}}}
pools: {{ns: {{backends: [{backends}]}}}}
""",
            grace,
        )
        return portOf(self.running, "dns")

    def asker(self, port: int, host: str = "127.0.0.1") -> Asker:
        asker = Asker(port, host)
        self.addCleanup(asker.close)
        return asker

    async def test_thousandQuestions(self) -> None:
        """
        A thousand questions of fifty clients: each gets its own answer, and only that.
        """
        backends = self.responders(b"a", b"b")
        port = self.relaying([backend.port for backend in backends])
        askers = [self.asker(port) for _ in range(50)]
        counted: Counter[bytes] = Counter()
        for turn in range(20):
            questions = [
                asker.ask(b"%d of %d" % (turn, number)) for number, asker in enumerate(askers)
            ]
            counted.update(await gatherResults(questions, consumeErrors=True))
        self.assertEqual(counted, {b"a": 500, b"b": 500})
        self.assertEqual([asker.strange for asker in askers], [[]] * 50)

    async def test_closedPort(self) -> None:
        """
        A backend whose port is closed costs no client an answer.
        """
        (alive,) = self.responders(b"alive")
        # Nobody else can get its number, and it takes nothing from the relay: it is connected.
        closed = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(closed.close)
        closed.bind(("127.0.0.1", 0))
        closed.connect(closed.getsockname())
        port = self.relaying([closed.getsockname()[1], alive.port])
        names = [await self.asker(port).ask(b"%d" % number) for number in range(20)]
        self.assertEqual(names, [b"alive"] * 20)

    async def test_nobodyThere(self) -> None:
        """
        The listener survives that nobody is there, and serves when somebody is.
        """
        number = freePort()
        port = self.relaying([number])
        asker = self.asker(port)
        for _ in range(5):
            asker.sock.send(b"anybody?")
            await later(0.01)
        backend = Responder(b"back", number)
        self.addCleanup(backend.close)
        self.assertEqual(await asker.ask(b"now?"), b"back")

    async def test_diesUnderLoad(self) -> None:
        """
        A backend that dies among its sessions' questions: all are answered by the other one.
        """
        backends = self.responders(b"a", b"b")
        port = self.relaying([backend.port for backend in backends])
        askers = [self.asker(port) for _ in range(20)]
        for turn in range(20):
            if turn == 10:
                backends[0].close()
            questions = [asker.ask(b"%d" % turn) for asker in askers]
            names = await gatherResults(questions, consumeErrors=True)
        self.assertEqual(set(names), {b"b"})

    async def test_largest(self) -> None:
        """
        The largest datagram passes whole, both ways.
        """
        (backend,) = self.responders(b"")
        port = self.relaying([backend.port])
        question = os.urandom(65_506).replace(b":", b"_")
        self.assertEqual(await self.asker(port).ask(question), b"")

    async def test_answersFromTheAddressAsked(self) -> None:
        """
        On a wildcard address each answer comes from the address that was asked.
        """
        (backend,) = self.responders(b"a")
        port = self.relaying([backend.port], bind="0.0.0.0:0")
        for host in ("127.0.0.2", "127.0.0.1", "127.3.2.1"):
            self.assertEqual(await self.asker(port, host).ask(b"?"), b"a")

    async def test_drain(self) -> None:
        """
        While the edge stops, clients that are known go on, until they fall silent or the grace is
        over; new ones are not served.
        """
        (backend,) = self.responders(b"a")
        port = self.relaying([backend.port], udp="idleTimeout: 500ms", grace=5.0)
        old, new = self.asker(port), self.asker(port)
        await old.ask(b"before")
        stopped = self.running.stopService()
        new.sock.send(b"me too?")
        for number in range(5):
            self.assertEqual(await old.ask(b"%d" % number), b"a")
            await later(0.1)
        await stopped
        self.assertEqual(new.strange, [])

    async def test_dig(self) -> None:
        """
        DNS: dig asks dnsmasq through the edge, two hundred times.
        """
        number = freePort()
        hosts = [f"--address=/n{i}.test/192.0.2.{i}" for i in range(1, 201)]
        dnsmasq = await start(
            self,
            "dnsmasq",
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--listen-address=127.0.0.1",
            "--bind-interfaces",
            f"--port={number}",
            "--pid-file=",
            *hosts,
            port=number,
        )
        port = self.relaying([number])
        with open(self.path("names"), "w", encoding="ascii") as names:
            names.writelines(f"n{i}.test A\n" for i in range(1, 201))
        out, status = await self.shell(
            "dig", "@127.0.0.1", "-p", str(port), "+short", "+tries=1", "-f", self.path("names")
        )
        self.assertEqual(status, 0, out + dnsmasq.output.decode())
        self.assertEqual(out.split(), [f"192.0.2.{i}" for i in range(1, 201)])

    async def test_stream(self) -> None:
        """
        A steady stream of large datagrams to the backend, as iperf3 sends it: none is lost.
        """
        await self.stream()

    async def test_streamBack(self) -> None:
        """
        And one to the client.
        """
        await self.stream("-R")

    async def stream(self, *direction: str) -> None:
        # Its control connection takes the TCP listener on the same port.
        number, port = freePort(), freePort()
        await start(self, "iperf3", "-s", "-p", str(number), "-B", "127.0.0.1", port=number)
        self.edge(
            f"""
listeners:
  tcp: {{bind: "127.0.0.1:{port}", protocol: tcp, pool: iperf}}
  udp: {{bind: "127.0.0.1:{port}", protocol: udp, pool: iperf}}
pools: {{iperf: {{backends: ["127.0.0.1:{number}"]}}}}
""",
            grace=0.05,
        )
        command = ("iperf3", "-c", "127.0.0.1", "-p", str(port), "-u", "-b", "10M", "-t", "1")
        out, status = await self.shell(*command, "-l", "1200", "-J", *direction)
        self.assertEqual(status, 0, out)
        end = json.loads(out)["end"]
        self.assertIn("sum", end, out)
        self.assertGreater(end["sum"]["packets"], 500)
        self.assertLess(end["sum"]["lost_percent"], 1.0)
