"""
Tests for L{lbproxy.l4.sessiontable}.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4 import sessiontable
from lbproxy.l4.sessiontable import SessionTable
from lbproxy.l4.udpsession import UDPSession
from lbproxy.net.deadlines import Deadlines


class FakeSession:
    """
    What the table knows of a session.
    """

    def __init__(self, key: str, active: float) -> None:
        self.key = key
        self.active = active


class SessionTableTests(SynchronousTestCase):
    """
    Tests for L{SessionTable}.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(100.0)
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        self.expired: list[str] = []

    def table(self, idleTimeout: float = 8.0) -> SessionTable:
        def expired(session: UDPSession) -> None:
            self.expired.append(str(session.key))
            del table.sessions[session.key]

        table = SessionTable(self.deadlines, idleTimeout, expired)
        return table

    def add(self, table: SessionTable, *keys: str) -> None:
        for key in keys:
            table.add(cast(UDPSession, FakeSession(key, self.clock.seconds())))

    def touch(self, table: SessionTable, key: str) -> float:
        session = table.sessions.get(key)
        assert session is not None
        session.active = self.clock.seconds()
        return table.touched(session, session.active)

    def test_found(self) -> None:
        """
        Sessions are found by their keys.
        """
        table = self.table()
        self.add(table, "a", "b")
        self.assertEqual([*table.sessions], ["a", "b"])

    def test_order(self) -> None:
        """
        The oldest is the one that was touched least recently.
        """
        table = self.table()
        self.add(table, "a", "b", "c")
        self.touch(table, "a")
        self.assertEqual(table.oldest().key, "b")

    def test_grain(self) -> None:
        """
        A session need not say that it was used more than once per second.
        """
        table = self.table(800.0)
        self.add(table, "a")
        self.assertEqual(self.touch(table, "a"), 101.0)
        self.assertEqual(SessionTable(self.deadlines, 0.8, print).grain, 0.1)

    def test_expired(self) -> None:
        """
        Each expires when its own time is over, and one deadline does for all.
        """
        table = self.table(8.0)
        self.add(table, "a", "b")
        self.clock.advance(4)
        self.touch(table, "a")
        self.add(table, "c")
        self.assertEqual(len(self.deadlines), 1)
        self.clock.advance(4.2)
        self.assertEqual(self.expired, ["b"])
        self.clock.advance(4)
        self.assertEqual(self.expired, ["b", "a", "c"])
        self.assertEqual((table.deadline, len(self.deadlines)), (0.0, 0))

    def test_afterwards(self) -> None:
        """
        A table that was empty for a while looks after its next session.
        """
        table = self.table(8.0)
        self.add(table, "a")
        self.clock.advance(100)
        self.add(table, "b")
        self.clock.advance(100)
        self.assertEqual(self.expired, ["a", "b"])

    def test_emptiedEarly(self) -> None:
        """
        So does one whose sessions ended before their time.
        """
        table = self.table(8.0)
        self.add(table, "a")
        table.sessions.clear()
        self.clock.advance(100)
        self.add(table, "b")
        self.clock.advance(8.2)
        self.assertEqual(self.expired, ["b"])

    def test_portions(self) -> None:
        """
        Very many that expire together end in portions.
        """
        self.patch(sessiontable, "_SWEEP", 2)
        table = self.table(8.0)
        self.add(table, "a", "b", "c")
        self.clock.advance(8.2)
        self.assertEqual(self.expired, ["a", "b"])
        self.clock.advance(0.2)
        self.assertEqual(self.expired, ["a", "b", "c"])

    def test_never(self) -> None:
        """
        With 0 none ever does.
        """
        table = self.table(0)
        self.add(table, "a")
        self.clock.advance(1e6)
        self.assertEqual(self.expired, [])
