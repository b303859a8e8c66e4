"""
Tests for L{lbproxy.services.discovery.following}.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.pool.backend import BackendSpec, Health
from lbproxy.pool.pool import Pool
from lbproxy.services.discovery.following import Following

Answer = tuple[Sequence[BackendSpec] | None, float]


def spec(name: str) -> BackendSpec:
    return BackendSpec(name, Address("192.0.2.1", 80))


class Asked:
    """
    A source whose answers are the test's.
    """

    def __init__(self) -> None:
        self.questions: list[Deferred[Answer]] = []

    def ask(self) -> Deferred[Answer]:
        question: Deferred[Answer] = Deferred()
        self.questions.append(question)
        return question

    def __str__(self) -> str:
        return "the test"


class FollowingTests(SynchronousTestCase):
    """
    A pool has the backends that a source names.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.source = Asked()
        self.pool = Pool("web", seconds=self.clock.seconds)
        self.following = Following(self.pool, self.source, self.clock)
        self.following.startService()

    def answer(self, *names: str, wait: float = 10) -> None:
        self.source.questions[-1].callback(([spec(name) for name in names], wait))

    def names(self) -> list[str]:
        return list(self.pool.backends)

    def test_asksAtOnceAndAgain(self) -> None:
        """
        The first answer comes as soon as it can; the next question when the answer said.
        """
        self.answer("a", "b")
        self.assertEqual(self.names(), ["a", "b"])
        self.clock.advance(9)
        self.assertEqual(len(self.source.questions), 1)
        self.clock.advance(1)
        self.answer("b", "c")
        self.assertEqual(self.names(), ["b", "c"])

    def test_thoseThatStayKeepTheirState(self) -> None:
        """
        What is known of a backend that stays is still known.
        """
        self.answer("a", "b")
        backend = self.pool.backends["b"]
        self.pool.setHealth(backend, Health.UP, "test")
        self.clock.advance(10)
        self.answer("b")
        self.assertIs(self.pool.backends["b"], backend)
        self.assertIs(backend.health, Health.UP)

    def test_unchanged(self) -> None:
        """
        "As before" leaves all as it is, without an event.
        """
        self.answer("a")
        events: list[object] = []
        self.pool.observer = events.append
        self.clock.advance(10)
        self.source.questions[-1].callback((None, 10))
        self.assertEqual((self.names(), events), (["a"], []))

    def test_noAnswerKeepsTheLastGoodOne(self) -> None:
        """
        While the source fails, the backends stay; it is asked less and less often, then as before.
        """
        self.answer("a")
        self.clock.advance(10)
        for wait in (1, 2, 4):
            count = len(self.source.questions)
            self.source.questions[-1].errback(OSError("gone"))
            self.clock.advance(wait - 0.5)
            self.assertEqual(len(self.source.questions), count)
            self.clock.advance(0.5)
            self.assertEqual(len(self.source.questions), count + 1)
        self.assertEqual(self.names(), ["a"])
        self.answer("b")
        self.assertEqual(self.names(), ["b"])

    def test_stop(self) -> None:
        """
        After the stop nothing is asked, and a late answer changes nothing.
        """
        self.following.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.names(), [])
        self.following.startService()
        self.answer("a")
        self.following.stopService()
        self.assertEqual(self.clock.getDelayedCalls(), [])
