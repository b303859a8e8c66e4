"""
Tests for L{lbproxy.net.writing}, on our reactor and on two of Twisted's.
"""

from __future__ import annotations

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionLost
from twisted.internet.selectreactor import SelectReactor

from tests.net.reactorcase import Producer, reset
from tests.net.streamcase import MUCH, StreamCase


class WritingTests(StreamCase):
    """
    What is written, when it leaves, and in which order.
    """

    def test_writeLeavesAtOnce(self) -> None:
        """
        While nothing is queued, a write is with the kernel when it returns.
        """
        server, peer = self.connect()
        server.wire.write(b"now")
        self.assertEqual(b"now", peer.recv(100))
        self.assertEqual(0, server.wire.queued)
        self.assertNotIn(server.wire, self.reactor.getWriters())

    def test_answerLeavesWithinDataReceived(self) -> None:
        """
        An answer written in C{dataReceived} needs no further turn of the loop.
        """
        server, peer = self.connect()
        server.onData = server.wire.write
        peer.send(b"ping")
        self.until(lambda: server.data)
        self.assertEqual(b"ping", peer.recv(100))

    def test_muchArrivesWhole(self) -> None:
        """
        What the kernel does not take at once is queued, and arrives in order and complete.
        """
        server, peer = self.connect()
        server.wire.write(MUCH)
        server.wire.write(b"small")
        server.wire.writeSequence([b"a" * 70000, b"b", b"c" * 100])
        self.assertGreater(server.wire.queued, 0)
        expected = MUCH + b"small" + b"a" * 70000 + b"b" + b"c" * 100
        self.assertTrue(self.received(peer, len(expected)) == expected)
        self.until(lambda: not server.wire.queued)
        self.assertNotIn(server.wire, self.reactor.getWriters())
        self.assertTrue(server.wire._direct)
        server.wire.write(b"direct again")
        self.assertEqual(b"direct again", self.received(peer, 12))

    def test_manySmallPiecesQueued(self) -> None:
        """
        Thousands of small writes to a peer that does not read arrive in order.
        """
        server, peer = self.connect()
        server.wire.write(MUCH)
        pieces = [b"%d," % n for n in range(5000)]
        for piece in pieces:
            server.wire.write(piece)
        expected = b"".join(pieces)
        self.assertEqual(expected, self.received(peer, len(MUCH + expected))[len(MUCH) :])

    def test_writeSequence(self) -> None:
        """
        Sequences, short and long, empty pieces and all, arrive as if they were joined.
        """
        server, peer = self.connect()
        for sequence in ([], [b"", b""], [b"one", b"", b"two"], [b"x" * 9000] * 100):
            server.wire.writeSequence(iter(sequence))
            expected = b"".join(sequence)
            self.assertEqual(expected, self.received(peer, len(expected)) if expected else b"")

    def test_onlyBytes(self) -> None:
        """
        Text is refused, whether it would be sent at once or queued.
        """
        server, _ = self.connect()
        self.assertRaises(TypeError, server.wire.write, "text")
        server.wire.write(MUCH)
        self.assertRaises(TypeError, server.wire.write, "text")

    def test_emptyWrite(self) -> None:
        """
        Nothing may be written at any time, and does nothing.
        """
        server, peer = self.connect()
        server.wire.write(b"")
        server.wire.write(MUCH)
        server.wire.write(b"")
        peer.close()
        self.until(lambda: server.lost)
        server.wire.write(b"")
        server.wire.write(b"late")
        server.wire.writeSequence([b"late"])

    def test_pushProducerPausedAndResumed(self) -> None:
        """
        A producer is paused once when more than 64 KiB wait here, and resumed when none do.
        """
        server, peer = self.connect()
        producer = Producer()
        server.wire.registerProducer(producer, True)
        server.wire.write(b"fits")
        self.assertEqual([], producer.asked)
        server.wire.write(MUCH)
        server.wire.write(b"rest")
        self.assertEqual(["pause"], producer.asked)
        self.received(peer, len(MUCH) + 8)
        self.until(lambda: len(producer.asked) > 1)
        self.assertEqual(["pause", "resume"], producer.asked)
        server.wire.write(MUCH)
        self.assertEqual(["pause", "resume", "pause"], producer.asked)

    def test_pullProducerAskedAgain(self) -> None:
        """
        A pull producer is asked for more after each piece, without hogging the loop.
        """
        server, peer = self.connect()
        producer = Producer()
        pieces = [b"%d," % n for n in range(100)]

        def produce() -> None:
            if pieces:
                server.wire.write(pieces.pop(0))
            else:
                server.wire.unregisterProducer()
                server.wire.loseConnection()

        producer.produce = produce
        server.wire.registerProducer(producer, False)
        self.assertGreater(len(pieces), 90)
        self.assertEqual(b"".join(pieces), self.received(peer, 290)[2:])
        self.assertTrue(self.ended(peer))

    def test_oneProducerAtATime(self) -> None:
        """
        A second producer is refused, and the first one stays.
        """
        server, _ = self.connect()
        producer = Producer()
        server.wire.registerProducer(producer, True)
        self.assertRaises(RuntimeError, server.wire.registerProducer, Producer(), True)
        self.assertRaises(RuntimeError, server.wire.registerProducer, Producer(), False)
        server.wire.write(MUCH)
        self.assertEqual(["pause"], producer.asked)

    def test_producerStoppedWithTheConnection(self) -> None:
        """
        A producer is told when the connection is lost, and when it comes too late.
        """
        server, peer = self.connect()
        early, late = Producer(), Producer()
        server.wire.registerProducer(early, True)
        peer.close()
        self.until(lambda: server.lost)
        server.wire.registerProducer(late, True)
        self.assertEqual((["stop"], ["stop"]), (early.asked, late.asked))

    def test_peerResetsDuringWrite(self) -> None:
        """
        A write to a dead peer raises nothing and tells nothing; the loss is told once, later.
        """
        server, peer = self.connect()
        server.wire.pauseProducing()
        reset(peer)
        for _ in range(5):
            server.wire.write(b"x" * 1000)
        self.assertEqual(["made"], server.events)
        self.until(lambda: server.lost)
        self.turns()
        self.assertEqual(["made", "lost"], server.events)
        self.assertIs(ConnectionLost, server.lostBy())

    def test_peerResetsDuringWriteWhileReading(self) -> None:
        """
        A reset that is noticed by writing is not taken for a clean end by the next read.
        """
        server, peer = self.connect()
        reset(peer)
        server.wire.write(b"x")
        self.until(lambda: server.lost)
        self.assertIs(ConnectionLost, server.lostBy())

    def test_peerResetsWhileQueued(self) -> None:
        """
        A reset ends a connection that waits for room, though nobody reads from it.
        """
        server, peer = self.connect()
        server.wire.pauseProducing()
        server.wire.write(MUCH)
        reset(peer)
        self.until(lambda: server.lost)
        self.assertIs(ConnectionLost, server.lostBy())
        self.assertNotIn(server.wire, self.reactor.getWriters())

    def test_lastWordsOfADeadPeer(self) -> None:
        """
        A peer that answers, and resets the connection because it does not want the rest, is still
        heard, though the reset is noticed by writing.
        """
        server, peer = self.connect()
        server.wire.bufferSize = 1000  # so that several reads are needed
        server.wire.write(b"request")
        peer.send(b"go away" * 1000)
        reset(peer)  # with unread bytes
        server.wire.write(b"more")
        self.until(lambda: server.lost)
        self.assertIs(ConnectionLost, server.lostBy())
        self.assertEqual(b"go away" * 1000, server.data)

    def test_lastWordsUnwanted(self) -> None:
        """
        Whoever closes on the first of a dead peer's last words is spared the others.
        """
        server, peer = self.connect()
        server.wire.bufferSize = 1000
        server.onData = lambda data: server.wire.loseConnection()
        peer.send(b"go away" * 1000)
        reset(peer)
        server.wire.write(b"more")
        self.until(lambda: server.lost)
        self.assertEqual(1000, len(server.data))


class WritingOnEpollTests(WritingTests):
    """
    The same on Twisted's reactor on epoll.
    """

    reactorClass = EPollReactor


class WritingOnSelectTests(WritingTests):
    """
    The same on Twisted's reactor on select.
    """

    reactorClass = SelectReactor
