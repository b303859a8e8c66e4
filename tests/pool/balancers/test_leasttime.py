"""
Promises of L{lbproxy.pool.balancers.leasttime}.
"""

from __future__ import annotations

import random
from collections import Counter

from twisted.internet.task import Clock

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.backend import Health
from lbproxy.pool.balancers.leasttime import LeastTime
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, spec
from tests.pool.balancers import contract

SOMEONE = FakeContext()


class LeastTimeTests(contract.BalancerContract):
    """
    Who answers soonest.
    """

    def setUp(self) -> None:
        self.clock = Clock()

    def makeBalancer(self) -> LeastTime:
        return LeastTime(self.clock.seconds, random.Random(5), decay=10)

    def build(self, *names: str) -> Pool:
        return buildPool(*names, balancer=self.makeBalancer)

    def serve(self, pool: Pool, latency: dict[str, float], count: int) -> Counter[str]:
        """
        One request every 10 ms, answered as fast as C{latency} says.
        """
        served = Counter[str]()
        for _ in range(count):
            lease = pool.acquire(SOMEONE)
            served[lease.backend.name] += 1
            lease.release(Outcome.OK, latency[lease.backend.name])
            self.clock.advance(0.01)
        return served

    def test_avoidsTheSlowOne(self) -> None:
        """One slow backend of five gets less than one request in a hundred."""
        pool = self.build(*"abcde")
        latency = dict.fromkeys("abcde", 0.01) | {"c": 0.5}
        self.serve(pool, latency, 20)
        self.assertLess(self.serve(pool, latency, 2_000)["c"], 20)

    def test_tailIsHalfOfRoundRobins(self) -> None:
        """With one slow backend of five, 99 of 100 clients wait less than half as long."""
        tails = []
        for balancer in (RoundRobin, self.makeBalancer):
            pool, waited = buildPool(*"abcde", balancer=balancer), []
            for _ in range(3_000):
                lease = pool.acquire(SOMEONE)
                latency = 0.3 if lease.backend.name == "c" else 0.03
                waited.append(latency)
                self.clock.advance(0.01)
                lease.release(Outcome.OK, latency)
            tails.append(sorted(waited)[2_970])
        self.assertLess(tails[1], tails[0] / 2)

    def test_spreadsWhenAllAreAlike(self) -> None:
        """Without differences each gets its share, roughly."""
        pool = self.build(*"abcd")
        latency = dict.fromkeys("abcd", 0.01)
        for count in self.serve(pool, latency, 4_000).values():
            self.assertApproximates(count, 1_000, 150)

    def test_forgivesTheOnceSlow(self) -> None:
        """Whoever was slow is tried again after a while, and has its share if it is fast now."""
        pool = self.build("a", "b")
        self.serve(pool, {"a": 2.0, "b": 0.01}, 20)
        self.assertEqual(self.serve(pool, {"a": 0.01, "b": 0.01}, 500)["a"], 0)
        self.clock.advance(60)
        self.assertGreater(self.serve(pool, {"a": 0.01, "b": 0.01}, 2_000)["a"], 500)

    def test_failingFastIsNotFast(self) -> None:
        """A backend that refuses at once is not the best of all."""
        pool = self.build("a", "b")
        served = Counter[str]()
        for _ in range(500):
            lease = pool.acquire(SOMEONE)
            name = lease.backend.name
            served[name] += 1
            outcome = Outcome.SERVER_ERROR if name == "a" else Outcome.OK
            lease.release(outcome, 0.001 if name == "a" else 0.05)
            self.clock.advance(0.01)
        self.assertLess(served["a"], 10)

    def test_theClientLeavingTeachesNothing(self) -> None:
        """What a client did not wait for says nothing about the backend."""
        balancer = self.makeBalancer()
        pool = buildPool("a", balancer=lambda: balancer)
        pool.acquire(SOMEONE).release(Outcome.CLIENT_LEFT, 30.0)
        pool.acquire(SOMEONE).release(Outcome.OK, 0.0)
        self.assertFalse(balancer._averages[pool.backends["a"]].known)

    def test_averageFollowsWhatIsFaster(self) -> None:
        """It jumps up to a slow answer, and comes down to fast ones within the decay."""
        balancer = self.makeBalancer()
        pool = buildPool("a", balancer=lambda: balancer)
        seen = []
        for latency in (0.1, 0.5, 0.1, 0.1, 0.1):
            pool.acquire(SOMEONE).release(Outcome.OK, latency)
            seen.append(round(balancer._averages[pool.backends["a"]].value, 3))
            self.clock.advance(5)
        self.assertEqual(seen, [0.1, 0.5, 0.343, 0.247, 0.189])

    def test_loadCountsBeforeAnyAnswer(self) -> None:
        """While nobody has answered yet, leases are spread."""
        pool = self.build("a", "b", "c")
        for _ in range(30):
            pool.acquire(SOMEONE)
        for backend in pool.backends.values():
            self.assertApproximates(backend.active, 10, 4)

    def test_weightsCount(self) -> None:
        """At equal latency a backend of weight 3 carries three times as much."""
        pool = buildPool(spec("a", 3), "b", balancer=self.makeBalancer)
        self.serve(pool, {"a": 0.01, "b": 0.01}, 20)
        for _ in range(100):
            pool.acquire(SOMEONE)
        self.assertApproximates(pool.backends["a"].active, 75, 6)

    def test_whatIsKnownSurvivesAChangeOfTheSet(self) -> None:
        """Those that stay are not learned anew."""
        pool = self.build("a", "b")
        self.serve(pool, {"a": 0.5, "b": 0.01}, 20)
        pool.replaceBackends([spec("b"), spec("a")])
        self.assertEqual(self.serve(pool, {"a": 0.5, "b": 0.01}, 50)["a"], 0)

    def test_whatIsKnownSurvivesABlackout(self) -> None:
        """That all are down for a moment teaches nothing of their speed."""
        pool = self.build("a", "b")
        self.serve(pool, {"a": 0.5, "b": 0.01}, 20)
        for health in (Health.DOWN, Health.UP):
            for backend in pool.backends.values():
                pool.setHealth(backend, health)
            if health is Health.DOWN:
                self.assertRaises(NoBackendAvailable, pool.acquire, SOMEONE)
        self.assertEqual(self.serve(pool, {"a": 0.5, "b": 0.01}, 50)["a"], 0)

    def test_refusesNoDecay(self) -> None:
        """What is never forgotten is never forgiven."""
        self.assertRaises(ValueError, LeastTime, self.clock.seconds, random.Random(), 0)
