"""
Promises of L{lbproxy.health.standing}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.standing import Standing
from lbproxy.pool.backend import Health
from lbproxy.pool.events import HealthChanged
from lbproxy.testing import buildPool

UP, DOWN, UNKNOWN = Health.UP, Health.DOWN, Health.UNKNOWN


class StandingTests(SynchronousTestCase):
    """
    Several that judge one backend.
    """

    def setUp(self) -> None:
        self.pool = buildPool("b1", health=UNKNOWN)
        self.backend = self.pool.backends["b1"]
        self.events: list[HealthChanged] = []
        self.pool.observer = self.note
        self.standing = Standing(self.pool, self.backend)

    def note(self, event: object) -> None:
        """
        Remember changes.
        """
        assert isinstance(event, HealthChanged)
        self.events.append(event)

    def test_isUpOnceAllSaySo(self) -> None:
        """
        While one check has not said anything, the backend is unknown.
        """
        self.standing.last("one")
        self.standing.last("two")
        self.standing.say("one", UP, "fine")
        self.assertIs(self.backend.health, UNKNOWN)
        self.standing.say("two", UP, "fine too")
        self.assertIs(self.backend.health, UP)
        self.assertEqual([event.reason for event in self.events], ["fine too"])

    def test_isDownOnceOneSaysSo(self) -> None:
        """
        One is enough, and it has to take that back itself.
        """
        self.standing.say("one", UP, "fine")
        self.standing.say("two", DOWN, "disk full")
        self.assertIs(self.backend.health, DOWN)
        self.standing.say("one", UP, "still fine")
        self.assertIs(self.backend.health, DOWN)
        self.standing.say("two", UP, "cleaned up")
        self.assertIs(self.backend.health, UP)
        self.assertEqual(
            [event.reason for event in self.events], ["fine", "disk full", "cleaned up"]
        )

    def test_tellsChangesOnly(self) -> None:
        """
        The same again is no news.
        """
        self.standing.say("one", DOWN, "first")
        self.standing.say("two", DOWN, "second")
        self.assertEqual(len(self.events), 1)

    def test_forgetsWhoLeft(self) -> None:
        """
        The word of a check that was taken out of the configuration counts no more.
        """
        self.standing.say("one", UP, "fine")
        self.standing.say("two", DOWN, "bad")
        self.standing.hear(["one"])
        self.assertIs(self.backend.health, UP)
        self.standing.hear([])
        self.assertIs(self.backend.health, UNKNOWN)

    def test_keepsItsMemory(self) -> None:
        """
        A later standing with the same memory knows who said what.
        """
        self.standing.say("one", UP, "fine")
        self.standing.say("two", DOWN, "bad")
        again = Standing(self.pool, self.backend, self.standing.memory)
        self.assertIs(again.last("one"), UP)
        self.assertIs(again.last("two"), DOWN)

    def test_beginsWithWhatIsKnown(self) -> None:
        """
        Somebody new is assumed to agree with what is believed already.
        """
        self.pool.setHealth(self.backend, UP)
        self.assertIs(Standing(self.pool, self.backend).last("new"), UP)
