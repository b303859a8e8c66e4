"""
Tests for L{lbproxy.net.tls.stream}: all the ways it ends.
"""

from __future__ import annotations

import os
import socket
from errno import ECONNRESET

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.python.failure import Failure

from lbproxy.net.tls.tlssocket import READ_SIZE
from tests.net.tls.pairs import readAll
from tests.net.tls.streamcase import HalfCloser, Producer, Recorder, StreamCase


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

    def test_reactorSaysDone(self) -> None:
        """
        A reactor that finds the descriptor hung up cannot know how TLS ended: badly.
        """
        self.transport.readConnectionLost(Failure(ConnectionDone()))
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
