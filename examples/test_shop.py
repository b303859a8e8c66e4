"""
Tests of a configuration, with a clock that is turned by hand: no socket is opened, nobody waits.

    trial examples/test_shop.py
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.backend import Health
from lbproxy.testing import fail, loadPools, picks, turn

SHOP = str(Path(__file__).resolve().with_name("shop.yaml"))


class ShopTests(SynchronousTestCase):
    """
    What C{shop.yaml} promises.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.registry = loadPools(SHOP, self.clock, environ={"SHOP_SECRET": "not in the file"})
        self.shop = self.registry.pool("shop")

    def test_spareOnlyInNeed(self) -> None:
        """
        The spare one rests while one of the others serves.
        """
        self.assertEqual(set(picks(self.shop, 20)), {"one", "two"})
        for name in ("one", "two"):
            self.shop.setHealth(self.shop.backends[name], Health.DOWN)
        self.assertEqual(set(picks(self.shop, 20)), {"spare"})

    def test_forgiven(self) -> None:
        """
        A backend that fails three times is left alone for half a minute.
        """
        fail(self.shop, "one", 3)
        self.assertEqual(set(picks(self.shop, 20)), {"two"})
        turn(self.clock, self.registry, 31)
        self.assertEqual(set(picks(self.shop, 20)), {"one", "two"})
