"""
Promises of L{lbproxy.pool.registry}.
"""

from __future__ import annotations

from twisted.application.service import IService
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.pool.backend import Health
from lbproxy.pool.events import Event
from lbproxy.pool.registry import Registry
from lbproxy.testing import buildPool, spec


class RegistryTests(SynchronousTestCase):
    """
    The one shared truth.
    """

    def setUp(self) -> None:
        self.registry = Registry()
        self.web = self.registry.addPool(buildPool("a", "b", name="web"))
        self.heard: list[Event] = []

    def test_isAService(self) -> None:
        """It can be put beside other services, and found there by name."""
        verifyObject(IService, self.registry)
        self.assertEqual(self.registry.name, "registry")

    def test_findsPoolsByName(self) -> None:
        """A pool is found by its name; an unknown name is an error."""
        self.assertIs(self.registry.pool("web"), self.web)
        self.assertEqual(list(self.registry.pools), ["web"])
        self.assertRaises(KeyError, self.registry.pool, "api")

    def test_namesAreUnique(self) -> None:
        """Two pools of one name would be two truths."""
        self.assertRaises(AssertionError, self.registry.addPool, buildPool(name="web"))

    def test_observersHearInOrder(self) -> None:
        """Each is told of every change of every pool, first come first told."""
        order: list[str] = []
        self.registry.addObserver(lambda event: order.append("first"))
        self.registry.addObserver(lambda event: order.append("second"))
        self.registry.addObserver(self.heard.append)
        self.registry.addPool(buildPool("c", name="api"))
        for pool in self.registry.pools.values():
            for backend in pool.backends.values():
                pool.setHealth(backend, Health.DOWN, "HTTP 503, wanted 200-399, 3 in a row")
        self.assertEqual(order, ["first", "second"] * 3)
        self.assertEqual(
            [str(event) for event in self.heard],
            [
                f"backend {name} down: HTTP 503, wanted 200-399, 3 in a row"
                for name in ("web/a", "web/b", "api/c")
            ],
        )

    def test_removedObserverHearsNothing(self) -> None:
        """Whoever no longer listens is not told; who never did cannot be removed."""
        self.registry.addObserver(self.heard.append)
        self.registry.removeObserver(self.heard.append)
        self.web.setHealth(self.web.backends["a"], Health.DOWN)
        self.assertEqual(self.heard, [])
        self.assertRaises(ValueError, self.registry.removeObserver, self.heard.append)

    def test_failingObserverHarmsNobody(self) -> None:
        """It is logged; the change takes place and the others hear of it."""

        def fail(event: Event) -> None:
            raise RuntimeError("observer")

        self.registry.addObserver(fail)
        self.registry.addObserver(self.heard.append)
        self.web.setHealth(self.web.backends["a"], Health.DOWN)
        self.assertEqual(len(self.heard), 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_observerMayLeaveWhileItIsTold(self) -> None:
        """It still does not keep anybody from hearing."""

        def once(event: Event) -> None:
            self.registry.removeObserver(once)

        self.registry.addObserver(once)
        self.registry.addObserver(self.heard.append)
        self.web.setHealth(self.web.backends["a"], Health.DOWN)
        self.web.setHealth(self.web.backends["a"], Health.UP)
        self.assertEqual(len(self.heard), 2)

    def test_removedPoolIsForgotten(self) -> None:
        """Its changes are nobody's business any more."""
        self.registry.addObserver(self.heard.append)
        self.assertIs(self.registry.removePool("web"), self.web)
        self.web.replaceBackends([spec("z")])
        self.assertEqual(self.heard, [])
        self.assertRaises(KeyError, self.registry.removePool, "web")
