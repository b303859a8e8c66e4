"""
Tests for L{lbproxy.net.directstream}, on our reactor and on two of Twisted's.
"""

from __future__ import annotations

import socket

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.selectreactor import SelectReactor

from tests.net.reactorcase import HalfCloser, Producer, Recorder, reset
from tests.net.streamcase import MUCH, StreamCase


class ReadingTests(StreamCase):
    """
    What is read, and what is not.
    """

    def test_dataIsDelivered(self) -> None:
        """
        All that the peer sent comes, in order.
        """
        server, peer = self.connect()
        peer.setblocking(False)
        sent = 0

        def sendMore() -> bool:
            nonlocal sent
            try:
                sent += peer.send(MUCH[sent:])
            except BlockingIOError:
                pass
            return len(server.data) == len(MUCH)

        self.until(sendMore)
        self.assertTrue(server.data == MUCH)

    def test_pauseAndResume(self) -> None:
        """
        While paused nothing is delivered; nothing is lost either.
        """
        server, peer = self.connect()
        server.wire.pauseProducing()
        server.wire.pauseProducing()
        peer.send(b"wait")
        self.turns()
        self.assertEqual(b"", server.data)
        self.assertFalse(server.wire.reading)
        server.wire.resumeProducing()
        server.wire.resumeProducing()
        self.until(lambda: server.data == b"wait")
        self.assertTrue(server.wire.reading)

    def test_pausedFromTheStart(self) -> None:
        """
        A protocol that pauses in C{connectionMade} gets nothing until it resumes.
        """
        server = Recorder()
        server.onMade = lambda: server.wire.pauseProducing()
        _, peer = self.connect(server)
        peer.send(b"early")
        self.turns()
        self.assertEqual(b"", server.data)
        self.assertNotIn(server.wire, self.reactor.getReaders())
        server.wire.resumeProducing()
        self.until(lambda: server.data)

    def test_lostFromTheStart(self) -> None:
        """
        A protocol may close in C{connectionMade}, whatever it has written before.
        """
        server = Recorder()
        server.onMade = lambda: (server.wire.write(b"bye"), server.wire.loseConnection())
        _, peer = self.connect(server)
        self.assertEqual(b"bye", self.received(peer, 4))
        self.until(lambda: server.lost)

    def test_errorInDataReceived(self) -> None:
        """
        A protocol that fails loses its connection, with its error for a reason, and it is logged.
        """
        server, peer = self.connect()
        server.onData = lambda data: 1 / 0
        peer.send(b"boom")
        self.until(lambda: server.lost)
        self.assertIs(ZeroDivisionError, server.lostBy())
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        self.assertEqual(b"", self.received(peer, 1))

    def test_replacedReading(self) -> None:
        """
        C{doRead} may be replaced on an instance for a while, as splicing does.
        """
        server, peer = self.connect()
        taken: list[bytes] = []
        server.wire.doRead = lambda: taken.append(server.wire.socket.recv(100))
        peer.send(b"mine")
        self.until(lambda: taken)
        del server.wire.doRead
        peer.send(b"yours")
        self.until(lambda: server.data)
        self.assertEqual(([b"mine"], b"yours"), (taken, server.data))


class ReadingOnEpollTests(ReadingTests):
    """
    The same on Twisted's reactor on epoll.
    """

    reactorClass = EPollReactor


class ReadingOnSelectTests(ReadingTests):
    """
    The same on Twisted's reactor on select.
    """

    reactorClass = SelectReactor


class ClosingTests(StreamCase):
    """
    How a connection ends.
    """

    def test_peerCloses(self) -> None:
        """
        The peer's end is the connection's end, a clean one.
        """
        server, peer = self.connect()
        peer.close()
        self.until(lambda: server.lost)
        self.assertIs(ConnectionDone, server.lostBy())
        self.assertNotIn(server.wire, self.reactor.getReaders())

    def test_peerResets(self) -> None:
        """
        A reset is told apart from a clean end.
        """
        server, peer = self.connect()
        reset(peer)
        self.until(lambda: server.lost)
        self.assertIs(ConnectionLost, server.lostBy())

    def test_loseConnectionIsToldLater(self) -> None:
        """
        Nobody is told of a loss from within the call that asked for it.
        """
        server, peer = self.connect()
        server.wire.loseConnection()
        self.assertEqual(["made"], server.events)
        self.until(lambda: server.lost)
        self.assertEqual(["made", "lost"], server.events)
        self.assertIs(ConnectionDone, server.lostBy())
        self.assertTrue(self.ended(peer))
        server.wire.loseConnection()

    def test_loseConnectionFlushes(self) -> None:
        """
        What was written before closing arrives, however much it is; so does what is written after.
        """
        server, peer = self.connect()
        server.wire.write(MUCH)
        server.wire.loseConnection()
        server.wire.write(b"and")
        self.turns()
        self.assertIsNone(server.lost)
        self.assertTrue(self.received(peer, len(MUCH) + 4) == MUCH + b"and")
        self.until(lambda: server.lost)

    def test_writeAfterLoseConnectionMayQueue(self) -> None:
        """
        A large write after C{loseConnection} is flushed as well.
        """
        server, peer = self.connect()
        server.wire.loseConnection()
        server.wire.write(MUCH)
        self.assertTrue(self.received(peer, len(MUCH) + 1) == MUCH)
        self.until(lambda: server.lost)

    def test_loseConnectionWaitsForThePausedProducer(self) -> None:
        """
        A producer that was paused may finish before the connection closes.
        """
        server, peer = self.connect()
        producer = Producer()
        producer.produce = lambda: server.wire.write(b"last")
        server.wire.registerProducer(producer, True)
        server.wire.write(MUCH)
        server.wire.loseConnection()
        self.assertEqual(b"last", self.received(peer, len(MUCH) + 4)[-4:])
        self.turns()
        self.assertIsNone(server.lost)
        server.wire.unregisterProducer()
        self.until(lambda: server.lost)

    def test_nothingIsDeliveredAfterLoseConnection(self) -> None:
        """
        A protocol that closes in C{dataReceived} hears nothing more but its end.
        """
        server, peer = self.connect()
        server.onData = lambda data: server.wire.loseConnection()
        peer.send(b"x" * 500000)
        self.until(lambda: server.lost)
        self.assertLessEqual(len(server.data), 65536)

    def test_nothingIsDeliveredWhileFlushing(self) -> None:
        """
        Nor does one that has closed while much is still to be sent.
        """
        server, peer = self.connect()
        server.wire.write(MUCH)
        server.wire.loseConnection()
        peer.send(b"too late")
        self.turns()
        self.assertEqual(b"", server.data)
        self.assertIsNone(server.lost)

    def test_abortIsAReset(self) -> None:
        """
        C{abortConnection} drops what waits, resets, and tells later, once.
        """
        server, peer = self.connect()
        server.wire.write(MUCH)
        server.wire.abortConnection()
        server.wire.abortConnection()
        server.wire.write(b"late")
        server.wire.resumeProducing()
        self.assertNotIn(server.wire, self.reactor.getReaders())
        server.wire.loseConnection()
        self.assertEqual(["made"], server.events)
        self.until(lambda: server.lost)
        self.turns()
        self.assertEqual(["made", "lost"], server.events)
        self.assertIs(ConnectionAborted, server.lostBy())
        self.assertRaises(ConnectionResetError, self.received, peer, len(MUCH))

    def test_abortWithinDataReceived(self) -> None:
        """
        A protocol may abort while it is given data.
        """
        server, peer = self.connect()
        server.onData = lambda data: server.wire.abortConnection()
        peer.send(b"x" * 200000)
        self.until(lambda: server.lost)
        self.assertIs(ConnectionAborted, server.lostBy())
        self.assertLessEqual(len(server.data), 65536)
        self.assertRaises(ConnectionResetError, self.received, peer, 1)

    def test_peerHalfCloses(self) -> None:
        """
        A protocol that can may go on writing after the peer's end, and close when it likes.
        """
        server, peer = self.connect(HalfCloser())
        peer.shutdown(socket.SHUT_WR)
        self.until(lambda: len(server.events) > 1)
        server.wire.write(b"still here")
        self.assertEqual(b"still here", self.received(peer, 10))
        self.turns()
        server.wire.loseConnection()
        self.until(lambda: server.lost)
        self.assertEqual(["made", "read lost", "lost"], server.events)

    def test_halfClose(self) -> None:
        """
        C{loseWriteConnection} flushes, ends the stream, says so later, and goes on reading.
        """
        server, peer = self.connect(HalfCloser())
        server.wire.write(MUCH)
        server.wire.loseWriteConnection()
        self.assertEqual(["made"], server.events)
        self.assertTrue(self.received(peer, len(MUCH) + 1) == MUCH)
        self.until(lambda: len(server.events) > 1)
        server.wire.write(b"dropped")
        peer.send(b"answer")
        self.until(lambda: server.data)
        self.assertTrue(self.ended(peer))
        peer.close()
        self.until(lambda: "read lost" in server.events)
        server.wire.loseConnection()
        self.until(lambda: server.lost)
        self.assertEqual(["made", "write lost", "read lost", "lost"], server.events)

    def test_halfCloseWithNothingQueued(self) -> None:
        """
        A half-close with nothing to flush is told later, and once.
        """
        server, peer = self.connect(HalfCloser())
        server.wire.loseWriteConnection()
        server.wire.loseWriteConnection()
        self.assertEqual(["made"], server.events)
        self.assertTrue(self.ended(peer))
        self.turns()
        self.assertEqual(["made", "write lost"], server.events)
        server.wire.loseConnection()
        self.until(lambda: server.lost)

    def test_halfCloseOfAProtocolThatCannot(self) -> None:
        """
        For other protocols a half-close of the peer ends the connection.
        """
        server, peer = self.connect()
        peer.shutdown(socket.SHUT_WR)
        self.until(lambda: server.lost)
        self.assertIs(ConnectionDone, server.lostBy())

    def test_errorInReadConnectionLost(self) -> None:
        """
        A protocol that fails on the peer's half-close loses its connection.
        """
        server, peer = self.connect(HalfCloser())
        server.readConnectionLost = lambda: 1 / 0  # type: ignore[attr-defined]
        peer.shutdown(socket.SHUT_WR)
        self.until(lambda: server.lost)
        self.assertIs(ZeroDivisionError, server.lostBy())
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))


class ClosingOnEpollTests(ClosingTests):
    """
    The same on Twisted's reactor on epoll.
    """

    reactorClass = EPollReactor


class ClosingOnSelectTests(ClosingTests):
    """
    The same on Twisted's reactor on select.
    """

    reactorClass = SelectReactor
