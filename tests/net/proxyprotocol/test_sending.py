"""
Tests for L{lbproxy.net.proxyprotocol.sending}.
"""

from __future__ import annotations

import socket
from typing import Any

from cryptography.x509 import load_pem_x509_certificate
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialing import dial
from lbproxy.net.proxyprotocol import Announced, Introduced, describe, encode, ownHeader
from lbproxy.net.proxyprotocol.sending import Version
from lbproxy.net.tls.client import ClientTLS
from lbproxy.wire.proxyprotocol import (
    LOCAL,
    HeaderReader,
    ProxyHeader,
    TLSInfo,
    TLVs,
    Transport,
    encodeV2,
)
from tests.net.proxyprotocol.recording import Recording
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import TLSTestCase, socketPair

HEADER = ProxyHeader(Transport.STREAM, Address("192.0.2.7", 4000), Address("203.0.113.1", 443))
DATA = encodeV2(HEADER)


class FakeSocket:
    """
    A socket that came with a header, or not.
    """

    def __init__(self, header: ProxyHeader | None = None) -> None:
        if header is not None:
            self.header = header


class FakeClient:
    """
    A client's transport.
    """

    isSecure = False
    negotiatedProtocol: bytes | None = None
    serverName = ""
    peerCertificate = None
    tlsVersion = "TLSv1.3"
    cipher = "TLS_AES_128_GCM_SHA256"

    def __init__(self, header: ProxyHeader | None = None) -> None:
        self.socket = FakeSocket(header)
        self.peer: Any = IPv4Address("TCP", "192.0.2.7", 4000)
        self.host: Any = IPv4Address("TCP", "203.0.113.1", 443)

    def getPeer(self) -> Any:
        return self.peer

    def getHost(self) -> Any:
        return self.host


class DescribeTests(TLSTestCase):
    """
    Tests for L{describe}, L{encode} and L{ownHeader}.
    """

    def test_plain(self) -> None:
        """
        The client, and what it connected to.
        """
        self.assertEqual(describe(FakeClient()), HEADER)
        self.assertEqual(encode(HEADER, "v1"), b"PROXY TCP4 192.0.2.7 203.0.113.1 4000 443\r\n")
        self.assertEqual(encode(HEADER, "v2"), DATA)

    def test_otherFamilies(self) -> None:
        """
        Over IPv6 and UNIX sockets.
        """
        client = FakeClient()
        client.peer = IPv6Address("TCP", "2001:db8::7", 4000)
        self.assertEqual(describe(client).source, Address("2001:db8::7", 4000))
        client.peer, client.host = UNIXAddress(None), UNIXAddress(b"/run/edge")
        header = describe(client)
        self.assertEqual(header.source, Address(path=""))
        self.assertEqual(header.destination, Address(path="/run/edge"))

    def test_TLS(self) -> None:
        """
        Where TLS ended here the backend is told what it can no longer see.
        """
        client = FakeClient()
        client.isSecure, client.negotiatedProtocol, client.serverName = True, b"h2", "edge.test"
        self.assertEqual(
            describe(client).tlvs,
            TLVs(
                alpn=b"h2",
                authority="edge.test",
                tls=TLSInfo(verify=1, version="TLSv1.3", cipher="TLS_AES_128_GCM_SHA256"),
            ),
        )

    def test_clientCertificate(self) -> None:
        """
        With the name in a client's certificate.
        """
        cert, _ = self.pair("jane.test")
        with open(cert, "rb") as found:
            certificate: Any = load_pem_x509_certificate(found.read())
        client = FakeClient()
        client.isSecure, client.peerCertificate = True, certificate
        tls = describe(client).tlvs.tls
        assert tls is not None
        self.assertEqual((tls.certificateShown, tls.verify), (True, 0))
        self.assertEqual(tls.certificate, b"")
        self.assertLess(len(encodeV2(describe(client))), 536)

    def test_fromBefore(self) -> None:
        """
        What a proxy in front of us said is passed on; what we know ourselves beats it.
        """
        before = TLVs(alpn=b"h3", uniqueID=b"id", networkNamespace="blue", others=((0xE0, b"x"),))
        client = FakeClient(ProxyHeader(tlvs=before))
        self.assertEqual(describe(client).tlvs, before)
        client.isSecure = True
        tlvs = describe(client).tlvs
        self.assertEqual((tlvs.alpn, tlvs.uniqueID, tlvs.others), (b"", b"id", before.others))

    def test_own(self) -> None:
        """
        Connections of our own say so: LOCAL, or in version 1 their addresses.
        """
        here, there = IPv4Address("TCP", "10.0.0.1", 4000), IPv4Address("TCP", "10.0.0.2", 80)
        self.assertEqual(HeaderReader().feed(ownHeader("v2", here, there)), LOCAL)
        self.assertEqual(ownHeader("v1", here, there), b"PROXY TCP4 10.0.0.1 10.0.0.2 4000 80\r\n")


class AnnouncedTests(TLSTestCase):
    """
    Tests for L{Announced}, over real sockets.
    """

    def setUp(self) -> None:
        super().setUp()
        self.reactor = HandReactor()
        self.deadlines = Deadlines(self.reactor)
        self.backend = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.backend.close)
        self.protocol = Recording()

    def dial(self, tls: Any = None) -> Any:
        return dial(
            self.reactor,
            Address(*self.backend.getsockname()),
            self.protocol,
            timeout=5.0,
            tls=Announced(DATA, tls),
            deadlines=self.deadlines,
        )

    def accept(self) -> socket.socket:
        self.reactor.settle()
        accepted, _ = self.backend.accept()
        self.addCleanup(accepted.close)
        accepted.settimeout(5)
        return accepted

    def test_first(self) -> None:
        """
        The header is the first that the backend gets, in one piece, before anything is asked of it.
        """
        self.dial()
        accepted = self.accept()
        self.assertEqual(accepted.recv(1000), DATA)
        transport: Any = self.protocol.transport
        transport.write(b"hello")
        self.assertEqual(accepted.recv(1000), b"hello")
        accepted.send(b"hi")
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"hi")

    def test_beforeTLS(self) -> None:
        """
        With TLS it comes before the handshake, in the clear.
        """
        self.dial(ClientTLS("backend.test", ca=self.ca, deadlines=self.deadlines))
        accepted = self.accept()
        data = accepted.recv(len(DATA))
        self.assertEqual(data, DATA)
        cert, key = self.pair("backend.test")
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(cert)
        context.use_privatekey_file(key)
        server = SSL.Connection(context, None)
        server.set_accept_state()
        server.bio_write(accepted.recv(65536))
        self.assertRaises(SSL.WantReadError, server.do_handshake)
        accepted.send(server.bio_read(65536))
        self.reactor.settle()
        server.bio_write(accepted.recv(65536))
        server.do_handshake()
        transport: Any = self.protocol.transport
        self.assertTrue(transport.isSecure)

    def test_introduced(self) -> None:
        """
        Connections of our own begin with a header, too; in version 1 with their own addresses.
        """
        versions: tuple[Version, ...] = ("v1", "v2")
        for version in versions:
            self.protocol = Recording()
            where = Address(*self.backend.getsockname())
            dial(self.reactor, where, self.protocol, timeout=0, tls=Introduced(version))
            accepted = self.accept()
            header = HeaderReader().feed(accepted.recv(1000))
            assert header is not None
            if version == "v1":
                self.assertEqual(header.source, Address(*accepted.getpeername()))
                self.assertEqual(header.destination, where)
            else:
                self.assertEqual(header, LOCAL)

    def test_refused(self) -> None:
        """
        A backend that is not there is reported as ever.
        """
        where = self.backend.getsockname()
        self.backend.close()
        self.backend = socket.socket()
        self.backend.bind(where)
        self.dial()
        self.reactor.settle()
        assert self.protocol.lost is not None
        self.protocol.lost.trap(ConnectError)

    def test_cancelled(self) -> None:
        """
        Who gives up while the header is on its way hears nothing, and nothing stays open.
        """
        dialing = self.dial()
        self.reactor.turn()
        dialing.cancel()
        accepted = self.accept()
        self.assertEqual((accepted.recv(1000), accepted.recv(1000)), (DATA, b""))
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))
        self.assertIsNone(self.protocol.transport)

    def announce(self, send: Any) -> tuple[list[Any], Any]:
        """
        A handshake over a socket whose C{send} is this.
        """
        ours, theirs = socketPair()
        self.addCleanup(theirs.close)

        class Socket(socket.socket):
            """
            With a send of the test's.
            """

            def send(self, data: Any, flags: int = 0) -> int:
                return int(send(data))

        skt = Socket(fileno=ours.detach())
        self.addCleanup(skt.close)
        peer = IPv4Address("TCP", "127.0.0.1", 1)
        transport = Announced(DATA).clientTransport(skt, self.protocol, peer, self.reactor)
        heard: list[Any] = []
        transport.handshake(heard.append)
        self.assertEqual(heard, [])  # never from within
        return heard, (transport, skt)

    def test_half(self) -> None:
        """
        Half a header is an error, and the connection is closed.
        """
        heard, (_, skt) = self.announce(lambda data: len(data) - 1)
        self.reactor.settle()
        (failure,) = heard
        self.assertIsInstance(failure, Failure)
        self.assertIn("in one piece", str(failure.value))
        self.assertEqual(skt.fileno(), -1)

    def test_resetAtOnce(self) -> None:
        """
        So is a connection that is gone already.
        """

        def gone(data: bytes) -> int:
            raise BrokenPipeError(32, "Broken pipe")

        heard, _ = self.announce(gone)
        self.reactor.settle()
        self.assertIn("Broken pipe", str(heard[0].value))

    def test_abortedMeanwhile(self) -> None:
        """
        Whoever aborts before the answer hears none.
        """
        heard, (transport, skt) = self.announce(len)
        transport.abortConnection()
        self.reactor.settle()
        self.assertEqual((heard, skt.fileno()), ([], -1))
