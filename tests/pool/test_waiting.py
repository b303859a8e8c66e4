"""
Promises of L{lbproxy.pool.waiting}.
"""

from __future__ import annotations

from math import inf
from typing import cast

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.backend import Backend
from lbproxy.pool.waiting import Wait, Waiter, WaitingRoom
from lbproxy.testing import FakeContext, buildBackends


class WaitingRoomTests(SynchronousTestCase):
    """
    Who is next.
    """

    def setUp(self) -> None:
        self.room = WaitingRoom()

    def enter(self, key: str, deadline: float = 9.0, line: Backend | None = None) -> Wait:
        nobody = cast("Waiter", None)
        wait = Wait(FakeContext(), (), nobody, line=line, key=key.encode(), deadline=deadline)
        self.room.add(wait)
        return wait

    def leaveInTurn(self, line: Backend | None = None) -> str:
        """
        The keys in the order in which they are served.
        """
        keys = ""
        while (wait := self.room.first(line)) is not None:
            keys += wait.key.decode()
            self.room.remove(wait, served=True)
        return keys

    def test_firstComeFirstServed(self) -> None:
        """Of one key the first is the first."""
        waits = [self.enter("a") for _ in range(3)]
        for wait in waits:
            self.assertIs(self.room.first(None), wait)
            self.room.remove(wait, served=True)
        self.assertEqual(len(self.room), 0)

    def test_keysTakeTurns(self) -> None:
        """Whoever asks for much does not make the others wait."""
        for key in "aaaaabbc":
            self.enter(key)
        self.assertEqual(self.leaveInTurn(), "abcabaaa")

    def test_leavingKeepsTheTurn(self) -> None:
        """Whoever gives up does not cost its key the turn."""
        first = self.enter("a")
        for key in "ab":
            self.enter(key)
        first.cancel()
        self.assertEqual(self.leaveInTurn(), "ab")

    def test_cancelIsHarmlessAfterwards(self) -> None:
        """A wait that is over, or was cancelled, may be cancelled again."""
        wait = self.enter("a")
        for _ in range(2):
            wait.cancel()
        self.assertEqual(len(self.room), 0)
        self.assertEqual(self.room.due, inf)

    def test_linesAreApart(self) -> None:
        """Who waits for one backend does not stand in the way of who waits for any."""
        a, b = buildBackends("a", "b")
        self.enter("x", line=a)
        self.enter("y")
        self.enter("z", line=b)
        self.assertEqual(self.room.lines, [a, None, b])
        self.assertEqual(self.leaveInTurn(b), "z")
        self.assertEqual(self.leaveInTurn(), "y")
        self.assertEqual(self.leaveInTurn(a), "x")
        self.assertEqual(self.room.lines, [])

    def test_oldestOfAllLines(self) -> None:
        """Whoever came first is the oldest, whatever it waits for."""
        (a,) = buildBackends("a")
        first = self.enter("x", line=a)
        second = self.enter("y")
        self.assertIs(self.room.oldest(), first)
        first.cancel()
        self.assertIs(self.room.oldest(), second)

    def test_deadlinesInAnyOrder(self) -> None:
        """Those who waited for too long come out, and only those."""
        for deadline in (5.0, 2.0, 9.0, 3.0):
            self.enter("a", deadline)
        self.assertEqual(self.room.due, 2.0)
        self.assertEqual([wait.deadline for wait in self.room.overdue(3.0)], [2.0, 3.0])
        self.assertEqual((self.room.due, len(self.room)), (5.0, 2))
        self.assertEqual(self.room.overdue(4.0), [])

    def test_whoLeavesLeavesNothing(self) -> None:
        """However many come and go, only those who are there take room."""
        self.enter("z", deadline=1.0)
        for number in range(5_000):
            self.enter(str(number % 7), deadline=100.0 + number).cancel()
        self.assertLess(len(self.room._deadlines), 100)
        self.assertEqual(self.leaveInTurn(), "z")
