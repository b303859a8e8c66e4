"""
Tests for L{lbproxy.net.tls.choosing}.
"""

from __future__ import annotations

import socket
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.python.failure import Failure

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.choosing import ChoosingTLS
from lbproxy.net.tls.server import ServerTLS
from lbproxy.wire.clienthello import ClientHello
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import TLSTestCase, socketPair
from tests.net.tls.streamcase import Recorder

_PEER = IPv4Address("TCP", "192.0.2.1", 5)


class Accepting(Recorder):
    """
    Remembers failures, too.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[Failure] = []

    def handshakeFailed(self, failure: Failure) -> None:
        """
        There will be no TLS.
        """
        self.failures.append(failure)


class ChoosingTLSTests(TLSTestCase):
    """
    C{pass.test} is left alone, everybody else gets our TLS.
    """

    def setUp(self) -> None:
        super().setUp()
        self.reactor = HandReactor()
        self.deadlines = Deadlines(self.reactor)
        self.deadlines.start()
        self.tls = ServerTLS([self.pair("a.test")], alpn=[b"h2"], deadlines=self.deadlines)
        self.seen: list[Any] = []
        self.protocol = Accepting()
        self._open(*socketPair())

    def _open(self, near: socket.socket, far: socket.socket) -> None:
        self.near, self.far = near, far
        self.addCleanup(near.close)
        self.addCleanup(far.close)

    def _passes(self, hello: ClientHello, peer: object) -> bool:
        self.seen.append((hello.serverName, hello.alpn, peer))
        return hello.serverName == "pass.test"

    def _accept(self) -> Any:
        accepted: Any = ChoosingTLS(self.tls, self._passes).serverTransport(
            self.far, self.protocol, _PEER, None, self.reactor
        )
        accepted.begin()
        return accepted

    def _hello(self, name: str) -> bytes:
        """
        A real one.
        """
        self.client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.client.set_tlsext_host_name(name.encode())
        self.client.set_alpn_protos([b"h2"])
        self.client.set_connect_state()
        self.assertRaises(SSL.WantReadError, self.client.do_handshake)
        return self.client.bio_read(65536)

    def _finish(self) -> None:
        """
        The rest of the handshake.
        """
        for _ in range(4):
            self.reactor.settle()
            try:
                self.client.bio_write(self.near.recv(65536))
                self.client.do_handshake()
            except (BlockingIOError, SSL.WantReadError):
                pass
            try:
                self.near.send(self.client.bio_read(65536))
            except SSL.WantReadError:
                break
        self.client.send(b"hello")
        self.near.send(self.client.bio_read(65536))
        self.reactor.settle()

    def test_passed(self) -> None:
        """
        Who is left alone gets a plain transport, and every byte of his hello.
        """
        self._accept()
        hello = self._hello("pass.test")
        self.near.send(hello)
        self.reactor.settle()
        self.assertEqual(self.seen, [("pass.test", (b"h2",), _PEER)])
        self.assertEqual(self.protocol.received, hello)
        transport: Any = self.protocol.transport
        self.assertFalse(transport.isSecure)

    def test_ended(self) -> None:
        """
        Everybody else gets our TLS.
        """
        self._accept()
        self.near.send(self._hello("a.test"))
        self._finish()
        self.assertEqual(self.protocol.received, b"hello")
        transport: Any = self.protocol.transport
        self.assertEqual((transport.isSecure, transport.serverName), (True, "a.test"))

    def test_byteByByte(self) -> None:
        """
        A hello in the smallest of pieces is waited for, without turning idly.
        """
        for pair in (socketPair(), socket.socketpair()):
            for end in pair:
                end.setblocking(False)
            self._open(*pair)
            self.protocol = Accepting()
            self._accept()
            hello = self._hello("pass.test")
            for start in range(0, len(hello), 31):
                self.near.send(hello[start : start + 31])
                self.reactor.settle()
                self.reactor.advance(0.06)
            self.reactor.settle()
            self.assertEqual(self.protocol.received, hello)
            self.near.send(b"x")
            self.reactor.settle()
            self.assertEqual(self.protocol.received, hello + b"x", "single bytes are read again")

    def test_notTLS(self) -> None:
        """
        Who does not speak TLS hears so from ours.
        """
        self._accept()
        self.near.send(b"GET / HTTP/1.1\r\n\r\n")
        self.reactor.settle()
        self.assertEqual(self.tls.failed, {"http request": 1})
        self.assertEqual((self.far.fileno(), len(self.protocol.failures)), (-1, 1))

    def test_tooLong(self) -> None:
        """
        A hello that never ends is not waited for.
        """
        self._accept()
        record = b"\x16\x03\x01\x3f\xff"
        self.near.send(record + b"\x01\x00\x3f\xf0" + bytes(16375) + record)
        self.reactor.settle()
        self.assertEqual(self.far.fileno(), -1)
        self.assertEqual(sum(self.tls.failed.values()), 1)

    def test_silence(self) -> None:
        """
        Neither is one that does not come, or not whole.
        """
        for said in (b"", b"\x16", b"\x16\x03\x01\x02\x00\x01"):
            self._open(*socketPair())
            self.protocol = Accepting()
            self._accept()
            if said:
                self.near.send(said)
            for _ in range(99):
                self.assertNotEqual(self.far.fileno(), -1)
                self.reactor.settle()
                self.reactor.advance(0.1)
            self.reactor.pump([0.1] * 3)
            self.assertEqual(self.far.fileno(), -1)
            [failure] = self.protocol.failures
            self.assertEqual(str(failure.value), "TLS: no hello within 10 s")
            self._assertNothingLeft()

    def test_clientLeaves(self) -> None:
        """
        A client that goes before it has said all is let go.
        """
        self._accept()
        self.near.close()
        self.reactor.settle()
        self.assertEqual(self.far.fileno(), -1)
        self._assertNothingLeft()

    def test_clientLeavesHalfway(self) -> None:
        """
        One that goes in the middle costs a look now and then until its time is up.
        """
        self._accept()
        self.near.send(b"\x16\x03\x01\x02\x00\x01")
        self.reactor.settle()
        self.near.shutdown(socket.SHUT_WR)
        self.reactor.settle()
        for _ in range(105):
            self.reactor.advance(0.1)
            self.reactor.settle()
        self.assertEqual(self.far.fileno(), -1)
        self._assertNothingLeft()

    def test_givenUp(self) -> None:
        """
        The port may give up; the protocol hears nothing.
        """
        accepted = self._accept()
        accepted.abortConnection()
        accepted.abortConnection()
        self.assertEqual((self.far.fileno(), self.protocol.failures), (-1, []))
        self._assertNothingLeft()

    def test_reactorStops(self) -> None:
        """
        What waits ends with the reactor.
        """
        self._accept().connectionLost(Failure(Exception("shutdown")))
        self.assertEqual(self.far.fileno(), -1)
        self._assertNothingLeft()

    def test_brokenChoice(self) -> None:
        """
        When the question itself fails, the connection ends and the error is logged.
        """

        def broken(hello: ClientHello, peer: object) -> bool:
            raise RuntimeError("broken")

        accepted: Any = ChoosingTLS(self.tls, broken).serverTransport(
            self.far, self.protocol, _PEER, None, self.reactor
        )
        accepted.begin()
        self.near.send(self._hello("pass.test"))
        self.reactor.settle()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(self.far.fileno(), -1)
        self._assertNothingLeft()

    def _assertNothingLeft(self) -> None:
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))
        self.deadlines.stop()
        self.assertEqual((len(self.deadlines), self.reactor.getDelayedCalls()), (0, []))
        self.deadlines.start()
