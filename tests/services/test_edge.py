"""
Tests for L{lbproxy.services.edge}: when everything starts and stops.
"""

from __future__ import annotations

import gc
from typing import Any

from twisted.application.service import Service
from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.deadlines import Deadlines
from lbproxy.pool.registry import Registry
from lbproxy.services.edge import EdgeService, State
from lbproxy.services.listener import Listener
from tests.services.doubles import FakePort, FakeRelaying


class EdgeCase(SynchronousTestCase):
    """
    An edge with two listeners and an admin listener.

    @ivar story: what happened, in order.
    """

    def setUp(self) -> None:
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        self.clock = Clock()
        self.story: list[str] = []
        self.taken: set[int] = set()
        self.broken: set[int] = set()
        self.relayings = [FakeRelaying(self.story) for _ in range(3)]
        listeners = [self.listener(at) for at in range(3)]
        self.edge = EdgeService(
            self.clock, Deadlines(self.clock), listeners[:2], Registry(), grace=10.0
        )
        self.edge.admin = listeners[2]
        self.logged: list[str] = []
        observer: Any = self.note
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def note(self, event: dict[str, object]) -> None:
        """
        Keep what is logged.
        """
        form = event.get("log_format")
        if isinstance(form, str):
            self.logged.append(form.format(**event))

    def listener(self, number: int) -> Listener:
        """
        One of them, at the port of that number.
        """

        def openPort(address: Address) -> FakePort:
            if address.port in self.taken:
                raise CannotStart(f"{address} is taken")
            if address.port in self.broken:
                raise RuntimeError("a bug")
            self.story.append(f"open {address.port}")
            return FakePort(address, self.story)

        address = Address("127.0.0.1", number)
        return Listener(f"l{number}", [address], openPort, self.relayings[number])

    def start(self) -> None:
        """
        As twistd does it.
        """
        self.edge.privilegedStartService()
        self.edge.startService()


class StartTests(EdgeCase):
    """
    All or none.
    """

    def test_order(self) -> None:
        """
        Ports open while there are privileges, admin's last; work is taken when all is there.
        """
        self.edge.atStart(lambda: self.story.append("start"))
        self.assertIs(self.edge.state, State.NEW)
        self.edge.privilegedStartService()
        self.assertIs(self.edge.state, State.OPEN)
        self.assertFalse(self.edge.ready)
        self.edge.startService()
        self.assertEqual(self.story, ["open 0", "open 1", "open 2", "start"])
        self.assertIs(self.edge.state, State.READY)
        self.assertTrue(self.edge.ready)

    def test_withoutPrivileges(self) -> None:
        """
        Embedders who only start it get the same.
        """
        self.edge.startService()
        self.assertEqual(self.story, ["open 0", "open 1", "open 2"])
        self.assertTrue(self.edge.ready)

    def test_portTaken(self) -> None:
        """
        When one address is taken none stays open, and whoever starts it hears why.
        """
        self.taken.add(2)
        error = self.assertRaises(CannotStart, self.edge.privilegedStartService)
        self.assertEqual(str(error), "127.0.0.1:2 is taken")
        self.assertEqual(self.story, ["open 0", "open 1", "close 0", "close 1"])
        self.assertFalse(self.edge.ready)
        self.taken.clear()
        self.start()
        self.assertTrue(self.edge.ready)

    def test_anyError(self) -> None:
        """
        The same for what nobody has thought of.
        """
        self.broken.add(1)
        self.assertRaises(RuntimeError, self.edge.startService)
        self.assertEqual(self.story, ["open 0", "close 0"])

    def test_saysWhereItIs(self) -> None:
        """
        The log names every listener with its address.
        """
        self.start()
        self.assertIn("listener l0 on 127.0.0.1:0", self.logged)
        self.assertIn("listener l2 on 127.0.0.1:2", self.logged)

    def test_otherAddresses(self) -> None:
        """
        IPv6 and UNIX sockets are named as the configuration writes them.
        """
        hosts = iter([IPv6Address("TCP", "::1", 80), UNIXAddress("/run/x"), UNIXAddress(b"/run/y")])
        self.patch(FakePort, "getHost", lambda port: next(hosts))
        self.start()
        addresses = [line.partition(" on ")[2] for line in self.logged if " on " in line]
        self.assertEqual(addresses, ["[::1]:80", "unix:/run/x", "unix:/run/y"])

    def test_children(self) -> None:
        """
        Services that belong to it run while it does.
        """
        child = Service()
        child.setServiceParent(self.edge)
        self.start()
        self.assertTrue(child.running and self.edge.registry.running)
        for relaying in self.relayings:
            relaying.drained.callback(None)
        self.edge.stopService()
        self.assertFalse(child.running or self.edge.registry.running)


class DeadlineTests(EdgeCase):
    """
    The edge's own time.
    """

    def test_whileItRuns(self) -> None:
        """
        Deadlines pass from the start to the end, the drain included.
        """
        passed: list[float] = []

        class Item:
            deadline = 0.5

            def deadlinePassed(self, now: float) -> None:
                passed.append(now)
                self.deadline = now + 1.0

        item = Item()
        self.edge._deadlines.watch(item)
        self.clock.pump([0.1] * 10)
        self.assertEqual(passed, [])
        self.start()
        self.clock.pump([0.1] * 3)
        self.assertEqual(len(passed), 1)
        stopping = self.edge.stopService()
        self.clock.pump([0.1] * 15)
        self.assertEqual(len(passed), 2)
        for relaying in self.relayings[:2]:
            relaying.drained.callback(None)
        self.successResultOf(stopping)
        self.clock.pump([0.1] * 30)
        self.assertEqual(len(passed), 2)


class StopTests(EdgeCase):
    """
    The drain.
    """

    def setUp(self) -> None:
        super().setUp()
        self.edge.atStop(lambda: self.story.append("stop"))
        self.edge.atEnd(lambda: self.story.append("end"))
        self.start()
        self.story.clear()

    def test_workInHandEnds(self) -> None:
        """
        Nobody new comes in; when all work has ended admin closes, too, and then all is over.
        """
        stopping = self.edge.stopService()
        self.assertEqual(self.story, ["stop", "close 0", "drain", "close 1", "drain"])
        self.assertIs(self.edge.state, State.DRAINING)
        self.assertFalse(self.edge.ready)
        self.relayings[0].drained.callback(None)
        self.assertNoResult(stopping)
        self.story.clear()
        self.relayings[1].drained.callback(None)
        self.assertEqual(self.story, ["close 2", "end"])
        self.assertIs(self.edge.state, State.STOPPED)
        self.successResultOf(stopping)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_grace(self) -> None:
        """
        What has not ended in time is ended.
        """
        stopping = self.edge.stopService()
        self.clock.advance(9.9)
        self.assertNotIn("abort", self.story)
        self.assertNoResult(stopping)
        self.clock.advance(0.2)
        self.assertEqual(self.story.count("abort"), 2)
        self.successResultOf(stopping)
        self.assertIn("work in hand did not end in 10.0 s: ending it", self.logged)

    def test_failingDrain(self) -> None:
        """
        A drain that fails is logged, and ends all the same when the others have.
        """
        stopping = self.edge.stopService()
        self.relayings[0].drained.errback(RuntimeError("a bug"))
        self.assertNoResult(stopping)
        self.relayings[1].drained.callback(None)
        self.successResultOf(stopping)
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertIs(self.edge.state, State.STOPPED)

    def test_twice(self) -> None:
        """
        Whoever stops it again while it drains waits for the same end; afterwards nothing more
        happens.
        """
        first, second = self.edge.stopService(), self.edge.stopService()
        self.assertNoResult(second)
        self.assertEqual(self.story.count("stop"), 1)
        for relaying in self.relayings[:2]:
            relaying.drained.callback(None)
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.edge.stopService())
        self.assertEqual(self.story.count("end"), 1)

    def test_nothingOpened(self) -> None:
        """
        One that never started gives back what it had been given.
        """
        edge = EdgeService(self.clock, Deadlines(self.clock), [], Registry())
        edge.atEnd(lambda: self.story.append("closed"))
        self.successResultOf(edge.stopService())
        self.assertEqual(self.story, ["closed"])
        self.assertIs(edge.state, State.STOPPED)

    def test_openedOnly(self) -> None:
        """
        One that only opened its ports closes them.
        """
        edge = EdgeService(self.clock, Deadlines(self.clock), [self.listener(0)], Registry())
        edge.privilegedStartService()
        self.story.clear()
        self.successResultOf(edge.stopService())
        self.assertEqual(self.story, ["close 0"])


class PeriodicTests(EdgeCase):
    """
    What is done again and again.
    """

    def test_every(self) -> None:
        """
        From the start to the end, each time.
        """
        times: list[float] = []
        self.edge.every(5.0, lambda: times.append(self.clock.seconds()))
        self.clock.advance(20)
        self.assertEqual(times, [])
        self.start()
        self.clock.pump([5] * 3)
        self.assertEqual(times, [25, 30, 35])
        for relaying in self.relayings:
            relaying.drained.callback(None)
        self.edge.stopService()
        self.clock.pump([5] * 3)
        self.assertEqual(len(times), 3)

    def test_whileDraining(self) -> None:
        """
        Also while work in hand ends.
        """
        times: list[float] = []
        self.edge.every(1.0, lambda: times.append(self.clock.seconds()))
        self.start()
        self.edge.stopService()
        self.clock.pump([1] * 3)
        self.assertEqual(len(times), 3)

    def test_thoseThatRaise(self) -> None:
        """
        One that raises is logged and tried again; no failure ends it, nor another one.
        """
        times: list[float] = []

        def broken() -> None:
            times.append(self.clock.seconds())
            raise ValueError("oh")

        self.edge.every(1.0, broken)
        self.edge.every(1.0, lambda: times.append(0))
        self.start()
        self.clock.pump([1] * 3)
        self.assertEqual(len(times), 6)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 3)

    def test_reopen(self) -> None:
        """
        Log files are opened anew when that is asked for.
        """
        self.edge.atReopen(lambda: self.story.append("a"))
        self.edge.atReopen(lambda: self.story.append("b"))
        self.edge.reopen()
        self.edge.reopen()
        self.assertEqual(self.story, ["a", "b", "a", "b"])
