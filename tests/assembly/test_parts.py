"""
Tests for L{lbproxy.assembly.parts}: what all that is assembled shares.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.assembly.support import POOL, partsFor


class PartsTests(SynchronousTestCase):
    """
    One of each.
    """

    def test_oneClock(self) -> None:
        """
        All live by the reactor's clock.
        """
        parts = partsFor(POOL)
        parts.reactor.advance(12)
        self.assertEqual(parts.deadlines.seconds(), 12)
        self.assertIs(parts.rota.rng, parts.rng)

    def test_nothingShared(self) -> None:
        """
        Two edges in one process have nothing in common.
        """
        one, two = partsFor(POOL), partsFor(POOL)
        for name in ("deadlines", "registry", "rota", "kernelPipes", "targets", "rng"):
            self.assertIsNot(getattr(one, name), getattr(two, name), name)
