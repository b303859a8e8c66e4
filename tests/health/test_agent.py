"""
Promises of L{lbproxy.health.agent}.
"""

from __future__ import annotations

import random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.agent import AgentChecker
from lbproxy.health.checker import CheckSettings
from lbproxy.health.report import parseReport
from lbproxy.health.schedule import Schedule
from lbproxy.health.standing import Standing
from lbproxy.pool.backend import AdminState, Health
from lbproxy.testing import buildPool, spec
from tests.health.doubles import FakeProbe, LogLines

READY, DRAIN, MAINTENANCE = AdminState.READY, AdminState.DRAIN, AdminState.MAINTENANCE


class AgentTests(SynchronousTestCase):
    """
    A backend that speaks for itself.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.schedule = Schedule(self.clock, grain=0.0)
        self.pool = buildPool("b1", spec("b2", weight=10), health=Health.UP)
        self.backend = self.pool.backends["b2"]
        self.standing = Standing(self.pool, self.backend)
        self.standing.last("check")
        self.probe = FakeProbe()
        self.log = LogLines(self)
        self.agent = self.start()

    def start(self) -> AgentChecker:
        """
        An agent that is being asked.
        """
        settings = CheckSettings(jitter=0.0)
        agent = AgentChecker(self.standing, self.probe, settings, self.schedule, random.Random(1))
        agent.start()
        self.clock.advance(0)
        return agent

    def says(self, line: bytes) -> None:
        """
        The agent answers, and is asked again.
        """
        self.probe.checks[-1].callback(parseReport(line))
        self.clock.advance(2.0)

    def test_takesItselfDown(self) -> None:
        """
        The agent's word is enough, and its reason is told.
        """
        self.says(b"down #disk full")
        self.assertIs(self.backend.health, Health.DOWN)
        self.assertEqual(self.log.lines, ['backend web/b2 down: agent says "down #disk full"'])

    def test_aloneBringsItselfBack(self) -> None:
        """
        A passing check does not undo what the agent said; the agent does.
        """
        self.says(b"down")
        self.standing.say("check", Health.UP, "HTTP 200")
        self.assertIs(self.backend.health, Health.DOWN)
        self.says(b"ready 50%")
        self.assertIs(self.backend.health, Health.DOWN)
        self.says(b"up")
        self.assertIs(self.backend.health, Health.UP)

    def test_doesNotOverruleTheCheck(self) -> None:
        """
        An agent that says up does not bring back what fails its check.
        """
        self.standing.say("check", Health.DOWN, "HTTP 503")
        self.says(b"up")
        self.assertIs(self.backend.health, Health.DOWN)

    def test_drainsAndComesBack(self) -> None:
        """
        Drain and maintenance are the agent's to begin, to change and to end.
        """
        for line, admin in ((b"drain", DRAIN), (b"maint", MAINTENANCE), (b"ready", READY)):
            self.says(line)
            self.assertIs(self.backend.admin, admin)
        self.assertEqual(
            self.log.lines,
            [
                'backend web/b2 drain: agent says "drain"',
                'backend web/b2 maintenance: agent says "maint"',
                'backend web/b2 ready: agent says "ready"',
            ],
        )

    def test_leavesTheOperatorAlone(self) -> None:
        """
        What an operator began no agent ends, nor does it change it.
        """
        self.pool.setAdmin(self.backend, MAINTENANCE)
        for line in (b"ready", b"drain"):
            self.says(line)
            self.assertIs(self.backend.admin, MAINTENANCE)
        # The operator's end of it is an end, whatever the agent began before.
        self.pool.setAdmin(self.backend, READY)
        self.says(b"drain")
        self.assertIs(self.backend.admin, DRAIN)
        self.pool.setAdmin(self.backend, MAINTENANCE)
        self.says(b"ready")
        self.assertIs(self.backend.admin, MAINTENANCE)

    def test_weighsItself(self) -> None:
        """
        A share of the weight that was set, or a weight of its own; the setting stays as it is.
        """
        for line, scale in (
            (b"50%", 0.5),
            (b"50%", 0.5),
            (b"1%", 0.01),
            (b"0%", 0.0),
            (b"150%", 1.5),
            (b"weight:7", 0.7),
            (b"up", 0.7),
            (b"100%", 1.0),
        ):
            self.says(line)
            self.assertEqual((self.backend.scale, self.backend.weight), (scale, 10), line)

    def test_weighsAgainstTheOperatorsWeight(self) -> None:
        """
        A weight that an operator sets at run time is what the agent's own one is measured by.
        """
        self.pool.setWeight(self.backend, 40)
        self.says(b"weight:10")
        self.assertEqual(self.backend.scale, 0.25)
        self.pool.setWeight(self.backend, 0)
        self.says(b"weight:5")
        self.assertEqual((self.backend.scale, self.backend.weight), (0.25, 0))

    def test_changesNothingWhenUnreachable(self) -> None:
        """
        An agent that is gone leaves everything as it was, and is told of once.
        """
        self.says(b"drain down 50%")
        self.log.lines.clear()
        for _ in range(3):
            self.probe.fails("connection refused")
            self.clock.advance(2.0)
        state = (self.backend.health, self.backend.admin, self.backend.scale)
        self.assertEqual(state, (Health.DOWN, DRAIN, 0.5))
        self.assertEqual(
            self.log.lines,
            ["agent of web/b2 gives no report: connection refused; nothing changes"],
        )
        self.says(b"up")
        self.probe.fails("connection refused")
        self.assertEqual(len(self.log.lines), 2 + 1)

    def test_remembersOverAChangeOfSettings(self) -> None:
        """
        The agent may end what it began before the settings changed.
        """
        self.says(b"drain 50%")
        self.agent.stop()
        self.standing = Standing(self.pool, self.backend, self.standing.memory)
        self.agent = self.start()
        self.says(b"ready 100%")
        self.assertEqual((self.backend.admin, self.backend.scale), (READY, 1.0))

    def test_leavesNothingWhenStopped(self) -> None:
        """
        The question under way is cancelled.
        """
        self.agent.stop()
        self.assertEqual((self.probe.cancelled, self.schedule.pending()), (1, 0))
