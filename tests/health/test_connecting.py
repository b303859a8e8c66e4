"""
Promises of L{lbproxy.health.connecting}, over real sockets on loopback.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from OpenSSL import SSL
from twisted.internet import reactor as theReactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IOpenSSLContextFactory
from twisted.internet.protocol import DatagramProtocol, Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.health.connecting import datagramLinker, streamDialer
from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.datagram import DatagramProbe
from lbproxy.health.expected import Expected
from lbproxy.health.stream import StreamProbe
from lbproxy.health.tcp import Step, TCPDialogue
from lbproxy.health.tls import CertificateInspector
from lbproxy.health.udp import UDPDialogue
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.client import ClientTLS
from tests.certs import Authority, Leaf
from tests.health.doubles import aBackend

reactor: Any = theReactor


class Greeter(Protocol):
    """
    Says hello to everybody, and tells when somebody left.
    """

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello\n")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        factory: Any = self.factory
        factory.left.callback(None)


class Echo(DatagramProtocol):
    """
    Sends everything back.
    """

    def datagramReceived(self, data: bytes, peer: Any) -> None:
        assert self.transport is not None
        self.transport.write(data, peer)


HELLO = TCPDialogue([Step(expect=Expected(b"hello"))])


class StreamTests(TestCase):
    """
    Checks over TCP and TLS.
    """

    def listen(self, context: SSL.Context | None = None) -> int:
        """
        Greet whoever comes.

        @return: the port.
        """
        factory: Any = Factory()
        factory.protocol = Greeter
        self.left: Deferred[None] = Deferred()
        factory.left = self.left
        if context is None:
            port = reactor.listenTCP(0, factory, interface="127.0.0.1")
        else:
            port = reactor.listenSSL(0, factory, Context(context), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    async def test_passes(self) -> None:
        """
        The connection is closed when the check is over.
        """
        port = self.listen()
        probe = StreamProbe(streamDialer(reactor), HELLO)
        self.assertEqual(await probe.check(aBackend(f"127.0.0.1:{port}")), "answered as expected")
        await self.left

    async def test_isRefused(self) -> None:
        """
        A port on which nobody listens fails with that reason.
        """
        probe = StreamProbe(streamDialer(reactor), HELLO)
        try:
            await probe.check(aBackend(f"127.0.0.1:{closedPort(socket.SOCK_STREAM)}"))
        except ProbeFailed as failed:
            self.assertEqual(failed.reason, "connection refused")
        else:
            self.fail("it passed")

    async def test_isCancelled(self) -> None:
        """
        A cancelled check leaves no connection.
        """
        port = self.listen()
        silent = TCPDialogue([Step(expect=Expected(b"goodbye"))])
        check = StreamProbe(streamDialer(reactor), silent).check(aBackend(f"127.0.0.1:{port}"))
        reactor.callLater(0.05, check.cancel)
        try:
            await check
        except CancelledError:
            await self.left
        else:
            self.fail("it passed")

    async def checkTLS(self, leaf: Leaf, name: str = "a.test", **inspect: Any) -> str:
        """
        How a check over TLS ended, against a server that shows C{leaf}.
        """
        folder = self.mktemp()
        os.mkdir(folder)
        cert, key = leaf.write(folder)
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(cert)
        context.use_privatekey_file(key)
        port = self.listen(context)
        deadlines = Deadlines(reactor)
        self.addCleanup(deadlines.stop)
        tls = ClientTLS(name, ca=authority.write(folder), deadlines=deadlines)
        inspector = CertificateInspector(**inspect)
        probe = StreamProbe(streamDialer(reactor, tls), HELLO, inspect=inspector)
        try:
            return str(await probe.check(aBackend(f"127.0.0.1:{port}")))
        except ProbeFailed as failed:
            return f"failed: {failed.reason}"
        finally:
            await self.left

    async def test_passesOverTLS(self) -> None:
        """
        A certificate that is good passes.
        """
        words = await self.checkTLS(authority.issue("a.test"))
        self.assertEqual(words, "answered as expected")

    async def test_verifiesTheName(self) -> None:
        """
        A certificate for somebody else fails.
        """
        self.assertIn("failed: ", words := await self.checkTLS(authority.issue("b.test")))
        self.assertIn("a.test", words)

    async def test_verifiesTheDates(self) -> None:
        """
        A certificate that has expired fails.
        """
        words = await self.checkTLS(authority.issue("a.test", days=(-2, -1)))
        self.assertIn("expired", words)

    async def test_looksAhead(self) -> None:
        """
        A certificate that expires soon fails where that is wanted.
        """
        words = await self.checkTLS(authority.issue("a.test", days=(-2, 1.5)), failWithin=2 * 86400)
        self.assertEqual(words, "failed: the certificate expires in 1 day")


class DatagramTests(TestCase):
    """
    Checks over UDP.
    """

    async def test_passes(self) -> None:
        """
        The answer of a real service is heard.
        """
        port = reactor.listenUDP(0, Echo(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        probe = DatagramProbe(datagramLinker(reactor), UDPDialogue(b"ping", Expected(b"ping")))
        seen = await probe.check(aBackend(f"127.0.0.1:{port.getHost().port}"))
        self.assertEqual(seen, "answered 4 bytes")

    async def test_header(self) -> None:
        """
        A header goes before the payload, in the same datagram.
        """
        port = reactor.listenUDP(0, Echo(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        linker = datagramLinker(reactor, b"header ")
        probe = DatagramProbe(linker, UDPDialogue(b"ping", Expected(b"header ping")))
        seen = await probe.check(aBackend(f"127.0.0.1:{port.getHost().port}"))
        self.assertEqual(seen, "answered 11 bytes")

    async def test_isRefused(self) -> None:
        """
        The ICMP error of a closed port arrives, on a reactor that takes it for a hang-up.
        """
        probe = DatagramProbe(datagramLinker(reactor), UDPDialogue(b"ping"))
        check = probe.check(aBackend(f"127.0.0.1:{closedPort(socket.SOCK_DGRAM)}"))
        check.addTimeout(5, reactor)
        try:
            await check
        except ProbeFailed as failed:
            self.assertEqual(failed.reason, "connection refused")
        else:
            self.fail("it passed")


class Receiver:
    """
    Notes what a link tells.
    """

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.refusals: list[str] = []

    def answerReceived(self, data: bytes) -> None:
        """
        Note it.
        """
        self.answers.append(data)

    def refused(self, reason: str) -> None:
        """
        Note it.
        """
        self.refusals.append(reason)


class FakeReactor:
    """
    Resolves names when the test wants it to.
    """

    def __init__(self) -> None:
        self.readers: list[Any] = []
        self.addReader = self.readers.append
        self.removeReader = self.readers.remove
        self.nameResolver = self
        self.asked: list[Any] = []

    def resolveHostName(self, receiver: Any, name: str, port: int = 0, *_: Any) -> None:
        """
        Note it.
        """
        self.asked.append((receiver, name, port))

    def answer(self, *addresses: str) -> None:
        """
        The name has these addresses.
        """
        receiver, _, port = self.asked.pop()
        for address in addresses:
            receiver.addressResolved(IPv4Address("UDP", address, port))
        receiver.resolutionComplete()


class NamedLinkTests(SynchronousTestCase):
    """
    UDP backends that have a name.
    """

    def setUp(self) -> None:
        self.peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.peer.close)
        self.peer.bind(("127.0.0.1", 0))
        self.peer.settimeout(5)
        self.reactor = FakeReactor()
        self.receiver = Receiver()
        address = Address("dns.test", self.peer.getsockname()[1])
        self.link = datagramLinker(self.reactor)(address, self.receiver)

    def test_waitsForTheName(self) -> None:
        """
        What is sent before the name is known leaves once it is.
        """
        self.link.send(b"early")
        self.reactor.answer("127.0.0.1")
        self.link.send(b"late")
        self.assertEqual([self.peer.recv(100), self.peer.recv(100)], [b"early", b"late"])
        self.link.close()
        self.assertEqual(self.reactor.readers, [])

    def test_tellsOfAnUnknownName(self) -> None:
        """
        A name without an address is a refusal.
        """
        self.reactor.answer()
        self.assertEqual(self.receiver.refusals, ["no such name, or it has no address"])

    def test_opensNothingOnceClosed(self) -> None:
        """
        A name that is found too late opens no socket.
        """
        self.link.send(b"early")
        self.link.close()
        self.reactor.answer("127.0.0.1")
        self.assertEqual((self.reactor.readers, self.receiver.refusals), ([], []))


@implementer(IOpenSSLContextFactory)
class Context:
    """
    What Twisted wants for a server's side of TLS.
    """

    def __init__(self, context: SSL.Context) -> None:
        self._context = context

    def getContext(self) -> SSL.Context:
        """
        The one we have.
        """
        return self._context


authority = Authority()


def closedPort(kind: socket.SocketKind) -> int:
    """
    A port that nobody listens on.
    """
    with socket.socket(socket.AF_INET, kind) as skt:
        skt.bind(("127.0.0.1", 0))
        number: int = skt.getsockname()[1]
        return number
