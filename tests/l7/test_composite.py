"""
Tests for L{lbproxy.l7.composite}: plans made of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.composite import GuardedPlan, SplitPlan
from lbproxy.l7.exchange import Exchange
from tests.l7.asking import exchangeOf


class NotingPlan:
    """
    Notes what it was started for.
    """

    def __init__(self) -> None:
        self.started: list[Exchange] = []

    def start(self, exchange: Exchange) -> None:
        """
        Note it.
        """
        self.started.append(exchange)


class ScriptedGuard:
    """
    Admits, refuses, or answers later.
    """

    def __init__(self, admits: bool) -> None:
        self._admits = admits
        self.asked = 0
        self.proceed: Callable[[], None] = lambda: None

    def admits(self, exchange: Exchange, proceed: Callable[[], None]) -> bool:
        """
        What the script says.
        """
        self.asked += 1
        self.proceed = proceed
        return self._admits


class SplitTests(SynchronousTestCase):
    """
    Spreading by weight.
    """

    def spread(self, *weights: int, steps: int = 1000) -> list[int]:
        """
        @return: how many of evenly spread draws each plan gets.
        """
        plans = [NotingPlan() for _ in weights]
        draws = iter([step / steps for step in range(steps)])
        split = SplitPlan(list(zip(plans, weights, strict=True)), lambda: next(draws))
        exchange = exchangeOf()
        for _ in range(steps):
            split.start(exchange)
        return [len(plan.started) for plan in plans]

    def test_byWeight(self) -> None:
        """
        Each gets its share.
        """
        self.assertEqual(self.spread(95, 5), [950, 50])
        self.assertEqual(self.spread(1, 1, 2), [250, 250, 500])
        self.assertEqual(self.spread(3), [1000])

    def test_weightZero(self) -> None:
        """
        Weight 0 gets nothing, wherever it stands.
        """
        self.assertEqual(self.spread(0, 1), [0, 1000])
        self.assertEqual(self.spread(1, 0), [1000, 0])
        self.assertEqual(self.spread(1, 0, 1), [500, 0, 500])

    @given(st.lists(st.integers(0, 1000), min_size=1, max_size=6).filter(any), st.data())
    def test_everyDraw(self, weights: list[int], data: st.DataObject) -> None:
        """
        Whatever chance says, one plan with a weight is started.
        """
        draw = data.draw(st.floats(0, 1, exclude_max=True))
        plans = [NotingPlan() for _ in weights]
        SplitPlan(list(zip(plans, weights, strict=True)), lambda: draw).start(exchangeOf())
        started = Counter(
            weight for plan, weight in zip(plans, weights, strict=True) for _ in plan.started
        )
        self.assertEqual(started.total(), 1)
        self.assertNotIn(0, started)


class GuardedTests(SynchronousTestCase):
    """
    Asking before a plan is started.
    """

    def setUp(self) -> None:
        self.plan = NotingPlan()
        self.exchange = exchangeOf()

    def test_allAdmit(self) -> None:
        """
        Who passes all guards gets the plan; each is asked once.
        """
        guards = [ScriptedGuard(True), ScriptedGuard(True)]
        GuardedPlan(guards, self.plan).start(self.exchange)
        self.assertEqual(self.plan.started, [self.exchange])
        self.assertEqual([guard.asked for guard in guards], [1, 1])

    def test_oneRefuses(self) -> None:
        """
        The first refusal is the last word: nobody else is asked.
        """
        guards = [ScriptedGuard(True), ScriptedGuard(False), ScriptedGuard(True)]
        GuardedPlan(guards, self.plan).start(self.exchange)
        self.assertEqual(self.plan.started, [])
        self.assertEqual([guard.asked for guard in guards], [1, 1, 0])

    def test_lateAnswer(self) -> None:
        """
        A guard may take its time: then the asking goes on behind it.
        """
        guards = [ScriptedGuard(True), ScriptedGuard(False), ScriptedGuard(True)]
        GuardedPlan(guards, self.plan).start(self.exchange)
        guards[1].proceed()
        self.assertEqual(self.plan.started, [self.exchange])
        self.assertEqual([guard.asked for guard in guards], [1, 1, 1])

    def test_noGuards(self) -> None:
        """
        Without guards the plan is started.
        """
        GuardedPlan([], self.plan).start(self.exchange)
        self.assertEqual(self.plan.started, [self.exchange])
