"""
Tests for L{lbproxy.net.tls.server}.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.logger import LogEvent, globalLogPublisher
from twisted.python.failure import Failure

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.native import sessionReused, setGroups
from lbproxy.net.tls.server import ServerTLS
from tests.certs import Leaf, writeFile
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import AUTHORITY, readAll, shakeHands, socketPair
from tests.net.tls.servercase import ServerCase


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

    def test_duringAHandshakeThatTakesLonger(self) -> None:
        """
        So does one in which the client has to say hello twice, the second time after the reload.
        """
        server = ServerTLS([(self.cert, self.key), self.pair("b.test")], alpn=[b"h2"])
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        context = self.client(alpn=[b"h2"])
        # It guesses a group that we don't take.
        self.assertTrue(setGroups(context, b"ffdhe3072:P-256"))
        ours, theirs = SSL.Connection(context, near), server.connection(far)
        ours.set_connect_state()
        ours.set_tlsext_host_name(b"b.test")
        for end in (ours, theirs):
            self.assertRaises(SSL.WantReadError, end.do_handshake)
        server.reload(force=True)
        gc.collect()
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
        self.assertEqual(self.server.failed, {"no application protocol": 1})
        self.assertEqual(self._lines(), ["no application protocol"])
        [failure] = self.protocol.failures
        self.assertEqual(str(failure.value), "TLS: no application protocol")
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

    def test_sessionOutlivesAnAbort(self) -> None:
        """
        A client whose connection was cut may resume its session.
        """
        self.server = ServerTLS([self.pair("a.test")], sessionTickets=False)
        context = self.client(max=SSL.TLS1_2_VERSION)
        self._accept()
        ours = SSL.Connection(context, self.near)
        ours.set_connect_state()
        self._shake(ours)
        transport: Any = self.protocol.transport
        transport.abortConnection()
        self.reactor.settle()
        del transport
        self.protocol = Accepting()
        again = self.meet(self.server, context, session=ours.get_session())
        self.assertTrue(sessionReused(again.ours))

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
