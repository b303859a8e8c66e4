"""
Tests for L{lbproxy.net.udp.batch}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.udp.batch import Batch


class BatchTests(SynchronousTestCase):
    """
    Tests for L{Batch}.
    """

    def test_oneToBeginWith(self) -> None:
        """
        A new socket is asked for one datagram.
        """
        self.assertEqual(Batch(64).size, 1)

    def test_patient(self) -> None:
        """
        A socket with one datagram per turn is asked in vain in one turn of five at most.
        """
        batch, vain = Batch(64), 0
        for _ in range(100):
            if batch.size > 1:
                vain += 1
                batch.only(1)
            else:
                batch.all()
        self.assertLessEqual(vain, 20)

    def test_bulk(self) -> None:
        """
        A socket that is always full is soon asked for all that one turn may have, never for more.
        """
        batch = Batch(64)
        for _ in range(20):
            batch.all()
        self.assertEqual(batch.size, 64)

    def test_ebbing(self) -> None:
        """
        The next turn asks for as many as there were last time, and for one at least.
        """
        batch = Batch(64)
        batch.only(7)
        self.assertEqual(batch.size, 7)
        batch.only(0)
        self.assertEqual(batch.size, 1)
