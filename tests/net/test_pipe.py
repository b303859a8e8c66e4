"""
Two connections that have become one.
"""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.pipe import LINGER, Pipe
from lbproxy.net.pipeside import Ending
from tests.net.faketransport import FakeTransport, settle


class PipeTestCase(SynchronousTestCase):
    """
    A pipe between two transports in memory.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        self.done: list[Pipe] = []

    def makePipe(
        self, idleTimeout: float = 0.0, clientTLS: bool = False, backendTLS: bool = False
    ) -> tuple[FakeTransport, FakeTransport, Pipe]:
        client, backend = FakeTransport(clientTLS), FakeTransport(backendTLS)
        client.pauseProducing()
        pipe = Pipe(client, backend, self.done.append, self.deadlines, idleTimeout)
        return client, backend, pipe

    def startPipe(
        self, idleTimeout: float = 0.0, clientTLS: bool = False, backendTLS: bool = False
    ) -> tuple[FakeTransport, FakeTransport, Pipe]:
        client, backend, pipe = self.makePipe(idleTimeout, clientTLS, backendTLS)
        pipe.start()
        return client, backend, pipe

    def assertEnded(self, pipe: Pipe, ending: Ending) -> None:
        """
        It is over, said once, and nothing is left behind.
        """
        self.assertEqual(self.done, [pipe])
        self.assertIs(pipe.ending, ending)
        self.assertEqual(len(self.deadlines), 0)
        self.clock.advance(3600)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class FlowTests(PipeTestCase):
    """
    Bytes and back-pressure.
    """

    def test_interfaces(self) -> None:
        """
        Each side is what its transports expect it to be.
        """
        pipe = self.startPipe()[2]
        for side in pipe.client, pipe.backend:
            verifyObject(IHalfCloseableProtocol, side)
            verifyObject(IPushProducer, side)

    def test_bytesPassBothWays(self) -> None:
        """
        What one side says the other hears; both directions are counted.
        """
        client, backend, pipe = self.startPipe()
        client.receive(b"question")
        backend.receive(b"answer")
        backend.receive(b"!")
        self.assertEqual((backend.written, client.written), (b"question", b"answer!"))
        self.assertEqual((pipe.bytesUp, pipe.bytesDown), (8, 7))

    def test_whatWasSaidBeforeComesFirst(self) -> None:
        """
        Bytes that both sides had said before they were coupled pass first, and count.
        """
        client, backend, pipe = self.makePipe()
        pipe.start(b"early ", b"hello ")
        client.receive(b"bird")
        backend.receive(b"you")
        self.assertEqual((backend.written, client.written), (b"early bird", b"hello you"))
        self.assertEqual((pipe.bytesUp, pipe.bytesDown), (10, 9))

    def test_aSlowReaderPausesTheOther(self) -> None:
        """
        Nobody is read from while the other side takes nothing; the other direction goes on.
        """
        for number in 0, 1:
            ends = self.startPipe()[:2]
            reader, writer = ends[number], ends[1 - number]
            reader.stall()
            self.assertFalse(writer.reading)
            reader.receive(b"I still talk")
            self.assertEqual(writer.written, b"I still talk")
            reader.drain()
            self.assertTrue(writer.reading)

    def test_earlyBytesThatDoNotFitKeepTheClientPaused(self) -> None:
        """
        Starting does not undo back-pressure that the first bytes brought about.
        """
        client, backend, pipe = self.makePipe()
        backend.full = True
        pipe.start(b"too much")
        self.assertFalse(client.reading)
        self.assertTrue(backend.reading)

    def test_nothingIsReadAfterTheEnd(self) -> None:
        """
        When the other side has room again after an end of file, reading is not resumed.
        """
        client, backend, _pipe = self.startPipe()
        backend.stall()
        client.finish()
        backend.drain()
        self.assertFalse(client.reading)


class ClosingTests(PipeTestCase):
    """
    Each side in turn ends the connection.
    """

    def ends(
        self, number: int, clientTLS: bool = False, backendTLS: bool = False
    ) -> tuple[FakeTransport, FakeTransport, Pipe]:
        """
        @return: the one that acts first (0: the client), the other, and the pipe.
        """
        self.done.clear()
        client, backend, pipe = self.startPipe(0.0, clientTLS, backendTLS)
        return (client, backend, pipe) if number == 0 else (backend, client, pipe)

    def test_halfCloseIsPassedOnAndTheAnswerStillCounts(self) -> None:
        """
        Who has said all can still listen.
        """
        for number, ending in enumerate((Ending.CLIENT_CLOSED, Ending.BACKEND_CLOSED)):
            first, second, pipe = self.ends(number)
            first.receive(b"my last words")
            first.finish()
            self.assertTrue(second.halfClosed)
            self.assertFalse(first.losing or second.losing)
            second.receive(b"and mine")
            self.assertEqual(first.written, b"and mine")
            second.finish()
            settle(first, second)
            self.assertEnded(pipe, ending)

    def test_resetIsPassedOnAsReset(self) -> None:
        """
        A side that breaks off makes the other break off.
        """
        for number, ending in enumerate((Ending.CLIENT_RESET, Ending.BACKEND_RESET)):
            first, second, pipe = self.ends(number)
            first.reset()
            self.assertTrue(second.aborted)
            settle(second)
            self.assertEnded(pipe, ending)

    def test_resetAfterAHalfClose(self) -> None:
        """
        A client that half-closed and then breaks off takes the backend with it.
        """
        for number, ending in enumerate((Ending.CLIENT_CLOSED, Ending.BACKEND_CLOSED)):
            first, second, pipe = self.ends(number)
            first.finish()
            first.reset()
            self.assertTrue(second.aborted)
            settle(second)
            self.assertEnded(pipe, ending)

    def test_tlsEndsBothWays(self) -> None:
        """
        TLS knows no half: the other side is closed when it has all that was for it.
        """
        for number, ending in enumerate((Ending.CLIENT_CLOSED, Ending.BACKEND_CLOSED)):
            first, second, pipe = self.ends(number, number == 0, number == 1)
            first.receive(b"all of this")
            first.finish()
            self.assertEqual(second.written, b"all of this")
            self.assertTrue(second.ending)
            settle(second)
            self.assertEnded(pipe, ending)

    def test_halfCloseTowardsTLS(self) -> None:
        """
        A half-close is passed on to TLS as well (as a close_notify); the answer still counts.
        """
        for number, ending in enumerate((Ending.CLIENT_CLOSED, Ending.BACKEND_CLOSED)):
            first, second, pipe = self.ends(number, number == 1, number == 0)
            first.receive(b"all of this")
            first.finish()
            self.assertTrue(second.halfClosed)
            second.receive(b"answer")
            self.assertEqual(first.written, b"answer")
            second.finish()
            settle(first, second)
            self.assertEnded(pipe, ending)

    def test_bothLostAtOnce(self) -> None:
        """
        Two ends in the same turn are one end of the pipe.
        """
        client, backend, pipe = self.startPipe()
        client.reset()
        backend.reset()
        self.assertEnded(pipe, Ending.CLIENT_RESET)

    def test_clientHadHalfClosedBefore(self) -> None:
        """
        A half-close from before the coupling is passed on behind the early bytes.
        """
        _client, backend, pipe = self.makePipe()
        pipe.start(b"only this", ended=True)
        self.assertEqual(backend.written, b"only this")
        self.assertTrue(backend.halfClosed)

    def test_halfCloseWhileTheOtherStalls(self) -> None:
        """
        A half-close does not end a connection whose reader is slow.
        """
        client, backend, pipe = self.startPipe()
        client.stall()
        backend.finish()
        self.clock.advance(1000)
        self.assertFalse(client.aborted or client.losing)
        client.drain()
        client.finish()
        settle(client, backend)
        self.assertEnded(pipe, Ending.BACKEND_CLOSED)


class LingeringTests(PipeTestCase):
    """
    One side is gone and the other has not taken everything yet.
    """

    def lingering(self) -> tuple[FakeTransport, FakeTransport, Pipe]:
        client, backend, pipe = self.startPipe(backendTLS=True)
        client.stall()
        backend.finish()
        self.assertTrue(client.ending)
        return client, backend, pipe

    def test_whoTakesNothingIsCutOff(self) -> None:
        """
        A peer that does not read what is left for it is reset after a while.
        """
        client, _backend, pipe = self.lingering()
        self.clock.pump([LINGER + 0.1, LINGER - 0.1])
        self.assertFalse(client.aborted)
        self.clock.advance(0.3)
        self.assertTrue(client.aborted)
        settle(client)
        self.assertEnded(pipe, Ending.BACKEND_CLOSED)

    def test_whoTakesSomethingGetsMoreTime(self) -> None:
        """
        A slow reader gets all, however long it takes.
        """
        client, _backend, pipe = self.lingering()
        self.clock.advance(LINGER + 0.2)
        for left in 80_000, 60_000, 40_000, 20_000:
            client.queued = left
            self.clock.advance(LINGER + 0.2)
        self.assertFalse(client.aborted)
        client.queued = 0
        settle(client)
        self.assertEnded(pipe, Ending.BACKEND_CLOSED)


class IdleTests(PipeTestCase):
    """
    Nobody says anything.
    """

    def test_silenceEndsIt(self) -> None:
        """
        After the idle timeout, not before and not much later, both sides are closed.
        """
        client, backend, pipe = self.startPipe(idleTimeout=8.0)
        self.clock.pump([0.5] * 15)
        self.assertFalse(client.ending)
        self.clock.pump([0.5] * 5)
        self.assertTrue(client.ending and backend.ending)
        settle(client, backend)
        self.assertEnded(pipe, Ending.IDLE)

    def test_anyByteKeepsItAlive(self) -> None:
        """
        Traffic in one direction is enough.
        """
        client, backend, pipe = self.startPipe(idleTimeout=8.0)
        for _ in range(10):
            self.clock.pump([0.5] * 12)
            backend.receive(b"tick")
        self.assertFalse(client.ending)
        self.clock.pump([0.5] * 22)
        settle(client, backend)
        self.assertEnded(pipe, Ending.IDLE)

    def test_silentAndStalled(self) -> None:
        """
        A peer that stopped reading is idle too, and is cut off in the end.
        """
        client, backend, pipe = self.startPipe(idleTimeout=8.0)
        client.stall()
        self.clock.pump([0.5] * 22)
        settle(client, backend)
        self.clock.pump([LINGER + 0.2, LINGER + 0.2])
        settle(client, backend)
        self.assertEnded(pipe, Ending.IDLE)

    def test_zeroIsNever(self) -> None:
        """
        Without an idle timeout silence is patience.
        """
        client, _backend, _pipe = self.startPipe()
        self.clock.advance(1e9)
        self.assertFalse(client.ending or client.aborted)


class OwnEndTests(PipeTestCase):
    """
    We end it.
    """

    def test_closeDeliversWhatWasRead(self) -> None:
        """
        Closing in peace lets both sides have what is on its way to them.
        """
        client, backend, pipe = self.startPipe()
        client.receive(b"last")
        pipe.close(Ending.MAX_AGE)
        self.assertTrue(client.ending and backend.ending)
        settle(client, backend)
        self.assertEnded(pipe, Ending.MAX_AGE)

    def test_abortResetsBoth(self) -> None:
        """
        Aborting waits for nobody.
        """
        client, backend, pipe = self.startPipe()
        client.stall()
        pipe.abort(Ending.DRAINED)
        self.assertTrue(client.aborted and backend.aborted)
        settle(client, backend)
        self.assertEnded(pipe, Ending.DRAINED)

    def test_closeThenAbort(self) -> None:
        """
        The end of patience: those that did not close in peace are reset.
        """
        client, backend, pipe = self.startPipe()
        client.stall()
        pipe.close(Ending.DRAINED)
        settle(client, backend)
        pipe.abort(Ending.DRAINED)
        settle(client, backend)
        self.assertEnded(pipe, Ending.DRAINED)

    def test_resetWhileClosing(self) -> None:
        """
        A peer that breaks off while we close does not change how it ended.
        """
        client, backend, pipe = self.startPipe()
        pipe.close(Ending.MAX_AGE)
        client.reset()
        settle(backend)
        self.assertEnded(pipe, Ending.MAX_AGE)
