"""
Tests for L{lbproxy.net.tls.policy}.
"""

from __future__ import annotations

from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.testing import StringTransport
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface.verify import verifyObject

from lbproxy.net.tls.client import clientContext
from lbproxy.net.tls.policy import PeerRefused, StrictCreator, StrictPolicyForHTTPS
from lbproxy.net.tls.server import ServerTLS
from lbproxy.net.tls.tlssocket import PortableTLSSocket
from tests.certs import Leaf
from tests.net.tls.pairs import AUTHORITY, STRANGER, TLSTestCase, socketPair


class Inner(Protocol):
    """
    What stands on Twisted's TLS.
    """

    lost: Failure | None = None
    received = b""

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class StrictPolicyForHTTPSTests(TLSTestCase):
    """
    C{Agent} and C{treq} talk to nobody but the right server.
    """

    def _answer(self, leaf: Leaf, name: bytes, **options: Any) -> str:
        """
        Twisted's own client stack against a real server; what its protocol hears.
        """
        options.setdefault("ca", self.ca)
        creator = StrictPolicyForHTTPS(**options).creatorForNetloc(name, 443)
        tls: Any = TLSMemoryBIOFactory(creator, True, Factory.forProtocol(Inner)).buildProtocol(
            IPv4Address("TCP", "127.0.0.1", 443)
        )
        inner: Inner = tls.wrappedProtocol
        wire = StringTransport()
        tls.makeConnection(wire)
        near, far = socketPair()
        server = ServerTLS([self.write(leaf)]).connection(far)
        for _ in range(4):
            near.send(wire.value())
            wire.clear()
            self._serve(server)
            try:
                tls.dataReceived(near.recv(65536))
            except BlockingIOError:
                break
        near.close()
        far.close()
        tls.connectionLost(Failure(ConnectionDone()))
        assert inner.lost is not None
        return inner.received.decode() or str(inner.lost.value)

    def _serve(self, server: PortableTLSSocket) -> None:
        try:
            server.do_handshake()
            server.send(b"hello")
        except (SSL.Error, OSError):
            pass

    def test_interfaces(self) -> None:
        """
        It fits where Twisted wants a policy.
        """
        policy = StrictPolicyForHTTPS(ca=self.ca)
        self.assertTrue(verifyObject(IPolicyForHTTPS, policy))
        creator = policy.creatorForNetloc(b"a.test", 443)
        self.assertTrue(verifyObject(IOpenSSLClientConnectionCreator, creator))

    def test_goodOnes(self) -> None:
        """
        Names, wildcards and addresses that match are accepted.
        """
        for names, wanted in (
            (("a.test",), b"a.test"),
            (("*.shop.test",), b"www.shop.test"),
            (("127.0.0.1",), b"127.0.0.1"),
        ):
            self.assertIn("hello", self._answer(AUTHORITY.issue(*names), wanted))

    def test_badNames(self) -> None:
        """
        All that Twisted 26.4 to 26.10 let pass is refused, and so is what it refused.
        """
        for names in ((), ("*",), ("*.*.test",), ("a@a.test",), ("b.test",), ("10.0.0.1",)):
            answer = self._answer(AUTHORITY.issue(*names, commonName="a.test"), b"a.test")
            self.assertIn("its certificate", answer, names)
        answer = self._answer(AUTHORITY.issue("10.0.0.2"), b"10.0.0.1")
        self.assertEqual(answer, "its certificate is for 10.0.0.2, not for 10.0.0.1")

    def test_badChains(self) -> None:
        """
        Expired, of another authority: refused.
        """
        old = AUTHORITY.issue("a.test", days=(-3, -1))
        self.assertEqual(self._answer(old, b"a.test"), "its certificate has expired")
        answer = self._answer(STRANGER.issue("a.test"), b"a.test")
        self.assertEqual(answer, "its certificate comes from an authority that is not trusted")

    def test_neverAsked(self) -> None:
        """
        Should OpenSSL ever come up without having asked about the peer, that is a no.
        """
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        creator = StrictCreator(clientContext("", False, "", ""), "a.test")
        client = creator.clientConnectionForTLS(cast(TLSMemoryBIOProtocol, None))
        server = ServerTLS([self.write(AUTHORITY.issue("a.test"))]).connection(far)
        self.assertRaises(SSL.WantReadError, client.do_handshake)
        near.send(client.bio_read(65536))
        self.assertRaises(SSL.WantReadError, server.do_handshake)
        client.bio_write(near.recv(65536))
        error = self.assertRaises(PeerRefused, client.do_handshake)
        self.assertEqual(str(error), "the peer was not verified")

    def test_verifyOff(self) -> None:
        """
        Who asks for it talks to anybody.
        """
        answer = self._answer(STRANGER.issue("b.test"), b"a.test", verify=False)
        self.assertIn("hello", answer)
