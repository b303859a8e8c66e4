"""
Our TLS against openssl and curl, both sides.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import Factory, ProcessProtocol, Protocol, connectionDone
from twisted.python.failure import Failure

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialing import dial
from lbproxy.net.listening import listenStream
from lbproxy.net.tls.client import ClientTLS
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.server import ServerTLS
from tests.certs import Authority
from tests.integration.edges import EdgeCase, freePort
from tests.integration.peers import start

reactor: Any = installedReactor

_BODY = os.urandom(1 << 20) * 12


class Web(Protocol):
    """
    HTTP as far as curl needs it: C{GET} gives L{_BODY}, C{PUT} the sum of what was sent.
    """

    def __init__(self) -> None:
        self._seen = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end:
            return
        if head.startswith(b"GET"):
            self._answer(_BODY)
        elif len(body) == len(_BODY):
            self._answer(hashlib.sha256(body).hexdigest().encode())

    def _answer(self, body: bytes) -> None:
        transport: Any = self.transport
        transport.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        transport.write(body)
        transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class Echo(Protocol):
    """
    Says what it hears.
    """

    lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class Remembering(Factory):
    """
    @ivar made: the protocols.
    """

    noisy = False

    def __init__(self, kind: type[Protocol]) -> None:
        self._kind = kind
        self.made: list[Any] = []

    def buildProtocol(self, addr: Any) -> Protocol:
        self.made.append(self._kind())
        return self.made[-1]  # type: ignore[no-any-return]


class PeersCase(EdgeCase):
    """
    Certificates, and a listener.
    """

    def setUp(self) -> None:
        super().setUp()
        self.deadlines = Deadlines(reactor)
        self.deadlines.start()
        self.addCleanup(self.deadlines.stop)
        self.authority = Authority()
        self.ca = self.authority.write(self.folder)

    def listen(self, kind: type[Protocol] = Echo, **options: Any) -> int:
        """
        @return: the port.
        """
        pairs = [
            self.authority.issue(name).write(self.folder, name.replace("*", "any"))
            for name in ("first.test", "*.shop.test")
        ]
        self.tls = ServerTLS(pairs, deadlines=self.deadlines, **options)
        self.factory = Remembering(kind)
        address = Address("127.0.0.1", 0)
        port = listenStream(reactor, address, self.factory, tls=self.tls)
        self.addCleanup(port.stopListening)
        host: Any = port.getHost()
        number: int = host.port
        return number

    async def client(self, port: int, *options: str) -> tuple[str, int]:
        """
        C{openssl s_client}, which ends after the handshake.
        """
        where = f"127.0.0.1:{port}"
        command = ["openssl", "s_client", "-connect", where, "-CAfile", self.ca, *options]
        return await self.shell("sh", "-c", 'exec "$@" </dev/null', "sh", *command)


class OpenSSLClientTests(PeersCase):
    """
    C{openssl s_client} comes to our listener.
    """

    async def test_certificateVersionAndALPN(self) -> None:
        """
        It verifies the certificate for its name, in each version, and agrees on a protocol.
        """
        port = self.listen(alpn=[b"http/1.1"])
        for version in ("-tls1_2", "-tls1_3"):
            for name in ("first.test", "www.shop.test"):
                out, _ = await self.client(
                    port, version, "-servername", name, "-verify_hostname", name,
                    "-verify_return_error", "-alpn", "h2,http/1.1",
                )  # fmt: skip
                self.assertIn("Verify return code: 0 (ok)", out)
                self.assertIn("ALPN protocol: http/1.1", out)
        self.assertEqual(self.tls.handshakes, 4)

    async def test_refusals(self) -> None:
        """
        It hears why it is refused: no protocol in common, an old version, a weak cipher.
        """
        port = self.listen(alpn=[b"http/1.1"])
        for options, alert in (
            (["-alpn", "smtp"], "alert no application protocol"),
            (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], "alert protocol version"),
            (["-tls1_2", "-cipher", "AES128-SHA"], "alert handshake failure"),
        ):
            out, status = await self.client(port, *options)
            self.assertIn(alert, out)
            self.assertNotEqual(status, 0)
        self.assertEqual(sum(self.tls.failed.values()), 3)

    async def test_resumption(self) -> None:
        """
        It resumes, with tickets and without, in each version.
        """
        for tickets in (True, False):
            port = self.listen(sessionTickets=tickets)
            for version in ("-tls1_2", "-tls1_3"):
                session = self.path("session")
                asked = ["-servername", "www.shop.test", version]
                await self.sessionOf(port, session, *asked)
                out, _ = await self.client(port, *asked, "-sess_in", session)
                self.assertIn("Reused, ", out)
            self.assertEqual(self.tls.resumed, 2)

    async def sessionOf(self, port: int, path: str, *options: str) -> None:
        """
        Writes one to a file. The tickets of TLS 1.3 come after the handshake: wait for the echo.
        """
        talk = Conversation(b"hello\n", b"Q\n")
        await talk.run(self, port, "-sess_out", path, *options)

    async def test_clientCertificates(self) -> None:
        """
        Only who has the right certificate comes in.
        """
        port = self.listen(clientAuth=ClientAuth(self.ca))
        cert, key = self.authority.issue(client=True).write(self.folder, "client")
        talk = Conversation(b"hello\n", b"Q\n")
        await talk.run(self, port, "-cert", cert, "-key", key)
        self.assertIn(b"hello\n", talk.output)
        out, _ = await self.client(port, "-tls1_2", "-servername", "www.shop.test")
        self.assertIn("alert handshake failure", out)

    async def test_keyUpdate(self) -> None:
        """
        New keys in the middle of a connection, as the client likes.
        """
        port = self.listen()
        talk = Conversation(b"one\n", b"K\n", b"two\n", b"k\n", b"three\n", b"Q\n")
        await talk.run(self, port, "-tls1_3")
        for word in (b"one", b"two", b"three"):
            self.assertIn(word, talk.output)
        [echo] = self.factory.made
        await self.until(lambda: echo.lost)
        self.assertEqual(echo.lost.type, ConnectionDone)


class Conversation(ProcessProtocol):
    """
    C{openssl s_client} told line by line what to say; the next one after an answer to the last.
    """

    def __init__(self, *lines: bytes) -> None:
        self._lines = list(lines)
        self._awaited = b"Verify return code"
        self._mark = 0
        self.output = b""
        self._ended: Deferred[None] = Deferred()

    async def run(self, case: PeersCase, port: int, *options: str) -> None:
        """
        Until the end.
        """
        command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", *options]
        reactor.spawnProcess(self, "/usr/bin/openssl", command, os.environ, case.folder)
        await self._ended

    def outReceived(self, data: bytes) -> None:
        self.output += data
        while self._lines and self._awaited in self.output[self._mark :]:
            self._mark = len(self.output)
            line = self._lines.pop(0)
            assert self.transport is not None
            self.transport.write(line)
            self._awaited = b"KEYUPDATE" if line in (b"K\n", b"k\n") else line

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self._ended.callback(None)


class CurlTests(PeersCase):
    """
    C{curl} comes to our listener.
    """

    async def curl(self, port: int, *options: str) -> tuple[str, int]:
        """
        Asks for C{www.shop.test}.
        """
        name = "www.shop.test"
        return await self.shell(
            "curl", "-sS", "--cacert", self.ca, "--resolve", f"{name}:{port}:127.0.0.1",
            *options, f"https://{name}:{port}/",
        )  # fmt: skip

    async def test_download(self) -> None:
        """
        Much arrives whole, in each version, and ends well.
        """
        port = self.listen(Web, alpn=[b"http/1.1"])
        for version in ("1.2", "1.3"):
            target = self.path("body")
            out, status = await self.curl(port, "--tls-max", version, "-o", target)
            self.assertEqual((out, status), ("", 0))
            with open(target, "rb") as body:
                self.assertEqual(body.read(), _BODY)
        await self.until(lambda: all(each.lost for each in self.factory.made))
        self.assertEqual({each.lost.type for each in self.factory.made}, {ConnectionDone})

    async def test_slowDownload(self) -> None:
        """
        A slow client gets everything, though the connection is closing all the while.
        """
        port = self.listen(Web, closeTimeout=0.5)
        target = self.path("body")
        _, status = await self.curl(port, "--limit-rate", "6M", "-o", target)
        self.assertEqual(status, 0)
        self.assertEqual(os.path.getsize(target), len(_BODY))

    async def test_upload(self) -> None:
        """
        Much is taken in.
        """
        port = self.listen(Web)
        source = self.path("upload")
        with open(source, "wb") as out:
            out.write(_BODY)
        answer, status = await self.curl(port, "-H", "Expect:", "-T", source)
        self.assertEqual((answer, status), (hashlib.sha256(_BODY).hexdigest(), 0))

    async def test_givesUp(self) -> None:
        """
        A client that goes in the middle is noticed.
        """
        port = self.listen(Web)
        _, status = await self.curl(port, "--max-time", "0.3", "--limit-rate", "100k")
        self.assertEqual(status, 28)
        [web] = self.factory.made
        await self.until(lambda: web.lost)
        self.assertNotEqual(web.lost.type, ConnectionDone)


class Asking(Protocol):
    """
    Asks C{openssl s_server -www} for its page.
    """

    def __init__(self) -> None:
        self.page = b""
        self.done: Deferred[str] = Deferred()

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(b"GET / HTTP/1.0\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        self.page += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.done.callback(type(reason.value).__name__)

    def connectFailed(self, failure: Failure) -> None:
        """
        For C{dial}.
        """
        self.done.callback(str(failure.value))


class OpenSSLServerTests(PeersCase):
    """
    We go to C{openssl s_server}.
    """

    async def openssl(self, *options: str) -> int:
        """
        @return: its port.
        """
        port = freePort()
        cert, key = self.authority.issue("backend.test").write(self.folder, "backend")
        where = ["-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key]
        await start(self, "openssl", "s_server", "-www", *where, *options, port=port)
        return port

    def to(self, name: str, **options: Any) -> ClientTLS:
        """
        A client that trusts our authority.
        """
        return ClientTLS(name, ca=self.ca, deadlines=self.deadlines, **options)

    async def ask(self, port: int, tls: ClientTLS) -> tuple[str, str]:
        """
        @return: how it ended, and the page.
        """
        asking = Asking()
        dial(reactor, Address("127.0.0.1", port), asking, timeout=10.0, tls=tls)
        return await asking.done, asking.page.decode("utf-8", "replace")

    async def test_versions(self) -> None:
        """
        Each version works, and the name is verified.
        """
        for option, version in (("-no_tls1_3", "TLSv1.2"), ("-no_tls1_2", "TLSv1.3")):
            port = await self.openssl(option)
            ended, page = await self.ask(port, self.to("backend.test"))
            self.assertIn(version, page)
            self.assertIn(ended, (ConnectionDone.__name__, ConnectionLost.__name__))
            ended, _ = await self.ask(port, self.to("other.test"))
            self.assertEqual(ended, "TLS: its certificate is for backend.test, not for other.test")

    async def test_ownCertificate(self) -> None:
        """
        Our certificate is shown to those who ask.
        """
        port = await self.openssl("-Verify", "2", "-verify_return_error", "-CAfile", self.ca)
        cert, key = self.authority.issue(commonName="the edge", client=True).write(self.folder)
        tls = self.to("backend.test", cert=cert, key=key)
        _, page = await self.ask(port, tls)
        self.assertIn("the edge", page)
        ended, page = await self.ask(port, self.to("backend.test"))
        self.assertEqual((ended, page), (ConnectionLost.__name__, ""))

    async def test_oldServer(self) -> None:
        """
        Nobody is spoken to in a version that is too old.
        """
        port = await self.openssl("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        ended, _ = await self.ask(port, self.to("backend.test"))
        self.assertIn("protocol version", ended)
