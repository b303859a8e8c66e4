"""
Tests for L{lbproxy.net.stream}.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import (
    IConsumer,
    IHalfCloseableDescriptor,
    IPushProducer,
    IReadWriteDescriptor,
    ITCPTransport,
)
from twisted.internet.ssl import CertificateOptions, KeyPair
from twisted.protocols import tls
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.net.dialing import dial
from lbproxy.net.listening import listenStream
from lbproxy.net.stream import StreamServer, streamAddress
from tests.net.reactorcase import OneByOne, Recorder
from tests.net.streamcase import StreamCase


class StreamAddressTests(SynchronousTestCase):
    """
    Tests for L{streamAddress}.
    """

    def test_families(self) -> None:
        """
        Each family has its own kind of address.
        """
        found = [
            streamAddress(socket.AF_INET, ("192.0.2.1", 80)),
            streamAddress(socket.AF_INET6, ("2001:db8::1", 80, 7, 0)),
            streamAddress(socket.AF_UNIX, "/run/a"),
            streamAddress(socket.AF_UNIX, ""),
        ]
        expected = [
            IPv4Address("TCP", "192.0.2.1", 80),
            IPv6Address("TCP", "2001:db8::1", 80, 7, 0),
            UNIXAddress("/run/a"),
            UNIXAddress(None),
        ]
        self.assertEqual(expected, found)

    def test_scope(self) -> None:
        """
        A link-local address says on which link.
        """
        index, name = socket.if_nameindex()[0]
        found = streamAddress(socket.AF_INET6, ("fe80::1", 80, 0, index))
        self.assertEqual(IPv6Address("TCP", f"fe80::1%{name}", 80, 0, index), found)

    def test_mapped(self) -> None:
        """
        An IPv4 client of a dual-stack listener is an IPv4 client.
        """
        found = streamAddress(socket.AF_INET6, ("::ffff:192.0.2.1", 80, 0, 0))
        self.assertEqual(IPv4Address("TCP", "192.0.2.1", 80), found)


class StreamTests(StreamCase):
    """
    Tests for L{StreamServer} and L{StreamClient}.
    """

    def pair(self, where: str) -> tuple[Any, Any]:
        """
        Both ends, each with our transport.
        """
        server, client = Recorder(), Recorder()
        port = listenStream(self.reactor, Address.parse(where), OneByOne(server))
        host = port.getHost()
        at = (
            Address.parse(where) if isinstance(host, UNIXAddress) else Address(host.host, host.port)
        )
        dial(self.reactor, at, client, timeout=5.0)
        self.until(lambda: server.events and client.events)
        port.stopListening()
        return server.wire, client.wire

    def test_interfaces(self) -> None:
        """
        Both provide what Twisted's own transports do.
        """
        for wire in self.pair("127.0.0.1:0"):
            for interface in (
                ITCPTransport,
                IPushProducer,
                IConsumer,
                IReadWriteDescriptor,
                IHalfCloseableDescriptor,
            ):
                verifyObject(interface, wire)

    def test_addresses(self) -> None:
        """
        Each end knows itself and its peer.
        """
        for where, kind in (("127.0.0.1:0", IPv4Address), ("[::1]:0", IPv6Address)):
            server, client = self.pair(where)
            self.assertEqual(client.getHost(), server.getPeer())
            self.assertEqual(server.getHost(), client.getPeer())
            self.assertIsInstance(server.getPeer(), kind)

    def test_unixAddresses(self) -> None:
        """
        A UNIX client has no name of its own.
        """
        path = self.mktemp()
        server, client = self.pair(f"unix:{path}")
        self.assertEqual(UNIXAddress(path), client.getPeer())
        self.assertEqual(UNIXAddress(path), server.getHost())
        self.assertEqual(UNIXAddress(None), server.getPeer())

    def test_noDelay(self) -> None:
        """
        Small writes do not wait for the peer's acknowledgement, unless somebody wants them to.
        """
        for wire in self.pair("127.0.0.1:0"):
            self.assertTrue(wire.getTcpNoDelay())
            wire.setTcpNoDelay(False)
            self.assertFalse(wire.getTcpNoDelay())
        for wire in self.pair(f"unix:{self.mktemp()}"):
            wire.setTcpNoDelay(True)
            self.assertFalse(wire.getTcpNoDelay())

    def test_plain(self) -> None:
        """
        They say of themselves that they are not encrypted.
        """
        for wire in self.pair("127.0.0.1:0"):
            self.assertEqual(
                (False, None, ""), (wire.isSecure, wire.negotiatedProtocol, wire.serverName)
            )

    def test_forLogs(self) -> None:
        """
        People can tell from the logs which connection it is, before and after its end.
        """
        server, client = self.pair("127.0.0.1:0")
        for wire in server, client:
            port = str(wire.getPeer().port)
            self.assertIn(port, repr(wire))
            self.assertIn(port, wire.logPrefix())
            self.assertIn("Recorder", wire.logPrefix())
            wire.abortConnection()
        self.until(lambda: not server.connected and not client.connected)
        self.assertIn("lost", repr(server))

    def test_handle(self) -> None:
        """
        The socket may be had for what the transport has no method for.
        """
        for wire in self.pair("127.0.0.1:0"):
            self.assertIsInstance(wire.getHandle(), socket.socket)
            self.assertEqual(wire.fileno(), wire.getHandle().fileno())

    def test_littlePerConnection(self) -> None:
        """
        A connection on which nothing happened carries few attributes of its own.
        """
        server, _ = self.pair("127.0.0.1:0")
        self.assertLessEqual(len(vars(server)), 11, vars(server))
        self.assertIsInstance(server, StreamServer)

    def test_startTLS(self) -> None:
        """
        Twisted's C{startTLS} works on top, with all it has to flush.
        """
        self.patch(tls, "_get_default_clock", lambda: self.reactor)
        serverWire, clientWire = self.pair("127.0.0.1:0")
        server, client = serverWire.protocol, clientWire.protocol
        certificate = KeyPair.generate(size=2048).selfSignedCert(1, CN="localhost")
        serverWire.startTLS(certificate.options())
        clientWire.startTLS(CertificateOptions())
        much = b"much" * 500000
        clientWire.write(much)
        server.onData = serverWire.write
        self.until(lambda: len(client.data) == len(much))
        self.assertTrue(client.data == much)
        serverWire.loseConnection()
        self.until(lambda: client.lost and server.lost)
