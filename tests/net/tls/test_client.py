"""
Tests for L{lbproxy.net.tls.client}.
"""

from __future__ import annotations

from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from lbproxy.net.tls.client import ClientTLS, clientContext
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.server import ServerTLS
from lbproxy.net.tls.tlssocket import PortableTLSSocket
from tests.certs import Authority, Leaf
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import AUTHORITY, STRANGER, TLSTestCase, readAll, shakeHands, socketPair


class ClientCase(TLSTestCase):
    """
    A client, and whatever server.
    """

    def connect(
        self, client: ClientTLS, server: ServerTLS, host: str = ""
    ) -> tuple[str, PortableTLSSocket, PortableTLSSocket]:
        """
        @return: what the client thinks, both ends.
        """
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        ours, theirs = client.connection(near, host), server.connection(far)
        state, _ = shakeHands(ours, theirs)
        verification = ours.verification
        if verification is not None and state != "up":
            state = verification.reason or state
        return state, ours, theirs

    def serverWith(self, leaf: Leaf) -> ServerTLS:
        """
        Shows this certificate.
        """
        return ServerTLS([self.write(leaf)])


class VerifyTests(ClientCase):
    """
    Nobody but the right backend is talked to.
    """

    def _answer(self, leaf: Leaf, name: str, host: str = "", **options: Any) -> str:
        client = ClientTLS(name, ca=self.ca, **options)
        return self.connect(client, self.serverWith(leaf), host)[0]

    def test_goodOnes(self) -> None:
        """
        The right name, a wildcard, an address are accepted.
        """
        for names, wanted in (
            (("a.test",), "a.test"),
            (("*.shop.test",), "www.shop.test"),
            (("127.0.0.1",), "127.0.0.1"),
            (("::1", "a.test"), "::1"),
        ):
            self.assertEqual(self._answer(AUTHORITY.issue(*names), wanted), "up")

    def test_noUsableName(self) -> None:
        """
        Common name only, C{*}, C{*.*.x}, e-mail only: refused, though the chain is trusted.
        """
        for names in ((), ("*",), ("*.*.test",), ("a@a.test",)):
            answer = self._answer(AUTHORITY.issue(*names, commonName="a.test"), "a.test")
            self.assertIn("its certificate", answer, names)

    def test_anotherName(self) -> None:
        """
        A certificate for another name or address is refused, and the reason names both.
        """
        self.assertEqual(
            self._answer(AUTHORITY.issue("b.test"), "a.test"),
            "its certificate is for b.test, not for a.test",
        )
        self.assertEqual(
            self._answer(AUTHORITY.issue("10.0.0.2"), "10.0.0.1"),
            "its certificate is for 10.0.0.2, not for 10.0.0.1",
        )

    def test_expired(self) -> None:
        """
        An expired certificate is refused, and one that is not valid yet.
        """
        old = AUTHORITY.issue("a.test", days=(-3, -1))
        self.assertEqual(self._answer(old, "a.test"), "its certificate has expired")
        new = AUTHORITY.issue("a.test", days=(1, 3))
        self.assertEqual(self._answer(new, "a.test"), "its certificate is not valid yet")

    def test_unknownAuthority(self) -> None:
        """
        Only those in C{ca} are trusted.
        """
        answer = self._answer(STRANGER.issue("a.test"), "a.test")
        self.assertEqual(answer, "its certificate comes from an authority that is not trusted")

    def test_systemsAuthorities(self) -> None:
        """
        Without C{ca} the system's are trusted, which know nothing of ours.
        """
        client = ClientTLS("a.test")
        answer, _, _ = self.connect(client, self.serverWith(AUTHORITY.issue("a.test")))
        self.assertEqual(answer, "its certificate comes from an authority that is not trusted")

    def test_clientCertificateAsServer(self) -> None:
        """
        A certificate that was issued for a client does not make a server.
        """
        answer = self._answer(AUTHORITY.issue("a.test", client=True), "a.test")
        self.assertEqual(answer, "its certificate is not for a server")

    def test_intermediate(self) -> None:
        """
        A chain over an intermediate authority is followed; the intermediate alone may be trusted.
        """
        between = Authority("Between", parent=AUTHORITY)
        leaf = between.issue("a.test")
        self.assertEqual(self._answer(leaf, "a.test"), "up")
        client = ClientTLS("a.test", ca=between.write(self.folder, "between"))
        self.assertEqual(self.connect(client, self.serverWith(leaf))[0], "up")

    def test_incompleteChain(self) -> None:
        """
        A server that does not send its intermediate is refused.
        """
        between = Authority("Between", parent=AUTHORITY)
        leaf = between.issue("a.test")
        answer = self._answer(Leaf(leaf.certificate, leaf.key), "a.test")
        self.assertEqual(answer, "its certificate comes from an authority that is not trusted")

    def test_dialedAddressIsTheName(self) -> None:
        """
        Without C{serverName} the certificate has to be for the address that was dialed.
        """
        leaf = AUTHORITY.issue("127.0.0.1")
        self.assertEqual(self._answer(leaf, "", host="127.0.0.1"), "up")
        self.assertIn("not for 127.0.0.2", self._answer(leaf, "", host="127.0.0.2"))

    def test_noNameAtAll(self) -> None:
        """
        With nothing to verify against (a UNIX socket) the answer is no.
        """
        answer = self._answer(AUTHORITY.issue("a.test"), "")
        self.assertEqual(answer, "its certificate cannot be verified: no serverName is set")

    def test_verifyOff(self) -> None:
        """
        C{verify=False} takes anybody, and says so by asking nobody.
        """
        self.assertEqual(self._answer(STRANGER.issue("b.test"), "a.test", verify=False), "up")

    def test_neverAsked(self) -> None:
        """
        Should OpenSSL ever come up without having asked about the peer, that is a no.
        """
        client = ClientTLS("a.test", ca=self.ca)
        client.context = clientContext("", False, "", "")
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        reactor = HandReactor()
        answers: list[Failure | None] = []
        peer = IPv4Address("TCP", "127.0.0.1", 1)
        client.clientTransport(near, Client(), peer, reactor).handshake(answers.append)
        server = self.serverWith(AUTHORITY.issue("a.test")).connection(far)
        for _ in range(4):
            try:
                server.do_handshake()
            except SSL.WantReadError:
                reactor.settle()
        [failure] = answers
        assert failure is not None
        self.assertEqual(str(failure.value), "TLS: the peer was not verified")

    def test_named(self) -> None:
        """
        One context serves several names, each verified.
        """
        client = ClientTLS(ca=self.ca)
        server = self.serverWith(AUTHORITY.issue("a.test"))
        self.assertEqual(self.connect(client.named("A.test."), server)[0], "up")
        self.assertIn("not for b.test", self.connect(client.named("b.test"), server)[0])
        self.assertIs(client.named("a.test").context, client.context)


class ClientTLSTests(ClientCase):
    """
    What a client asks for.
    """

    def test_serverName(self) -> None:
        """
        A name is asked for by SNI, an address isn't.
        """
        server = self.serverWith(AUTHORITY.issue("a.test", "127.0.0.1"))
        for name, asked in (("a.test", b"a.test"), ("127.0.0.1", None)):
            answer, _, theirs = self.connect(ClientTLS(name, ca=self.ca), server)
            self.assertEqual((answer, theirs.get_servername()), ("up", asked))

    def test_alpn(self) -> None:
        """
        The protocols are offered.
        """
        server = ServerTLS([self.pair("a.test")], alpn=[b"h2", b"http/1.1"])
        client = ClientTLS("a.test", ca=self.ca, alpn=[b"http/1.1"])
        answer, ours, _ = self.connect(client, server)
        self.assertEqual((answer, ours.get_alpn_proto_negotiated()), ("up", b"http/1.1"))

    def test_ownCertificate(self) -> None:
        """
        A backend that wants to see a certificate gets ours.
        """
        server = ServerTLS([self.pair("a.test")], clientAuth=ClientAuth(self.ca))
        own = AUTHORITY.issue(commonName="the proxy", client=True)
        cert, key = self.write(own)
        answer, _, theirs = self.connect(
            ClientTLS("a.test", ca=self.ca, cert=cert, key=key), server
        )
        self.assertEqual(answer, "up")
        shown: x509.Certificate | None = theirs.get_peer_certificate(as_cryptography=True)
        self.assertEqual(shown, own.certificate)

    def test_oldServer(self) -> None:
        """
        Nothing before TLS 1.2 is spoken.
        """
        client = ClientTLS("a.test", ca=self.ca)
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_max_proto_version(SSL.TLS1_1_VERSION)
        context.set_cipher_list(b"ALL:@SECLEVEL=0")
        leaf = AUTHORITY.issue("a.test")
        context.use_certificate(leaf.certificate)
        context.use_privatekey(leaf.key)
        server = SSL.Connection(context, far)
        server.set_accept_state()
        ours, _ = shakeHands(client.connection(near), server)
        self.assertNotEqual(ours, "up")

    def test_badFiles(self) -> None:
        """
        What is wrong with a file is said when the configuration is read.
        """
        cert, _ = self.pair("a.test")
        _, key = self.pair("b.test")
        self.assertRaisesRegex(ValueError, "no such file", ClientTLS, ca=self.ca + "x")
        self.assertRaisesRegex(ValueError, "does not match", ClientTLS, cert=cert, key=key)
        self.assertRaisesRegex(ValueError, "no PEM certificate", ClientTLS, ca=key)
        self.assertRaisesRegex(ValueError, "is not a name", ClientTLS, "\xfc" * 80 + ".test")


class Client(Protocol):
    """
    Remembers.
    """

    def __init__(self) -> None:
        self.made = 0
        self.lost: Failure | None = None

    def connectionMade(self) -> None:
        self.made += 1

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


class ClientTransportTests(ClientCase):
    """
    What L{lbproxy.net.dialing.dial} does with it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.reactor = HandReactor()
        self.near, self.far = socketPair()
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)
        self.protocol = Client()
        self.answers: list[Failure | None] = []

    def _dialed(self, tls: ClientTLS) -> Any:
        peer = IPv4Address("TCP", "127.0.0.1", 1)
        return tls.clientTransport(self.near, self.protocol, peer, self.reactor)

    def _serve(self, leaf: Leaf) -> PortableTLSSocket:
        theirs = self.serverWith(leaf).connection(self.far)
        for _ in range(6):
            self.reactor.settle()
            try:
                theirs.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                break
        return theirs

    def test_up(self) -> None:
        """
        The protocol is connected when the handshake is over and the caller says so, not before.
        """
        dialed = self._dialed(ClientTLS("a.test", ca=self.ca))
        dialed.handshake(self.answers.append)
        self.assertEqual(self.answers, [])
        theirs = self._serve(AUTHORITY.issue("a.test"))
        self.assertEqual((self.answers, self.protocol.made), ([None], 0))
        dialed.begin()
        self.assertEqual(self.protocol.made, 1)
        transport: Any = self.protocol.transport
        transport.write(b"hello")
        self.assertEqual(readAll(theirs), b"hello")
        self.assertTrue(transport.isSecure)
        self.assertEqual(transport.serverName, "a.test")
        transport.abortConnection()
        self.reactor.settle()

    def test_refused(self) -> None:
        """
        The caller hears the reason after the socket was closed; the protocol hears nothing.
        """
        self._dialed(ClientTLS("a.test", ca=self.ca)).handshake(self.answers.append)
        self._serve(AUTHORITY.issue("b.test"))
        [failure] = self.answers
        assert failure is not None
        self.assertEqual(str(failure.value), "TLS: its certificate is for b.test, not for a.test")
        self.assertEqual((self.near.fileno(), self.protocol.made), (-1, 0))
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))

    def test_unixAddress(self) -> None:
        """
        Over a UNIX socket the C{serverName} is what counts.
        """
        tls = ClientTLS("a.test", ca=self.ca)
        dialed = tls.clientTransport(self.near, self.protocol, UNIXAddress("/x"), self.reactor)
        dialed.handshake(self.answers.append)
        self._serve(AUTHORITY.issue("a.test"))
        self.assertEqual(self.answers, [None])
        dialed.abortConnection()

    def test_notTLS(self) -> None:
        """
        A backend that speaks something else fails with a reason.
        """
        self._dialed(ClientTLS("a.test", ca=self.ca)).handshake(self.answers.append)
        self.reactor.settle()
        self.far.send(b"220 mail.test ESMTP\r\n")
        self.reactor.settle()
        self.assertEqual([str(f.value) for f in self.answers if f], ["TLS: wrong version number"])

    def test_refusedAtOnce(self) -> None:
        """
        A refusal that is quicker than our look at the answer keeps its reason.
        """
        self.far.send(b"\x15\x03\x01\x00\x02\x02\x46")
        self._dialed(ClientTLS("a.test", ca=self.ca)).handshake(self.answers.append)
        self.assertEqual(self.answers, [])
        self.reactor.settle()
        [failure] = self.answers
        assert failure is not None
        self.assertEqual(str(failure.value), "TLS: tlsv1 alert protocol version")

    def test_peerLeaves(self) -> None:
        """
        A backend that closes during the handshake fails, too.
        """
        self._dialed(ClientTLS("a.test", ca=self.ca)).handshake(self.answers.append)
        self.reactor.settle()
        self.far.recv(65536)
        self.far.close()
        self.reactor.settle()
        self.assertEqual([str(f.value) for f in self.answers if f], ["TLS: the peer left"])

    def test_deadFromTheStart(self) -> None:
        """
        Even when nothing can be sent at all, the answer comes after the call has returned.
        """
        self.near.shutdown(1)
        self._dialed(ClientTLS("a.test", ca=self.ca)).handshake(self.answers.append)
        self.assertEqual(self.answers, [])
        self.reactor.settle()
        self.assertEqual(len(self.answers), 1)
        self.assertIsNotNone(self.answers[0])

    def test_givenUp(self) -> None:
        """
        After C{abortConnection} nobody hears anything, and nothing is left behind.
        """
        dialed = self._dialed(ClientTLS("a.test", ca=self.ca))
        dialed.handshake(self.answers.append)
        dialed.abortConnection()
        self.reactor.settle()
        self.assertEqual((self.answers, self.near.fileno()), ([], -1))
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))
