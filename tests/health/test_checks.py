"""
Promises of L{lbproxy.health.checks}.
"""

from __future__ import annotations

import gc
import random
import weakref
from collections import Counter

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.checker import CheckSettings
from lbproxy.health.checks import Check, HealthChecks, Rota, Stagger
from lbproxy.health.report import parseReport
from lbproxy.health.schedule import Schedule
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.registry import Registry
from lbproxy.testing import buildPool, specs
from tests.health.doubles import FakeProbe

SETTINGS = CheckSettings(jitter=0.0)


class HealthChecksTests(SynchronousTestCase):
    """
    All backends of a pool.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.rota = Rota(self.clock, random.Random(1))
        self.registry = Registry()
        self.pool = buildPool("a", "b", health=Health.UNKNOWN)
        self.registry.addPool(self.pool)
        self.probe = FakeProbe()

    def start(self, *checks: Check) -> HealthChecks:
        """
        Checks that run.
        """
        service = HealthChecks(
            self.registry, self.pool, checks or [Check(self.probe, SETTINGS)], self.rota
        )
        service.startService()
        self.clock.advance(0.1)
        return service

    def checked(self) -> list[str]:
        """
        Whose checks have begun, since the last call.
        """
        names = [backend.name for backend in self.probe.backends]
        self.probe.backends.clear()
        return names

    def test_checksEverybody(self) -> None:
        """
        Each backend has its own check, again and again.
        """
        self.start()
        self.assertEqual(self.checked(), ["a", "b"])
        for check in self.probe.checks:
            check.callback("fine")
        self.assertIs(self.pool.backends["b"].health, Health.UP)
        self.clock.advance(2.0)
        self.assertEqual(self.checked(), ["a", "b"])

    def test_followsTheSet(self) -> None:
        """
        Who is added gets checked, who left does not any more, who stays is not disturbed.
        """
        self.start()
        self.checked()
        self.pool.replaceBackends(specs(b=1, c=1))
        self.assertEqual(self.probe.cancelled, 1)
        self.clock.advance(0.1)
        self.assertEqual(self.checked(), ["c"])
        self.clock.pump([1.0, 1.0])
        self.assertEqual(sorted(self.checked()), ["b", "c"])

    def test_leavesOtherPoolsAlone(self) -> None:
        """
        Somebody of the same name elsewhere is somebody else.
        """
        other = self.registry.addPool(buildPool("a", name="other"))
        self.start()
        self.checked()
        other.replaceBackends(specs(a=1, z=1))
        other.replaceBackends([])
        self.clock.advance(0.1)
        self.assertEqual(self.checked(), [])
        self.assertEqual(self.probe.cancelled, 0)

    def test_leavesNothingWhenStopped(self) -> None:
        """
        No check runs, nothing is scheduled, and nobody listens to the registry.
        """
        service = self.start()
        service.stopService()
        self.assertEqual(self.probe.cancelled, 2)
        self.assertEqual(self.rota.schedule.pending(), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.pool.replaceBackends(specs(c=1))
        self.clock.advance(10.0)
        self.assertEqual(self.checked(), ["a", "b"])

    def test_wantsAllChecksToPass(self) -> None:
        """
        With a list of checks a backend is up when all have passed, and down when one fails.
        """
        second = FakeProbe()
        self.start(Check(self.probe, SETTINGS), Check(second, SETTINGS))
        a, b = self.pool.backends.values()
        for check in self.probe.checks:
            check.callback("fine")
        self.assertIs(a.health, Health.UNKNOWN)
        second.checks[0].callback("fine")
        second.fails()
        self.assertEqual((a.health, b.health), (Health.UP, Health.DOWN))

    def test_asksAgents(self) -> None:
        """
        An agent stands beside the checks.
        """
        agent = FakeProbe()
        self.start(Check(self.probe, SETTINGS), Check(agent, SETTINGS, agent=True))
        a, b = self.pool.backends.values()
        agent.checks[0].callback(parseReport(b"drain"))
        for check in self.probe.checks:
            check.callback("fine")
        self.assertEqual((a.admin, a.health), (AdminState.DRAIN, Health.UP))
        self.assertEqual((b.admin, b.health), (AdminState.READY, Health.UP))

    def test_keepsWhatIsKnownOverAChange(self) -> None:
        """
        New settings for the same backends begin where the old ones ended.
        """
        service = self.start()
        for check in self.probe.checks:
            check.callback("fine")
        service.stopService()
        self.start()
        self.probe.fails()
        self.assertIs(self.pool.backends["b"].health, Health.UP)

    def test_knowsNothingWithoutChecks(self) -> None:
        """
        When checks are taken out of the configuration, backends that were down get work again.
        """
        service = self.start()
        self.probe.fails()
        self.assertIs(self.pool.backends["b"].health, Health.DOWN)
        service.stopService()
        HealthChecks(self.registry, self.pool, [], self.rota).startService()
        self.assertIs(self.pool.backends["b"].health, Health.UNKNOWN)

    def test_forgetsWhoLeft(self) -> None:
        """
        A backend that is gone is not held on to.
        """
        self.start()
        gone = weakref.ref(self.pool.backends["a"])
        self.probe.backends.clear()
        self.probe.checks.clear()
        self.pool.replaceBackends(specs(b=1))
        self.clock.advance(10.0)
        gc.collect()
        self.assertIsNone(gone())


class StaggerTests(SynchronousTestCase):
    """
    First checks do not come all at once.
    """

    def test_spreadsManyEvenly(self) -> None:
        """
        5 000 first checks fill the interval evenly.
        """
        stagger = Stagger(Schedule(Clock()))
        delays = [stagger.delay(2.0) for _ in range(5000)]
        self.assertEqual(delays[0], 0.0)
        tenths = Counter(int(delay * 5) for delay in delays)
        self.assertEqual(sorted(tenths), list(range(10)))
        self.assertLess(max(tenths.values()), 2 * min(tenths.values()))

    def test_checksFewAtOnce(self) -> None:
        """
        A handful is known within milliseconds, also much later.
        """
        clock = Clock()
        stagger = Stagger(Schedule(clock))
        for _ in range(2):
            self.assertLess(max(stagger.delay(2.0) for _ in range(5)), 0.01)
            clock.advance(100.0)
