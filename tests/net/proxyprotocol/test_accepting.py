"""
Tests for L{lbproxy.net.proxyprotocol.accepting}.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IProtocolFactory, IReadDescriptor
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.listening import listenStream
from lbproxy.net.proxyprotocol import ProxiedListener
from lbproxy.net.proxyprotocol.accepting import AwaitedHeader
from lbproxy.net.tls.server import ServerTLS
from lbproxy.wire.proxyprotocol import LOCAL, ProxyHeader, Transport, encodeV1, encodeV2
from tests.net.proxyprotocol.recording import Recording, RecordingFactory
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import TLSTestCase

CLIENT = ProxyHeader(Transport.STREAM, Address("192.0.2.7", 4000), Address("203.0.113.1", 443))
SIX = ProxyHeader(Transport.STREAM, Address("2001:db8::7", 4000), Address("2001:db8::1", 443))
PATHS = ProxyHeader(Transport.STREAM, Address(path=""), Address(path="/run/edge"))


class ProxiedListenerTests(TLSTestCase):
    """
    Tests for L{ProxiedListener}, over real sockets.
    """

    def setUp(self) -> None:
        super().setUp()
        self.reactor = HandReactor()
        self.reactor.advance(1000.0)
        self.deadlines = Deadlines(self.reactor)
        self.deadlines.start()
        self.addCleanup(self.deadlines.stop)
        self.factory = RecordingFactory()

    def listen(self, trusted: bool = True, tls: Any = None, path: str = "", **kind: Any) -> None:
        listener: Any = ProxiedListener(
            self.factory, lambda ip: trusted, self.deadlines, tls=tls, **kind
        )
        self.listener: ProxiedListener = listener
        address = Address(path=path) if path else Address("127.0.0.1", 0)
        self.port = listenStream(self.reactor, address, listener, tls=listener)
        self.addCleanup(self.port.stopListening)

    def connect(self) -> socket.socket:
        family = self.port.socket.family
        client = socket.socket(family)
        self.addCleanup(client.close)
        client.connect(self.port.socket.getsockname())
        client.settimeout(5)
        return client

    def send(self, *pieces: bytes) -> socket.socket:
        """
        Connect, and send these, each in a turn of its own.
        """
        client = self.connect()
        for piece in pieces:
            client.send(piece)
            self.reactor.settle()
        return client

    def only(self) -> Recording:
        (protocol,) = self.factory.built
        return protocol

    def isReset(self, client: socket.socket) -> bool:
        try:
            return client.recv(10) == b""
        except ConnectionResetError:
            return True

    # -- who it is

    def test_interfaces(self) -> None:
        """
        It is a factory, and what it waits with is a descriptor.
        """
        self.listen()
        verifyObject(IProtocolFactory, self.listener)
        awaited: Any = AwaitedHeader(self.listener, socket.socket(), None, None, None)  # type: ignore[arg-type]
        verifyObject(IReadDescriptor, awaited)
        awaited.abortConnection()

    def test_client(self) -> None:
        """
        From the first line on the client is the one that the header names.
        """
        for data in (encodeV1(CLIENT), encodeV2(CLIENT), encodeV2(CLIENT, checksum=True)):
            self.factory = RecordingFactory()
            self.listen()
            self.send(data + b"hello")
            peer = IPv4Address("TCP", "192.0.2.7", 4000)
            self.assertEqual(self.factory.asked, [peer])
            protocol = self.only()
            self.assertEqual(protocol.peer, peer)
            self.assertEqual(protocol.host, IPv4Address("TCP", "203.0.113.1", 443))
            self.assertEqual(protocol.received, b"hello")

    def test_otherFamilies(self) -> None:
        """
        The client's address may be of another family than the connection.
        """
        for header, peer, host in (
            (
                SIX,
                IPv6Address("TCP", "2001:db8::7", 4000),
                IPv6Address("TCP", "2001:db8::1", 443),
            ),
            (PATHS, UNIXAddress(None), UNIXAddress(b"/run/edge")),
        ):
            self.factory = RecordingFactory()
            self.listen()
            self.send(encodeV2(header) + b"hello")
            protocol = self.only()
            self.assertEqual((protocol.peer, protocol.host), (peer, host))
            self.assertEqual(protocol.received, b"hello")

    def test_ownAddresses(self) -> None:
        """
        When the sender speaks for itself, or does not know, the connection's addresses count.
        """
        for data in (encodeV2(LOCAL), b"PROXY UNKNOWN\r\n"):
            self.factory = RecordingFactory()
            self.listen()
            client = self.send(data + b"hello")
            protocol = self.only()
            self.assertEqual(protocol.peer, IPv4Address("TCP", *client.getsockname()))
            self.assertEqual(protocol.host, IPv4Address("TCP", *client.getpeername()))
            self.assertEqual(protocol.received, b"hello")

    def test_overUNIX(self) -> None:
        """
        Proxies on the same machine may come over a UNIX socket.
        """
        self.listen(path=os.path.join(self.folder, "edge"))
        self.send(encodeV2(CLIENT) + b"hello")
        self.assertEqual(self.only().peer, IPv4Address("TCP", "192.0.2.7", 4000))

    def test_headerObject(self) -> None:
        """
        Whoever wants to know more finds the header at the transport's socket.
        """
        self.listen()
        self.send(encodeV2(CLIENT))
        transport: Any = self.only().transport
        self.assertEqual(transport.socket.header, CLIENT)

    # -- how it comes

    def test_byteByByte(self) -> None:
        """
        It may come in any pieces; the protocol is built when it is whole, and gets what follows.
        """
        for data in (encodeV1(CLIENT), encodeV2(SIX)):
            self.factory = RecordingFactory()
            self.listen()
            client = self.connect()
            for byte in data[:-1]:
                client.send(bytes((byte,)))
                self.reactor.settle()
                self.assertEqual(self.factory.asked, [])
            self.assertEqual(self.listener.waiting, 1)
            client.send(data[-1:])
            client.send(b"hello")
            self.reactor.settle()
            self.assertEqual(self.only().received, b"hello")
            self.assertEqual(self.listener.waiting, 0)

    def test_withoutMore(self) -> None:
        """
        The header alone connects the protocol: with some protocols the server speaks first.
        """
        self.listen()
        client = self.send(encodeV1(CLIENT))
        transport: Any = self.only().transport
        transport.write(b"220 welcome\r\n")
        self.assertEqual(client.recv(100), b"220 welcome\r\n")

    def test_muchBehind(self) -> None:
        """
        Nothing of what follows is lost or read twice, however much it is.
        """
        self.listen()
        data = os.urandom(200_000)
        client = self.connect()
        client.settimeout(None)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        client.send(encodeV2(CLIENT) + data)
        self.reactor.settle()
        self.assertEqual(self.only().received, data)

    def test_severalAtOnce(self) -> None:
        """
        Those who are slow keep nobody waiting.
        """
        self.listen()
        slow = self.send(b"PROXY TCP4 192.0.2.8 203.0.113.1 ")
        self.send(encodeV1(CLIENT))
        self.assertEqual(len(self.factory.built), 1)
        slow.send(b"4000 443\r\n")
        self.reactor.settle()
        self.assertEqual(self.factory.built[1].peer, IPv4Address("TCP", "192.0.2.8", 4000))

    # -- what it must not be

    def test_malformed(self) -> None:
        """
        No header, a wrong one, TLS first: the connection is reset, nothing is built.
        """
        unknownFamily = encodeV2(CLIENT).replace(b"\x21\x11", b"\x21\x51")
        for data in (b"GET / HTTP/1.1\r\n", unknownFamily, b"\x16\x03\x01\x02\x00"):
            self.factory = RecordingFactory()
            self.listen()
            with capturedLogs() as events:
                client = self.send(data)
            self.assertTrue(self.isReset(client))
            self.assertEqual((self.factory.asked, self.listener.malformed), ([], 1))
            self.assertEqual(len(events), 1)
            self.assertEqual(self.listener.waiting, 0)

    def test_late(self) -> None:
        """
        Who does not send it in time is reset; a byte now and then does not help.
        """
        self.listen(timeout=3.0)
        client = self.send(b"P")
        for byte in (b"R", b"O", b"X"):
            self.reactor.advance(0.9)
            client.send(byte)
            self.reactor.settle()
        self.assertEqual(self.listener.waiting, 1)
        self.reactor.advance(0.5)
        self.assertTrue(self.isReset(client))
        self.assertEqual((self.listener.late, self.listener.waiting), (1, 0))
        self.assertEqual(len(self.reactor.readers), 1)

    def test_shortestTimeout(self) -> None:
        """
        Less than three seconds would fail honest proxies whose segment was lost.
        """
        self.assertRaises(
            ValueError, ProxiedListener, self.factory, bool, self.deadlines, timeout=2.9
        )

    def test_leaves(self) -> None:
        """
        Who leaves before the header is whole leaves nothing behind.
        """
        self.listen()
        client = self.send(b"PROXY ")
        client.close()
        self.reactor.settle()
        self.assertEqual((self.listener.waiting, self.factory.asked), (0, []))
        client = self.send(b"PROXY ")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        self.reactor.settle()
        self.assertEqual(self.listener.waiting, 0)
        self.assertEqual((len(self.reactor.readers), len(self.deadlines)), (1, 0))

    def test_noFlood(self) -> None:
        """
        A thousand bad connections are one line in the log.
        """
        self.listen()
        with capturedLogs() as events:
            for _ in range(20):
                self.send(b"x")
        self.assertEqual((len(events), self.listener.malformed), (1, 20))

    def test_untrusted(self) -> None:
        """
        Who may not send headers is closed where they are required, whatever it sends.
        """
        self.listen(trusted=False)
        client = self.send(encodeV1(CLIENT))
        self.assertTrue(self.isReset(client))
        self.assertEqual((self.factory.asked, self.listener.denied), ([], 1))

    def test_notRequired(self) -> None:
        """
        Where they are not, it is served as what it is, and a header from it is just bytes.
        """
        self.listen(trusted=False, required=False)
        client = self.send(encodeV1(CLIENT))
        protocol = self.only()
        self.assertEqual(protocol.peer, IPv4Address("TCP", *client.getsockname()))
        self.assertEqual(protocol.received, encodeV1(CLIENT))

    def test_trustedMustSend(self) -> None:
        """
        Who may send headers must, required or not: it is never guessed whether there is one.
        """
        self.listen(required=False)
        client = self.send(b"GET / HTTP/1.1\r\n")
        self.assertTrue(self.isReset(client))
        self.assertEqual(self.factory.asked, [])

    def test_clientRefused(self) -> None:
        """
        The factory may refuse the client that the header names.
        """
        self.listen()
        self.factory.refusing = True
        client = self.send(encodeV1(CLIENT))
        self.assertTrue(self.isReset(client))
        self.assertEqual(self.factory.asked, [IPv4Address("TCP", "192.0.2.7", 4000)])

    def test_defectOfOurs(self) -> None:
        """
        A protocol that fails to begin costs its own connection.
        """
        self.listen()

        def broken(protocol: Recording) -> None:
            raise ValueError("a defect")

        self.patch(Recording, "connectionMade", broken)
        client = self.send(encodeV1(CLIENT))
        self.reactor.settle()
        self.assertTrue(self.isReset(client))
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    # -- its surroundings

    def test_startAndStop(self) -> None:
        """
        The factory is told of ports as ever.
        """
        self.listen()
        self.assertEqual(self.factory.started, 1)
        self.port.stopListening()
        self.assertEqual(self.factory.started, 0)

    def test_reactorEnds(self) -> None:
        """
        When the reactor ends, those who are waited for are closed.
        """
        self.listen()
        client = self.send(b"PROXY ")
        (awaited,) = [reader for reader in self.reactor.readers if reader is not self.port]
        self.reactor.removeReader(awaited)
        with capturedLogs() as events:
            awaited.connectionLost(Failure(ConnectionLost()))
        awaited.connectionLost(Failure(ConnectionDone()))
        self.assertTrue(self.isReset(client))
        self.assertEqual((self.listener.waiting, events), (0, []))

    def test_belowTLS(self) -> None:
        """
        With TLS the header comes before it, in the clear, in the same segment or not; the client is
        known throughout.
        """
        tls = ServerTLS([self.pair("edge.test")], alpn=[b"h2"], deadlines=self.deadlines)
        for cut in (0, 5, 1000):
            self.factory = RecordingFactory()
            self.listen(tls=tls)
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_alpn_protos([b"h2"])
            client = SSL.Connection(context, None)
            client.set_connect_state()
            self.assertRaises(SSL.WantReadError, client.do_handshake)
            hello = encodeV2(SIX) + client.bio_read(5000)
            plain = self.send(*(piece for piece in (hello[:cut], hello[cut:]) if piece))
            client.bio_write(plain.recv(65536))
            client.do_handshake()
            client.send(b"hello")
            plain.send(client.bio_read(5000))
            self.reactor.settle()
            protocol = self.only()
            self.assertEqual(protocol.peer, IPv6Address("TCP", "2001:db8::7", 4000))
            self.assertEqual(protocol.host, IPv6Address("TCP", "2001:db8::1", 443))
            self.assertEqual(protocol.received, b"hello")
            transport: Any = protocol.transport
            self.assertTrue(transport.isSecure)
            self.assertEqual(transport.negotiatedProtocol, b"h2")
            transport.abortConnection()
            self.reactor.settle()
