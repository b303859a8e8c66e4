"""
Tests for L{lbproxy.net.tls.stream}: one end is the transport, the other is played by the test.
"""

from __future__ import annotations

import os
import socket
from errno import EAGAIN, ECONNRESET
from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    ITCPTransport,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.stream import TLSStream
from lbproxy.net.tls.tlssocket import READ_SIZE, PortableTLSSocket, TLSSocket
from tests.net.tls.handreactor import HandReactor
from tests.net.tls.pairs import readAll, shakeHands, socketPair
from tests.net.tls.test_tlssocket import serverContext

_PEER = IPv4Address("TCP", "192.0.2.1", 5)


class Recorder(Protocol):
    """
    Remembers what it hears; does what C{then} says with the next bytes.
    """

    def __init__(self) -> None:
        self.received = b""
        self.deliveries = 0
        self.lost: list[Failure] = []
        self.then: Any = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        self.deliveries += 1
        then, self.then = self.then, None
        if then is not None:
            then()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost.append(reason)


@implementer(IHalfCloseableProtocol)
class HalfCloser(Recorder):
    """
    Would like to know about half-closes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.halves: list[str] = []

    def readConnectionLost(self) -> None:
        self.halves.append("read")

    def writeConnectionLost(self) -> None:
        self.halves.append("write")


@implementer(IPushProducer)
class Producer:
    """
    Remembers.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


class StreamCase(SynchronousTestCase):
    """
    A transport with its protocol, and its peer.
    """

    protocol: Recorder
    transport: Any = None

    def setUp(self) -> None:
        self.reactor = HandReactor()
        self.deadlines = Deadlines(self.reactor)
        self.deadlines.start()
        self.begin(Recorder())

    def begin(self, protocol: Recorder, room: int = 0) -> None:
        """
        @param room: bytes that may be on their way, roughly.
        """
        if self.transport is not None:
            self.transport.abortConnection()
            self.reactor.settle()
        near, far = socket.socketpair() if room else socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        if room:
            near.setblocking(False)
            far.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        ours = TLSSocket(serverContext(), near, TLSSocket.makeScratch())
        ours.set_accept_state()
        self.far = TLSSocket(SSL.Context(SSL.TLS_CLIENT_METHOD), far, TLSSocket.makeScratch())
        self.far.set_connect_state()
        self.assertEqual(shakeHands(self.far, ours), ("up", "up"))
        readAll(self.far)
        self.protocol = protocol
        self.transport = TLSStream(
            ours, protocol, _PEER, self.reactor, self.deadlines, closeTimeout=4.0
        )
        self.transport.begin()

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        for _ in range(round(seconds * 10)):
            self.reactor.advance(0.1)
            self.reactor.settle()

    def assertGone(self, reason: type[Exception]) -> None:
        """
        The protocol heard once, and nothing is left behind.
        """
        self.assertEqual([f.type for f in self.protocol.lost], [reason])
        self.assertEqual((self.reactor.readers, self.reactor.writers), ({}, {}))
        self.assertEqual(len(self.deadlines), 0)
        self.assertFalse(self.transport.connected)

    def farReads(self) -> bytes:
        """
        All that arrives at the peer.
        """
        found = b""
        while True:
            self.reactor.settle()
            more = readAll(self.far)
            if not more:
                return found
            found += more


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
        self.assertEqual(self.transport.getPeer(), _PEER)
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
        self.far.send(b"x" * 40_000)
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(len(self.protocol.received), 40_000)
        self.assertGone(ConnectionDone)

    def test_goodbyeBehindBulkWhilePaused(self) -> None:
        """
        The same while paused: nothing until the protocol wants to go on.
        """
        self.protocol.then = self.transport.pauseProducing
        self.far.send(b"x" * 40_000)
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(self.protocol.lost, [])
        self.transport.resumeProducing()
        self.reactor.settle()
        self.assertEqual(len(self.protocol.received), 40_000)
        self.assertGone(ConnectionDone)

    def test_brokenProtocol(self) -> None:
        """
        Losing the connection from within C{dataReceived} is fine.
        """
        self.protocol.then = self.transport.abortConnection
        self.far.send(b"x" * 40_000)
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


class PeerEndsTests(StreamCase):
    """
    The peer goes.
    """

    def test_goodbye(self) -> None:
        """
        A close_notify is answered with one, and is a clean end.
        """
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)
        self.assertEqual(self.far.recv(READ_SIZE), b"")
        self.assertEqual(self.far.plain.recv(1), b"", "and a FIN")

    def test_goodbyeWhileQueued(self) -> None:
        """
        What was queued when the peer said goodbye is still sent; more is not taken.
        """
        self.begin(Recorder(), room=50_000)
        data = os.urandom(300_000)
        self.transport.write(data)
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(self.protocol.lost, [])
        self.transport.write(b"too late")
        self.assertEqual(self.farReads(), data)
        self.assertGone(ConnectionDone)

    def test_goodbyeWhileQueuedWithProducer(self) -> None:
        """
        A producer does not keep a connection open whose peer has left.
        """
        self.begin(Recorder(), room=50_000)
        producer = Producer()
        self.transport.registerProducer(producer, True)
        self.transport.write(b"x" * 300_000)
        self.far.shutdown()
        self.farReads()
        self.assertGone(ConnectionDone)
        self.assertEqual(producer.calls, ["pause", "stop"])

    def test_goodbyeAndStuck(self) -> None:
        """
        A peer that says goodbye and does not read what is queued is not waited for.
        """
        self.begin(Recorder(), room=50_000)
        self.transport.write(b"x" * 300_000)
        self.far.shutdown()
        self.wait(5)
        self.assertGone(ConnectionAborted)

    def test_halfCloseIsNotOffered(self) -> None:
        """
        A protocol that knows half-closes sees the whole connection end.
        """
        protocol = HalfCloser()
        self.begin(protocol)
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(protocol.halves, [])
        self.assertGone(ConnectionDone)

    def test_mereFIN(self) -> None:
        """
        An end without close_notify is not a clean one.
        """
        for protocol in (Recorder(), HalfCloser()):
            self.begin(protocol)
            self.far.send(b"cut sho")
            self.far.plain.shutdown(socket.SHUT_WR)
            self.reactor.settle()
            self.assertEqual(self.protocol.received, b"cut sho")
            self.assertGone(ConnectionLost)

    def test_reset(self) -> None:
        """
        A reset is a lost connection, also while nothing is read.
        """
        for pause in (False, True):
            self.begin(Recorder())
            if pause:
                self.transport.pauseProducing()
            self.transport.write(b"unread")
            self.far.close()
            self.reactor.settle()
            if pause:
                self.assertEqual(self.protocol.lost, [])
                self.transport.resumeProducing()
                self.reactor.settle()
            self.assertGone(ConnectionLost)


class LoseConnectionTests(StreamCase):
    """
    Closing from this side.
    """

    def test_goodbyeBothWays(self) -> None:
        """
        A close_notify is sent; the connection is lost when the peer answers it.
        """
        self.transport.write(b"bye")
        self.transport.loseConnection()
        self.assertEqual(self.protocol.lost, [], "never from within the call")
        self.reactor.settle()
        self.assertEqual(self.far.recv(READ_SIZE), b"bye")
        self.assertEqual(self.far.recv(READ_SIZE), b"")
        self.assertEqual(self.protocol.lost, [], "the peer may still read")
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_peerJustCloses(self) -> None:
        """
        Most peers answer with a mere FIN; that's clean enough after our goodbye.
        """
        self.transport.loseConnection()
        self.reactor.settle()
        self.far.close()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_queuedIsSentFirst(self) -> None:
        """
        What was written arrives before the goodbye.
        """
        self.begin(Recorder(), room=50_000)
        data = os.urandom(300_000)
        self.transport.write(data)
        self.transport.loseConnection()
        self.assertEqual(self.farReads(), data)
        self.assertEqual(self.far.recv(READ_SIZE), b"")
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_whatComesIsDropped(self) -> None:
        """
        The protocol hears nothing more of what the peer says, paused or not.
        """
        for pause in (False, True):
            self.begin(Recorder())
            if pause:
                self.transport.pauseProducing()
            self.transport.loseConnection()
            self.far.send(b"x" * 100_000)
            self.reactor.settle()
            self.assertEqual(self.protocol.received, b"")
            self.far.shutdown()
            self.reactor.settle()
            self.assertGone(ConnectionDone)

    def test_writesAfterTheGoodbye(self) -> None:
        """
        Bytes written after the goodbye has left go nowhere.
        """
        self.transport.loseConnection()
        self.reactor.settle()
        self.transport.write(b"x")
        self.transport.writeSequence([b"x", b"y"])
        self.reactor.settle()
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_silentPeer(self) -> None:
        """
        A peer that has everything but does not answer is waited for briefly.
        """
        # This clock is too quick for acknowledgements that take their time.
        self.far.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self.transport.write(b"bye")
        self.transport.loseConnection()
        self.wait(1.5)
        self.assertEqual(self.protocol.lost, [])
        self.wait(3)
        self.assertGone(ConnectionDone)
        self.assertEqual(readAll(self.far), b"bye")

    def test_talkativePeer(self) -> None:
        """
        Nor does a peer that goes on sending hold the connection open.
        """
        self.transport.loseConnection()
        for _ in range(50):
            if self.protocol.lost:
                break
            self.far.send(b"x" * 1000)
            self.wait(0.1)
        self.assertGone(ConnectionDone)

    def test_stuckPeer(self) -> None:
        """
        A peer that does not read what is left for it is reset.
        """
        self.begin(Recorder(), room=50_000)
        self.transport.write(b"x" * 300_000)
        self.transport.loseConnection()
        self.wait(1.5)
        self.assertEqual(self.protocol.lost, [])
        self.wait(3)
        self.assertGone(ConnectionAborted)

    def test_stuckWithUnsentInTheKernel(self) -> None:
        """
        So is one when the kernel has it all already.
        """
        self.transport.write(b"x" * 1_000_000)
        while self.transport.queued:
            self.assertTrue(readAll(self.far))
            self.reactor.settle()
        self.transport.loseConnection()
        self.wait(4.5)
        self.assertGone(ConnectionAborted)

    def test_slowPeer(self) -> None:
        """
        As long as it moves, it goes on: a slow reader gets all of it.
        """
        self.begin(Recorder(), room=50_000)
        self.transport.write(b"x" * 300_000)
        self.transport.loseConnection()
        count = 0
        while count < 300_000:
            count += len(self.far.recv(READ_SIZE))
            self.wait(1)
            self.assertEqual(self.protocol.lost, [])
        self.assertEqual(self.far.recv(READ_SIZE), b"")
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_producerFinishesFirst(self) -> None:
        """
        A producer that was held up may finish, however long it takes.
        """
        self.begin(Recorder(), room=50_000)
        producer = Producer()
        self.transport.registerProducer(producer, True)
        self.transport.write(b"x" * 300_000)
        self.transport.loseConnection()
        self.assertEqual(len(self.farReads()), 300_000)
        self.assertEqual(producer.calls, ["pause", "resume"])
        self.wait(10)
        self.transport.write(b"last")
        self.assertEqual(readAll(self.far), b"last")
        self.transport.unregisterProducer()
        self.reactor.settle()
        self.assertEqual(self.far.recv(READ_SIZE), b"")
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_twice(self) -> None:
        """
        Asking again changes nothing.
        """
        self.transport.loseConnection()
        self.transport.loseConnection()
        self.reactor.settle()
        self.transport.loseConnection()
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_bothAtOnce(self) -> None:
        """
        Goodbyes that cross are fine.
        """
        self.far.shutdown()
        self.transport.loseConnection()
        self.reactor.settle()
        self.assertGone(ConnectionDone)


class OtherEndsTests(StreamCase):
    """
    Aborting, half-closing, and the end of the reactor.
    """

    def test_abort(self) -> None:
        """
        The peer sees a reset, the protocol hears of it after the call.
        """
        self.transport.abortConnection()
        self.assertEqual(self.protocol.lost, [])
        self.reactor.settle()
        self.assertGone(ConnectionAborted)
        error = self.assertRaises(OSError, self.far.plain.recv, 1)
        self.assertEqual(error.errno, ECONNRESET)

    def test_abortWhileClosing(self) -> None:
        """
        A closing connection may be aborted at any time.
        """
        for turns in range(4):
            self.begin(Recorder())
            self.transport.loseConnection()
            for _ in range(turns):
                self.reactor.turn()
            self.transport.abortConnection()
            self.reactor.settle()
            self.assertGone(ConnectionAborted)

    def test_loseWriteConnection(self) -> None:
        """
        Ending one's own side sends a close_notify, no FIN, and leaves the other side open.
        """
        protocol = HalfCloser()
        self.begin(protocol)
        self.transport.write(b"question")
        self.transport.loseWriteConnection()
        self.reactor.settle()
        self.assertEqual(protocol.halves, ["write"])
        self.assertEqual(readAll(self.far), b"question")
        self.assertEqual(self.far.recv(READ_SIZE), b"")
        self.assertRaises(BlockingIOError, self.far.plain.recv, 1)
        self.transport.write(b"dropped")
        self.far.send(b"answer")
        self.far.shutdown()
        self.reactor.settle()
        self.assertEqual(self.protocol.received, b"answer")
        self.assertGone(ConnectionDone)

    def test_loseConnectionAfterLoseWrite(self) -> None:
        """
        Then closing waits for the peer as usual.
        """
        self.transport.loseWriteConnection()
        self.reactor.settle()
        self.far.send(b"unread")
        self.transport.loseConnection()
        self.reactor.settle()
        self.assertEqual(self.protocol.lost, [])
        self.far.shutdown()
        self.reactor.settle()
        self.assertGone(ConnectionDone)

    def test_reactorStops(self) -> None:
        """
        The reactor takes the connection down with it.
        """
        self.transport.loseConnection()
        self.transport.connectionLost(Failure(ConnectionLost()))
        self.reactor.settle()
        self.assertGone(ConnectionLost)


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
