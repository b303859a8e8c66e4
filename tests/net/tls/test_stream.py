"""
Tests for L{lbproxy.net.tls.stream}: reading and writing; its end is in C{test_streamend.py}.
"""

from __future__ import annotations

import os
from errno import EAGAIN
from typing import Any

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    ITCPTransport,
    ITransport,
)
from zope.interface.verify import verifyObject

from lbproxy.net.tls.tlssocket import READ_SIZE, PortableTLSSocket, TLSSocket
from tests.net.tls.pairs import readAll
from tests.net.tls.streamcase import PEER, Producer, Recorder, StreamCase

# Full records, so that one read goes on and finds what is behind them.
_FULL = 3 * 16384


class ReadTests(StreamCase):
    """
    Bytes arrive.
    """

    def test_interfaces(self) -> None:
        """
        It is a transport like any other.
        """
        self.assertTrue(verifyObject(ITransport, self.transport))
        self.assertTrue(verifyObject(ITCPTransport, self.transport))
        self.assertTrue(self.transport.getTcpNoDelay())
        self.assertEqual(self.transport.getPeer(), PEER)
        self.assertEqual(self.transport.getHost().host, "127.0.0.1")

    def test_small(self) -> None:
        """
        Each record is delivered.
        """
        self.far.send(b"hello")
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"hello")

    def test_bulk(self) -> None:
        """
        Bulk arrives whole and in order, in few pieces.
        """
        data = os.urandom(1_000_000)
        sent = 0
        while sent < len(data):
            try:
                sent += self.far.send(memoryview(data)[sent:])
            except BlockingIOError:
                pass
            self.reactor.settle()
        self.assertEqual(self.protocol.received, data)

    def test_pauseStopsDelivery(self) -> None:
        """
        After C{pauseProducing} not a byte more is delivered, though more is there; it comes after
        C{resumeProducing}.
        """
        data = os.urandom(4 * READ_SIZE)
        self.protocol.then = self.transport.pauseProducing
        self.far.send(data)
        self.reactor.settle()
        self.assertEqual(self.protocol.deliveries, 1)
        self.assertLessEqual(len(self.protocol.received), READ_SIZE)
        self.transport.resumeProducing()
        self.reactor.settle()
        self.assertEqual(self.protocol.received, data)

    def test_goodbyeBehindBulk(self) -> None:
        """
        The end is noticed even if it was read along with bulk, and comes after all bytes.
        """
        self.far.send(b"x" * _FULL)
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(len(self.protocol.received), _FULL)
        self.assertGone(ConnectionDone)

    def test_goodbyeBehindBulkWhilePaused(self) -> None:
        """
        The same while paused: nothing until the protocol wants to go on.
        """
        self.protocol.then = self.transport.pauseProducing
        self.far.send(b"x" * _FULL)
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(self.protocol.lost, [])
        self.transport.resumeProducing()
        self.reactor.settle()
        self.assertEqual(len(self.protocol.received), _FULL)
        self.assertGone(ConnectionDone)

    def test_brokenProtocol(self) -> None:
        """
        Losing the connection from within C{dataReceived} is fine.
        """
        self.protocol.then = self.transport.abortConnection
        self.far.send(b"x" * _FULL)
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionAborted)


class WriteTests(StreamCase):
    """
    Bytes leave.
    """

    def test_atOnce(self) -> None:
        """
        While nothing is queued, bytes leave without a turn of the loop.
        """
        self.transport.write(b"hello")
        self.assertEqual(readAll(self.far), b"hello")
        self.transport.writeSequence([b"a", b"", b"b" * 20_000, b"c" * 20_000])
        self.assertEqual(len(readAll(self.far)), 40_001)

    def test_slowReader(self) -> None:
        """
        What the peer does not take yet is queued, and arrives in order.
        """
        self.begin(Recorder(), room=50_000)
        data = os.urandom(500_000)
        for start in range(0, len(data), 1000):
            self.transport.write(data[start : start + 1000])
        self.assertGreater(self.transport.queued, 300_000)
        self.assertEqual(self.farReads(), data)
        self.assertEqual((self.transport.queued, self.reactor.writers), (0, {}))

    def test_pushProducer(self) -> None:
        """
        A producer is paused when much is queued, and resumed when all has left.
        """
        self.begin(Recorder(), room=50_000)
        producer = Producer()
        self.transport.registerProducer(producer, True)
        self.transport.write(b"x" * 300_000)
        self.assertEqual(producer.calls, ["pause"])
        self.farReads()
        self.assertEqual(producer.calls, ["pause", "resume"])

    def test_pullProducer(self) -> None:
        """
        A pull producer is asked for more whenever all has left.
        """
        pieces = [b"a" * 20_000, b"b" * 20_000, b"c"]
        transport = self.transport

        class Pull(Producer):
            def resumeProducing(self) -> None:
                if pieces:
                    transport.write(pieces.pop(0))
                else:
                    transport.unregisterProducer()

        self.transport.registerProducer(Pull(), False)
        self.assertEqual(len(self.farReads()), 40_001)
        self.assertEqual(self.reactor.writers, {})

    def test_deadPeer(self) -> None:
        """
        Writing to a peer that has reset the connection ends it, later.
        """
        self.transport.pauseProducing()
        self.transport.write(b"unread")
        self.far.close()
        for _ in range(3):
            self.transport.write(b"x")
        self.assertEqual(self.protocol.lost, [])
        self.reactor.settle()
        self.assertGone(ConnectionLost)

    def test_lastWordsOfADeadPeer(self) -> None:
        """
        What the peer said before it reset the connection is delivered, unless we wrote in between:
        OpenSSL reads nothing more after a write that failed.
        """
        self.far.send(b"go away")
        self.transport.write(b"unread")
        self.far.close()
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"go away")
        self.assertGone(ConnectionLost)

    def test_afterTheEnd(self) -> None:
        """
        Nothing happens on a lost connection.
        """
        self.transport.abortConnection()
        self.reactor.settle()
        for call in (
            lambda: self.transport.write(b"x"),
            lambda: self.transport.writeSequence([b"x"]),
            self.transport.loseConnection,
            self.transport.abortConnection,
            self.transport.loseWriteConnection,
            self.transport.pauseProducing,
            self.transport.resumeProducing,
        ):
            call()
        self.reactor.settle()
        self.assertGone(ConnectionAborted)


class FakeTLSSocket(TLSSocket):  # type: ignore[misc,valid-type]
    """
    Now and then it cannot go on: what TLS does for a KeyUpdate, which pyOpenSSL can't ask for.
    """

    blocked = ""

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        if self.blocked == "recv":
            self.wantsWrite = True
            raise BlockingIOError(EAGAIN, "not now")
        self.wantsWrite = False
        data: bytes = super().recv(bufsiz)
        return data

    def send(self, buf: Any, flags: int = 0) -> int:
        if self.blocked == "send":
            self.wantsRead = True
            raise BlockingIOError(EAGAIN, "not now")
        sent: int = super().send(buf)
        return sent


class CrossedTests(StreamCase):
    """
    A read that has to write first, and a write that has to read first.
    """

    def setUp(self) -> None:
        super().setUp()
        skt: Any = self.transport.socket
        skt.__class__ = FakeTLSSocket
        self.skt = skt

    def test_readHasToWrite(self) -> None:
        """
        Such a read is tried again when the descriptor is writable; the loop does not spin.
        """
        self.skt.blocked = "recv"
        self.far.send(b"hello")
        self.reactor.turn()
        self.assertEqual((self.reactor.readers, len(self.reactor.writers)), ({}, 1))
        self.skt.blocked = ""
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"hello")
        self.assertEqual((len(self.reactor.readers), self.reactor.writers), (1, {}))

    def test_readHasToWriteWhilePaused(self) -> None:
        """
        A protocol that paused meanwhile is not disturbed.
        """
        self.skt.blocked = "recv"
        self.far.send(b"hello")
        self.reactor.turn()
        self.transport.pauseProducing()
        self.skt.blocked = ""
        self.reactor.settle()
        self.assertEqual((self.protocol.received, self.reactor.readers), (b"", {}))
        self.transport.resumeProducing()
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"hello")

    def test_writeHasToRead(self) -> None:
        """
        Such a write is tried again after something was read; the loop does not spin.
        """
        self.skt.blocked = "send"
        self.transport.write(b"question")
        self.reactor.settle()
        self.assertEqual(self.reactor.writers, {})
        self.skt.blocked = ""
        self.far.send(b"x")
        self.reactor.settle()
        self.assertEqual(readAll(self.far), b"question")
        self.assertEqual(self.transport.queued, 0)

    def test_writeHasToReadThenIsFull(self) -> None:
        """
        What held a write up is forgotten when it goes on.
        """
        self.begin(Recorder(), room=50_000)
        skt: Any = self.transport.socket
        skt.__class__ = FakeTLSSocket
        skt.blocked = "send"
        self.transport.write(b"a" * 200_000)
        self.reactor.settle()
        skt.blocked = ""
        self.far.send(b"x")
        self.reactor.settle()
        self.assertEqual(len(self.farReads()), 200_000)


class PortableStreamTests(StreamCase):
    """
    The same transport on pyOpenSSL's public methods.
    """

    def test_bothWays(self) -> None:
        """
        Bytes pass both ways, and it ends well.
        """
        self.transport.socket.__class__ = PortableTLSSocket
        self.transport.write(b"a" * 100_000)
        self.far.send(b"b" * 50_000)
        self.assertEqual(len(self.farReads()), 100_000)
        self.assertEqual(len(self.protocol.received), 50_000)
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)
