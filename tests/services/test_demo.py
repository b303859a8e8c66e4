"""
Tests for L{lbproxy.services.demo}: what there is to see without any server of one's own.
"""

from __future__ import annotations

import io
import os
import re
import ssl
import stat
import sys
from typing import Any

from cryptography import x509
from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.protocol import DatagramProtocol, Protocol
from twisted.trial.unittest import TestCase
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, readBody
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from lbproxy.assembly import buildEdge
from lbproxy.config.load import loadConfiguration
from lbproxy.services.demo import Demo, selfSigned

reactor: Any = installedReactor
ANY = dict.fromkeys(("http", "https", "tcp", "udp", "admin"), 0)


class Stream(Protocol):
    """
    Says hello, and keeps what it hears.
    """

    def __init__(self) -> None:
        self.data = b""
        self.heard: Deferred[bytes] = Deferred()

    def connectionMade(self) -> None:
        """
        Hello.
        """
        assert self.transport is not None
        self.transport.write(b"hello")

    def dataReceived(self, data: bytes) -> None:
        """
        Until it is all.
        """
        self.data += data
        if len(self.data) >= 5:
            self.heard.callback(self.data)


class Datagrams(DatagramProtocol):
    """
    Keeps the first datagram.
    """

    def __init__(self) -> None:
        self.heard: Deferred[bytes] = Deferred()

    def datagramReceived(self, datagram: bytes, address: object) -> None:
        """
        Here it is.
        """
        self.heard.callback(datagram)


class DemoTests(TestCase):
    """
    The whole demo, on ports of the kernel's choosing.
    """

    timeout = 30

    def setUp(self) -> None:
        self.demo = Demo(reactor, dict(ANY))
        self.path = self.demo.prepare()
        self.addCleanup(self.demo.stop)
        self.out = io.StringIO()
        self.patch(sys, "stdout", _Terminal(self.out))
        self.edge = buildEdge(reactor, loadConfiguration(self.path))
        self.demo.attach(self.edge)
        self.edge.startService()
        self.addCleanup(self.edge.stopService)
        self.edge.grace = 0.5

    def port(self, name: str) -> int:
        """
        That of a listener.
        """
        listeners = [*self.edge.listeners, self.edge.admin]
        listener: Any = next(each for each in listeners if each is not None and each.name == name)
        number: int = listener.ports[0].getHost().port
        return number

    async def get(self, url: str, cookie: str = "") -> tuple[IResponse, str]:
        """
        A page.
        """
        with open(os.path.join(os.path.dirname(self.path), "demo.pem"), "rb") as file:
            from twisted.internet.ssl import Certificate

            agent = Agent(reactor, BrowserLikePolicyForHTTPS(Certificate.loadPEM(file.read())))
        headers = Headers({"Cookie": [cookie]} if cookie else {})
        answer: IResponse = await agent.request(b"GET", url.encode(), headers)
        return answer, (await readBody(answer)).decode()

    async def test_http(self) -> None:
        """
        One of three backends answers and tells what it got; with its cookie always the same one.
        """
        url = f"http://127.0.0.1:{self.port('web')}/x"
        names = set()
        for _ in range(9):
            answer, body = await self.get(url)
            self.assertEqual(answer.code, 200)
            names.add(body.split()[2].rstrip("."))
            self.assertIn("GET /x\n", body)
            self.assertIn("X-Forwarded-For: 127.0.0.1\n", body)
        self.assertEqual(names, {"red", "green", "blue"})
        fields = answer.headers.getRawHeaders("Set-Cookie")
        assert fields is not None
        cookie = fields[0].partition(";")[0]
        again = {(await self.get(url, cookie))[1].split()[2] for _ in range(4)}
        self.assertEqual(again, {body.split()[2]})

    async def test_https(self) -> None:
        """
        The same over TLS, with a certificate that fits.
        """
        answer, body = await self.get(f"https://localhost:{self.port('secure')}/")
        self.assertEqual(answer.code, 200)
        self.assertIn("X-Forwarded-Proto: https\n", body)

    async def test_echoes(self) -> None:
        """
        What is sent through the relays comes back.
        """
        stream = Stream()
        endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", self.port("echo-tcp"))
        await connectProtocol(endpoint, stream)
        self.assertEqual(await stream.heard, b"hello")
        assert stream.transport is not None
        stream.transport.loseConnection()
        datagrams = Datagrams()
        port = reactor.listenUDP(0, datagrams, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        port.write(b"hello", ("127.0.0.1", self.port("echo-udp")))
        self.assertEqual(await datagrams.heard, b"hello")

    async def test_admin(self) -> None:
        """
        The registry shows the pools.
        """
        _, body = await self.get(f"http://127.0.0.1:{self.port('admin')}/api/pools")
        for name in ("red", "green", "blue", "echo-tcp", "echo-udp"):
            self.assertIn(f'"{name}"', body)

    def test_saysWhatToTry(self) -> None:
        """
        Lines to copy: they name the ports.
        """
        text = self.out.getvalue()
        for word in ("curl", "openssl", "nc -N", "nc -u", "/api/pools", "Ctrl-C"):
            self.assertIn(word, text)
        self.assertEqual(len(re.findall(r"127\.0\.0\.1[: ]0", text)), 7)

    async def test_end(self) -> None:
        """
        At the end the backends and the files are gone.
        """
        ports = [port.getHost().port for port in self.demo._open[:3]]
        await self.edge.stopService()
        self.assertFalse(os.path.exists(self.path))
        for port in ports:
            endpoint = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
            await self.assertFailure(connectProtocol(endpoint, Protocol()), ConnectionRefusedError)


class _Terminal:
    """
    Standard output that the access log can write to, too.
    """

    def __init__(self, out: io.StringIO) -> None:
        self._out = out
        self._null = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115

    def write(self, text: str) -> int:
        """
        What is printed.
        """
        return self._out.write(text)

    def flush(self) -> None:
        """
        Nothing waits.
        """

    def fileno(self) -> int:
        """
        Where the log goes.
        """
        return self._null.fileno()


class FilesTests(TestCase):
    """
    What is written.
    """

    def test_private(self) -> None:
        """
        The key is for nobody else, and neither is the folder.
        """
        demo = Demo(reactor, dict(ANY))
        path = demo.prepare()
        folder = os.path.dirname(path)
        self.assertEqual(stat.S_IMODE(os.stat(folder).st_mode), 0o700)
        key = os.path.join(folder, "demo.key")
        self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
        demo.stop()
        self.assertFalse(os.path.exists(folder))
        demo.stop()

    def test_certificate(self) -> None:
        """
        Good for loopback by name and by address, for some days.
        """
        folder = self.mktemp()
        os.mkdir(folder)
        selfSigned(folder)
        with open(os.path.join(folder, "demo.pem"), "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), ["localhost"])
        self.assertEqual(list(map(str, names.get_values_for_type(x509.IPAddress))), ["127.0.0.1"])
        days = (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days
        self.assertTrue(1 < days < 31)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(os.path.join(folder, "demo.pem"), os.path.join(folder, "demo.key"))

    def test_secretsDiffer(self) -> None:
        """
        No two demos sign their cookies with the same secret.
        """
        secrets = set()
        for _ in range(2):
            demo = Demo(reactor, dict(ANY))
            with open(demo.prepare(), encoding="utf-8") as file:
                secrets.update(re.findall(r'secret: "(\w+)"', file.read()))
            demo.stop()
        self.assertEqual(len(secrets), 2)

    def test_usualPorts(self) -> None:
        """
        Without a wish they are those of the README.
        """
        ports = {"http": 8080, "https": 8443, "tcp": 9000, "udp": 9053, "admin": 9901}
        self.assertEqual(Demo(reactor).ports, ports)
