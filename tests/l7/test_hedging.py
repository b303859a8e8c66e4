"""
Tests for L{lbproxy.l7.hedging}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.hedging import HedgeDelay, Hedging
from tests.l7.doubles import GET, LOST, OK, Stage


class HedgeTests(SynchronousTestCase):
    """
    A second backend is asked beside a slow first one.
    """

    def setUp(self) -> None:
        self.stage = Stage(("b1", "b2", "b3"))
        self.stage.upstream.hedging = Hedging(self.stage.clock, HedgeDelay(0.5))
        self.protocol, self.wire = self.stage.connect()

    def race(self) -> None:
        """
        A GET whose backend is silent for half a second, and its rival.
        """
        self.protocol.dataReceived(GET)
        self.stage.dials[0].accept()
        self.stage.clock.advance(0.5)
        self.assertEqual(len(self.stage.dials), 2)
        self.stage.dials[1].accept()

    def leases(self) -> int:
        return sum(backend.active for backend in self.stage.pool.backends.values())

    def over(self) -> None:
        """
        Nothing is left behind.
        """
        self.assertEqual(self.leases(), 0)
        self.assertEqual(self.stage.pool.retries.active, 0)
        self.assertEqual(len(self.stage.records), 1)

    def test_quickBackendHasNoRival(self) -> None:
        """
        An answer in time means that nobody else is asked.
        """
        self.protocol.dataReceived(GET)
        self.stage.dials[0].accept()
        self.stage.clock.advance(0.4)
        self.stage.dials[0].answer(OK)
        self.stage.clock.advance(5)
        self.assertEqual(len(self.stage.dials), 1)
        self.over()

    def test_rivalWins(self) -> None:
        """
        The faster answer is taken, the slow backend's connection is ended and not blamed.
        """
        self.race()
        self.assertIsNot(self.stage.dials[0].backend, self.stage.dials[1].backend)
        self.stage.dials[1].answer(OK)
        self.assertTrue(self.wire.take().endswith(b"ok"))
        self.assertTrue(self.stage.dials[0].wire.aborted)
        self.assertEqual(self.stage.dials[0].backend.failures, 0)
        self.assertIs(self.stage.records[0].backend, self.stage.dials[1].backend)
        self.over()

    def test_rivalWinsInPieces(self) -> None:
        """
        A long answer goes on from the one that began it.
        """
        self.race()
        self.stage.dials[1].answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab")
        self.stage.dials[1].answer(b"cd")
        self.assertTrue(self.wire.take().endswith(b"\r\n\r\nabcd"))
        self.over()

    def test_firstWinsAfterAll(self) -> None:
        """
        The first backend may still be faster than its rival.
        """
        self.race()
        self.stage.dials[0].answer(OK)
        self.assertTrue(self.wire.take().endswith(b"ok"))
        self.assertTrue(self.stage.dials[1].wire.aborted)
        self.over()

    def test_oneFails(self) -> None:
        """
        Whichever fails, the other one serves.
        """
        self.race()
        self.stage.dials[0].wire.lose(LOST)
        self.stage.dials[1].answer(OK)
        self.assertTrue(self.wire.take().endswith(b"ok"))
        self.over()

    def test_rivalFails(self) -> None:
        """
        A rival that fails leaves the race.
        """
        self.race()
        self.stage.dials[1].wire.lose(LOST)
        self.stage.dials[0].answer(OK)
        self.assertTrue(self.wire.take().endswith(b"ok"))
        self.over()

    def test_bothFail(self) -> None:
        """
        When nobody is left in the race, a third is tried as after any failure.
        """
        self.race()
        self.stage.dials[0].wire.lose(LOST)
        self.stage.dials[1].wire.lose(LOST)
        self.stage.dials[2].accept()
        self.stage.dials[2].answer(OK)
        self.assertTrue(self.wire.take().endswith(b"ok"))
        self.over()

    def test_clientLeaves(self) -> None:
        """
        Both connections end with the client's.
        """
        self.race()
        self.wire.lose(LOST)
        self.assertTrue(all(dialed.wire.aborted for dialed in self.stage.dials))
        self.over()

    def test_whileConnecting(self) -> None:
        """
        A rival's dial is called off, too.
        """
        self.protocol.dataReceived(GET)
        self.stage.dials[0].accept()
        self.stage.clock.advance(0.5)
        self.stage.dials[0].answer(OK)
        self.assertTrue(self.stage.dials[1].cancelled)
        self.over()

    def test_postHasNoRival(self) -> None:
        """
        What may not be repeated isn't hedged.
        """
        self.protocol.dataReceived(GET.replace(b"GET", b"POST"))
        self.stage.dials[0].accept()
        self.stage.clock.advance(5)
        self.assertEqual(len(self.stage.dials), 1)


class HedgeDelayTests(SynchronousTestCase):
    """
    When to ask a second one.
    """

    def test_percentile(self) -> None:
        """
        Nothing until enough is known, then the percentile of the recent times.
        """
        delay = HedgeDelay(percentile=95)
        for number in range(63):
            delay.note(number / 100)
        self.assertEqual(delay.seconds(), 0)
        delay.note(0.63)
        self.assertEqual(delay.seconds(), 0.6)
        for _ in range(1024):
            delay.note(2.0)
        self.assertEqual(delay.seconds(), 2.0)
