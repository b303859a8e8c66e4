"""
Tests for L{lbproxy.net.tls.server}, L{lbproxy.net.tls.servercontext}, L{lbproxy.net.tls.clientauth}
and L{lbproxy.net.tls.profiles}.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.certificates import dnsNames
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.native import sessionReused
from lbproxy.net.tls.server import ServerTLS
from lbproxy.net.tls.tlssocket import PortableTLSSocket, TLSSocket
from tests.certs import Leaf, writeFile
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import AUTHORITY, STRANGER, TLSTestCase, readAll, shakeHands, socketPair


@dataclass
class Meeting:
    """
    What came of a handshake.
    """

    client: str
    server: str
    ours: PortableTLSSocket
    theirs: PortableTLSSocket

    @property
    def shown(self) -> tuple[str, ...]:
        """
        The names of the certificate that the client saw.
        """
        certificate: x509.Certificate | None = self.ours.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        return dnsNames(certificate)


class ServerCase(TLSTestCase):
    """
    A server, and clients of all sorts.
    """

    def client(self, **options: Any) -> SSL.Context:
        """
        Verifies nobody.

        @param options: C{max} version, C{min} version, C{alpn}, C{leaf} to show, C{ciphers}.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
        context.set_cipher_list(options.get("ciphers", b"DEFAULT:@SECLEVEL=0"))
        context.set_max_proto_version(options.get("max", 0))
        context.set_min_proto_version(options.get("min", 0))
        if "alpn" in options:
            context.set_alpn_protos(options["alpn"])
        leaf: Leaf | None = options.get("leaf")
        if leaf is not None:
            context.use_certificate(leaf.certificate)
            context.use_privatekey(leaf.key)
        return context

    def meet(
        self,
        server: ServerTLS,
        context: SSL.Context | None = None,
        name: str = "",
        session: SSL.Session | None = None,
    ) -> Meeting:
        """
        One handshake.
        """
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        ours = TLSSocket(context or self.client(), near, TLSSocket.makeScratch())
        ours.set_connect_state()
        if name:
            ours.set_tlsext_host_name(name.encode())
        if session is not None:
            ours.set_session(session)
        theirs = server.connection(far)
        client, answer = shakeHands(ours, theirs)
        if client == answer == "up":
            readAll(ours)
        return Meeting(client, answer, ours, theirs)


class CertificateChoiceTests(ServerCase):
    """
    Clients see the certificate for the name they ask for.
    """

    def setUp(self) -> None:
        super().setUp()
        names = [("first.test",), ("*.shop.test",), ("www.shop.test",)]
        self.server = ServerTLS([self.pair(*each) for each in names], alpn=[b"h2", b"http/1.1"])

    def test_byName(self) -> None:
        """
        Exact before wildcard before the first; so with TLS 1.2 and 1.3.
        """
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            client = self.client(max=version, min=version)
            for name, shown in (
                ("www.shop.test", "www.shop.test"),
                ("a.shop.test", "*.shop.test"),
                ("first.test", "first.test"),
                ("nobody.test", "first.test"),
                ("", "first.test"),
            ):
                self.assertEqual(self.meet(self.server, client, name).shown, (shown,), name)

    def test_oddNames(self) -> None:
        """
        A name that no certificate could have is no reason for trouble.
        """
        for name in ("*", "a" * 250, "a b", "."):
            meeting = self.meet(self.server, name=name)
            self.assertIn(meeting.server, ("up", "bad extension"), name)

    def test_alpnAfterSwitching(self) -> None:
        """
        The listener's protocols are the same for all names.
        """
        client = self.client(alpn=[b"http/1.1", b"h2"])
        for name in ("first.test", "www.shop.test"):
            meeting = self.meet(self.server, client, name)
            self.assertEqual(meeting.ours.get_alpn_proto_negotiated(), b"h2", "the server's order")


class ALPNTests(ServerCase):
    """
    RFC 7301.
    """

    def setUp(self) -> None:
        super().setUp()
        self.server = ServerTLS([self.pair("a.test")], alpn=[b"http/1.1"])

    def test_noneOffered(self) -> None:
        """
        A client that knows nothing of ALPN is welcome.
        """
        meeting = self.meet(self.server)
        self.assertEqual((meeting.client, meeting.server), ("up", "up"))
        self.assertEqual(meeting.theirs.get_alpn_proto_negotiated(), b"")

    def test_nothingInCommon(self) -> None:
        """
        A client that speaks only something else is told so by the alert made for it.
        """
        meeting = self.meet(self.server, self.client(alpn=[b"smtp", b"h3"]))
        self.assertEqual(meeting.server, "no common protocol (ALPN)")
        self.assertEqual(meeting.client, "tlsv1 alert no application protocol")

    def test_oneFailureIsOneConnections(self) -> None:
        """
        The next client hears nothing of a failure before it.
        """
        self.meet(self.server, self.client(alpn=[b"smtp"]))
        meeting = self.meet(self.server, self.client(alpn=[b"http/1.1"]))
        self.assertEqual((meeting.client, meeting.server), ("up", "up"))

    def test_listenerWithoutALPN(self) -> None:
        """
        Without C{alpn} whatever is offered is ignored.
        """
        server = ServerTLS([self.pair("a.test")])
        meeting = self.meet(server, self.client(alpn=[b"smtp"]))
        self.assertEqual(meeting.client, "up")
        self.assertEqual(meeting.ours.get_alpn_proto_negotiated(), b"")


class ProfileTests(ServerCase):
    """
    Mozilla's profiles.
    """

    def _versions(self, **options: Any) -> list[str]:
        """
        @return: the versions that clients get in with, by a certificate that SNI switches to.
        """
        server = ServerTLS([self.pair("a.test"), self.pair("b.test")], **options)
        up = []
        for version in (SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            meeting = self.meet(server, self.client(min=version, max=version), "b.test")
            if meeting.server == "up":
                up.append(meeting.theirs.get_protocol_version_name())
        return up

    def test_versions(self) -> None:
        """
        Intermediate: 1.2 and 1.3. Modern, or C{minVersion}: 1.3 only.
        """
        self.assertEqual(self._versions(), ["TLSv1.2", "TLSv1.3"])
        self.assertEqual(self._versions(minVersion="1.3"), ["TLSv1.3"])
        self.assertEqual(self._versions(profile="modern"), ["TLSv1.3"])
        self.assertEqual(self._versions(profile="modern", minVersion="1.2"), ["TLSv1.3"])

    def test_weakCiphers(self) -> None:
        """
        No cipher without forward secrecy and authentication of its records.
        """
        server = ServerTLS([self.pair("a.test"), self.pair("a.test", kind="rsa")])
        for cipher in (b"AES128-SHA", b"ECDHE-ECDSA-AES128-SHA256", b"AES128-GCM-SHA256"):
            client = self.client(max=SSL.TLS1_2_VERSION, ciphers=cipher)
            self.assertEqual(self.meet(server, client).server, "no shared cipher", cipher)

    def test_theClientsOrderOfCiphers(self) -> None:
        """
        A client without AES in hardware gets the cipher it likes best.
        """
        server = ServerTLS([self.pair("a.test")])
        client = self.client(
            max=SSL.TLS1_2_VERSION,
            ciphers=b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
        )
        name = self.meet(server, client).theirs.get_cipher_name()
        self.assertEqual(name, "ECDHE-ECDSA-CHACHA20-POLY1305")

    def test_noRenegotiation(self) -> None:
        """
        A client that asks for another handshake does not get one.
        """
        meeting = self.meet(ServerTLS([self.pair("a.test")]), self.client(max=SSL.TLS1_2_VERSION))
        meeting.ours.renegotiate()
        client, _ = shakeHands(meeting.ours, meeting.theirs)
        self.assertRaises(BlockingIOError, meeting.theirs.recv, 65536)
        client, _ = shakeHands(meeting.ours, meeting.theirs)
        self.assertEqual(client, "no renegotiation")

    def test_unknownWords(self) -> None:
        """
        A profile or version that does not exist is refused, with what there is.
        """
        pair = self.pair("a.test")
        self.assertRaisesRegex(
            ValueError, 'unknown profile "old"; one of inter', ServerTLS, [pair], profile="old"
        )
        self.assertRaisesRegex(ValueError, "1.2, 1.3", ServerTLS, [pair], minVersion="1.1")
        self.assertRaisesRegex(ValueError, "at least one certificate", ServerTLS, [])


class ClientAuthTests(ServerCase):
    """
    Clients with certificates.
    """

    def _server(self, **options: Any) -> ServerTLS:
        pairs = [self.pair("first.test"), self.pair("second.test")]
        return ServerTLS(pairs, clientAuth=ClientAuth(self.ca, **options))

    def _answers(self, server: ServerTLS, leaf: Leaf | None) -> set[str]:
        """
        What the server thinks of a client, by either name and version.
        """
        return {
            self.meet(server, self.client(leaf=leaf, max=version), name).server
            for name in ("first.test", "second.test", "")
            for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
        }

    def test_required(self) -> None:
        """
        Nobody comes in without a certificate of the right authority, whatever name he asks for.
        """
        server = self._server()
        self.assertEqual(self._answers(server, AUTHORITY.issue(client=True)), {"up"})
        nobody = {"peer did not return a certificate"}
        self.assertEqual(self._answers(server, None), nobody)
        refused = {"certificate verify failed"}
        for bad in (
            STRANGER.issue(client=True),
            AUTHORITY.issue(client=True, days=(-3, -1)),
            AUTHORITY.issue("a.test"),
        ):
            self.assertEqual(self._answers(server, bad), refused)

    def test_requested(self) -> None:
        """
        Who has no certificate may come in, who has a bad one may not.
        """
        server = self._server(mode="request")
        self.assertEqual(self._answers(server, None), {"up"})
        self.assertEqual(self._answers(server, AUTHORITY.issue(client=True)), {"up"})
        self.assertEqual(
            self._answers(server, STRANGER.issue(client=True)), {"certificate verify failed"}
        )

    def test_revoked(self) -> None:
        """
        Who is on the list stays out.
        """
        good, bad = AUTHORITY.issue(client=True), AUTHORITY.issue(client=True)
        server = self._server(crl=writeFile(self.folder, "crl", AUTHORITY.revoke([bad])))
        self.assertEqual(self._answers(server, good), {"up"})
        self.assertEqual(self._answers(server, bad), {"certificate verify failed"})

    def test_noListForTheAuthority(self) -> None:
        """
        When it cannot be known whether a client is revoked, he is.
        """
        server = self._server(crl=writeFile(self.folder, "crl", STRANGER.revoke([])))
        good = AUTHORITY.issue(client=True)
        self.assertEqual(self._answers(server, good), {"certificate verify failed"})

    def test_authoritiesAreNamed(self) -> None:
        """
        Browsers are told which of their certificates to show.
        """
        meeting = self.meet(self._server(mode="request"))
        [name] = meeting.ours.get_client_ca_list(as_cryptography=True)
        self.assertEqual(name, AUTHORITY.name)

    def test_resumedClientIsStillKnown(self) -> None:
        """
        After resumption the client's certificate is there as before.
        """
        server, leaf = self._server(), AUTHORITY.issue(client=True)
        client = self.client(leaf=leaf)
        before = self.meet(server, client)
        meeting = self.meet(server, client, session=before.ours.get_session())
        self.assertTrue(sessionReused(meeting.ours))
        shown = meeting.theirs.get_peer_certificate(as_cryptography=True)
        self.assertEqual(shown, leaf.certificate)

    def test_badSettings(self) -> None:
        """
        What is wrong with mode or files is said at once.
        """
        self.assertRaisesRegex(ValueError, '"maybe" is no mode', ClientAuth, self.ca, "maybe")
        pair = self.pair("a.test")
        for auth in (ClientAuth(self.ca + "x"), ClientAuth(self.ca, crl=self.ca)):
            self.assertRaises(ValueError, ServerTLS, [pair], clientAuth=auth)


class SessionTests(ServerCase):
    """
    Clients that come again.
    """

    def _resumes(self, first: ServerTLS, second: ServerTLS, version: int, name: str = "") -> bool:
        client = self.client(max=version)
        before = self.meet(first, client, name)
        session = before.ours.get_session()
        meeting = self.meet(second, client, name, session)
        self.assertEqual((meeting.client, meeting.server), ("up", "up"))
        return sessionReused(meeting.theirs)

    def test_resumed(self) -> None:
        """
        Sessions are resumed in all versions, by tickets or from the cache, whatever the name.
        """
        for tickets in (True, False):
            pairs = [self.pair("a.test"), self.pair("b.test")]
            server = ServerTLS(pairs, sessionTickets=tickets)
            for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
                for name in ("", "a.test", "b.test"):
                    self.assertTrue(self._resumes(server, server, version, name), (tickets, name))

    def test_notElsewhere(self) -> None:
        """
        One listener's session is worth nothing at another.
        """
        pair = self.pair("a.test")
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            self.assertFalse(self._resumes(ServerTLS([pair]), ServerTLS([pair]), version))

    def test_notAfterReload(self) -> None:
        """
        A forced reload makes new ticket keys, so that old ones cannot be used any more.
        """
        server, client = ServerTLS([self.pair("a.test")]), self.client()
        before = self.meet(server, client)
        self.assertTrue(server.reload(force=True))
        after = self.meet(server, client, session=before.ours.get_session())
        self.assertEqual(after.server, "up")
        self.assertFalse(sessionReused(after.ours))


class ReloadTests(ServerCase):
    """
    Certificates change while the listener runs.
    """

    def setUp(self) -> None:
        super().setUp()
        self.cert, self.key = AUTHORITY.issue("old.test").write(self.folder, "it")
        self.server = ServerTLS([(self.cert, self.key)])

    def _replace(self, leaf: Leaf) -> None:
        for path in (self.cert, self.key):
            os.rename(path, path + ".old")
        leaf.write(self.folder, "it")

    def test_nothingChanged(self) -> None:
        """
        Looking costs nothing when there is nothing new.
        """
        self.assertFalse(self.server.reload())

    def test_newCertificate(self) -> None:
        """
        New connections see the new certificate, those that are up stay up.
        """
        before = self.meet(self.server)
        self._replace(AUTHORITY.issue("new.test"))
        self.assertTrue(self.server.reload())
        self.assertEqual(self.meet(self.server).shown, ("new.test",))
        before.theirs.send(b"still here")
        self.assertEqual(readAll(before.ours), b"still here")
        self.assertFalse(self.server.reload())

    def test_brokenFile(self) -> None:
        """
        Files that are of no use (half written) are refused, and tried again the next time.
        """
        self._replace(AUTHORITY.issue("new.test"))
        leaf = AUTHORITY.issue("newer.test")
        writeFile(self.folder, "it.pem", leaf.certificatePEM)
        for _ in range(2):
            self.assertRaisesRegex(ValueError, "does not match", self.server.reload)
            self.assertEqual(self.meet(self.server).shown, ("old.test",))
        leaf.write(self.folder, "it")
        self.assertTrue(self.server.reload())
        self.assertEqual(self.meet(self.server).shown, ("newer.test",))

    def test_missingFile(self) -> None:
        """
        A file that went away is named.
        """
        os.remove(self.key)
        self.assertRaisesRegex(ValueError, "it.key: no such file", self.server.reload)

    def test_duringAHandshake(self) -> None:
        """
        A handshake that began before a reload ends as it began, though nobody else remembers its
        context.
        """
        server = ServerTLS([(self.cert, self.key), self.pair("b.test")], alpn=[b"h2"])
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        theirs = server.connection(far)
        server.reload(force=True)
        gc.collect()
        ours = SSL.Connection(self.client(alpn=[b"h2"]), near)
        ours.set_connect_state()
        ours.set_tlsext_host_name(b"b.test")
        self.assertEqual(shakeHands(ours, theirs), ("up", "up"))
        self.assertEqual(theirs.get_alpn_proto_negotiated(), b"h2")

    def test_clientAuthFiles(self) -> None:
        """
        Lists of revoked clients are looked at as well.
        """
        leaf = AUTHORITY.issue(client=True)
        crl = writeFile(self.folder, "crl", AUTHORITY.revoke([]))
        server = ServerTLS([(self.cert, self.key)], clientAuth=ClientAuth(self.ca, crl=crl))
        self.assertEqual(self.meet(server, self.client(leaf=leaf)).server, "up")
        os.remove(crl)
        writeFile(self.folder, "crl", AUTHORITY.revoke([leaf]))
        self.assertTrue(server.reload())
        meeting = self.meet(server, self.client(leaf=leaf))
        self.assertEqual(meeting.server, "certificate verify failed")

    def test_weakKey(self) -> None:
        """
        A certificate that OpenSSL does not want is refused in words.
        """
        pair = self.pair("a.test", kind="weak")
        self.assertRaisesRegex(
            ValueError, "OpenSSL refuses it: ee key too small", ServerTLS, [pair]
        )

    def test_warnings(self) -> None:
        """
        What is odd about certificates in use can be asked for.
        """
        self.assertEqual(self.server.warnings(), [])
        self._replace(AUTHORITY.issue("new.test", days=(-3, -1)))
        self.server.reload()
        [warning] = self.server.warnings()
        self.assertIn("expired on", warning)

    def test_noDeprecatedCalls(self) -> None:
        """
        Nothing that pyOpenSSL is going to remove is used.
        """
        self.meet(self.server)
        self.assertEqual(self.flushWarnings(), [])


class Accepting(Protocol):
    """
    Remembers.
    """

    def __init__(self) -> None:
        self.made = 0
        self.failures: list[Failure] = []

    def connectionMade(self) -> None:
        self.made += 1

    def handshakeFailed(self, failure: Failure) -> None:
        """
        Told by L{AcceptedTLS}.
        """
        self.failures.append(failure)


class ServerTransportTests(ServerCase):
    """
    What the port does with it.
    """

    def setUp(self) -> None:
        super().setUp()
        self.reactor = HandReactor()
        self.deadlines = Deadlines(self.reactor)
        self.deadlines.start()
        self.server = ServerTLS(
            [self.pair("a.test")], alpn=[b"h2"], handshakeTimeout=10.0, deadlines=self.deadlines
        )
        self.protocol = Accepting()
        self.near, self.far = socketPair()
        self.addCleanup(self.near.close)
        self.addCleanup(self.far.close)
        self.events: list[LogEvent] = []
        observer: Any = self.events.append
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def _accept(self, protocol: Any = None) -> Any:
        peer = IPv4Address("TCP", "192.0.2.1", 5)
        accepted = self.server.serverTransport(
            self.far, protocol or self.protocol, peer, None, self.reactor
        )
        accepted.begin()
        return accepted

    def _client(self, name: bytes = b"A.test", **options: Any) -> SSL.Connection:
        ours = SSL.Connection(self.client(**options), self.near)
        ours.set_connect_state()
        ours.set_tlsext_host_name(name)
        return ours

    def _shake(self, ours: SSL.Connection) -> None:
        for _ in range(6):
            try:
                ours.do_handshake()
            except SSL.WantReadError:
                pass
            except SSL.Error:
                break
            self.reactor.settle()

    def _lines(self) -> Sequence[str]:
        return [str(e["reason"]) for e in self.events if "TLS handshake" in str(e["log_format"])]

    def test_up(self) -> None:
        """
        The protocol is connected after the handshake, and can ask what was agreed on.
        """
        self._accept()
        self.reactor.settle()
        self.assertEqual(self.protocol.made, 0)
        self._shake(self._client(alpn=[b"h2"]))
        self.assertEqual(self.protocol.made, 1)
        transport: Any = self.protocol.transport
        self.assertEqual(
            (transport.isSecure, transport.serverName, transport.negotiatedProtocol),
            (True, "a.test", b"h2"),
        )
        self.assertEqual(transport.tlsVersion, "TLSv1.3")
        self.assertIn("TLS_AES", transport.cipher)
        self.assertIsNone(transport.peerCertificate)
        self.assertEqual(transport.getPeer().host, "192.0.2.1")
        self.assertEqual((self.server.handshakes, self.server.resumed), (1, 0))
        transport.abortConnection()
        self.reactor.settle()
        self.assertEqual(transport.serverName, "a.test", "for a log written afterwards")

    def test_nameThatIsNone(self) -> None:
        """
        What could not be a host name does not get into logs and headers.
        """
        self._accept()
        self._shake(self._client(b"a.test\r\nX-Evil: yes"))
        transport: Any = self.protocol.transport
        self.assertEqual(transport.serverName, "")

    def test_failed(self) -> None:
        """
        A failure closes the socket, is counted and logged in a line; the protocol is told.
        """
        self._accept()
        ours = self._client(alpn=[b"smtp"])
        self._shake(ours)
        self.assertEqual(self.server.failed, {"no common protocol (ALPN)": 1})
        self.assertEqual(self._lines(), ["no common protocol (ALPN)"])
        [failure] = self.protocol.failures
        self.assertEqual(str(failure.value), "TLS: no common protocol (ALPN)")
        self.assertEqual((self.far.fileno(), self.protocol.made), (-1, 0))
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))
        self.assertEqual(len(self.deadlines), 0)

    def test_alertArrives(self) -> None:
        """
        A client that sent more than it should have still hears what was wrong, not a reset.
        """
        self._accept()
        serverHello = b"\x16\x03\x01\x00\x04" + b"\x02\x00\x00\x00"
        self.near.send(serverHello + b"x" * 30000)
        self.reactor.settle()
        self.assertEqual(self.server.failed, {"unexpected message": 1})
        self.assertEqual(self.near.recv(100), b"\x15\x03\x03\x00\x02" + b"\x02\x0a")
        self.assertEqual(self.near.recv(100), b"", "not a reset")

    def test_plainHTTP(self) -> None:
        """
        Somebody who forgot the s of https is told apart.
        """
        self._accept()
        self.near.send(b"GET / HTTP/1.1\r\n\r\n")
        self.reactor.settle()
        self.assertEqual(self.server.failed, {"http request": 1})

    def test_silence(self) -> None:
        """
        Who says nothing is closed in time, and so is who says too little.
        """
        self._accept()
        self.near.send(b"\x16\x03\x01")
        self.reactor.settle()
        self.reactor.advance(9.5)
        self.assertNotEqual(self.far.fileno(), -1)
        self.reactor.pump([0.2] * 5)
        self.assertEqual(self.far.fileno(), -1)
        self.assertEqual(self.server.failed, {"no handshake within 10 s": 1})

    def test_drop(self) -> None:
        """
        Each byte does not buy more time.
        """
        self._accept()
        for _ in range(12):
            self.near.send(b"\x16" if not _ else b"\x03")
            self.reactor.settle()
            self.reactor.pump([0.1] * 10)
            if self.far.fileno() == -1:
                return
        self.fail("still open")

    def test_logIsNotFlooded(self) -> None:
        """
        Thousands of failures make a line per second; the next line says how many there were.
        """
        for _ in range(3):
            self.server.failedWith("x", IPv4Address("TCP", "192.0.2.1", 5))
        self.assertEqual(len(self._lines()), 1)
        self.reactor.advance(1.5)
        self.server.failedWith("x", IPv4Address("TCP", "192.0.2.1", 5))
        self.assertEqual(self.events[-1]["more"], " (2 more before)")
        self.assertEqual(self.server.failed, {"x": 4})

    def test_countersAreBounded(self) -> None:
        """
        No client can make us remember ever more reasons.
        """
        for number in range(1000):
            self.server.failedWith(f"reason {number}", IPv4Address("TCP", "192.0.2.1", 5))
        self.assertLess(len(self.server.failed), 100)
        self.assertEqual(sum(self.server.failed.values()), 1000)

    def test_givenUp(self) -> None:
        """
        The port may give up: the protocol hears nothing, nothing is left behind.
        """
        self._accept().abortConnection()
        self.reactor.settle()
        self.assertEqual((self.far.fileno(), self.protocol.failures), (-1, []))
        self.assertEqual((self.reactor.readers, len(self.deadlines)), ({}, 0))

    def test_reactorStops(self) -> None:
        """
        A handshake under way ends with the reactor.
        """
        self._accept()
        [handshake] = self.reactor.readers
        handshake.connectionLost(Failure(Exception("shutdown")))
        self.assertEqual(self.far.fileno(), -1)

    def test_protocolWithoutInterest(self) -> None:
        """
        A protocol need not have C{handshakeFailed}.
        """
        self._accept(Protocol())
        self.near.send(b"GET / HTTP/1.1\r\n\r\n")
        self.reactor.settle()
        self.assertEqual(self.far.fileno(), -1)

    def test_protocolThatCannotBegin(self) -> None:
        """
        An exception in C{connectionMade} is logged and ends that connection.
        """

        class Broken(Protocol):
            def connectionMade(self) -> None:
                raise RuntimeError("broken")

        self._accept(Broken())
        self._shake(self._client())
        self.reactor.settle()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.far.fileno(), -1)

    def test_peekedBytesStay(self) -> None:
        """
        Who only peeked at the first bytes can still hand the socket over.
        """
        ours = self._client()
        self.assertRaises(SSL.WantReadError, ours.do_handshake)
        self.assertEqual(self.far.recv(1, socket.MSG_PEEK), b"\x16")
        self._accept()
        self._shake(ours)
        self.assertEqual(self.protocol.made, 1)
