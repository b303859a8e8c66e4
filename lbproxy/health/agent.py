"""
What follows from what a backend says of itself? Weight, admin state and health, by its agent.

Nobody but the agent undoes what the agent did, and it undoes nobody else's work. An agent that
cannot be reached, or talks nonsense, changes nothing.
"""

from __future__ import annotations

import random

from twisted.logger import Logger

from lbproxy.health.checker import CheckSettings
from lbproxy.health.loop import Loop
from lbproxy.health.report import Report
from lbproxy.health.schedule import Schedule
from lbproxy.health.standing import Standing
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import AdminState


class AgentChecker:
    """
    Asks one backend's agent for as long as it runs, and does what the agent says.
    """

    __slots__ = ("_loop", "_name", "_reachable", "_rng", "_settings", "_standing")

    log = Logger()

    def __init__(
        self,
        standing: Standing,
        probe: IProbe,
        settings: CheckSettings,
        schedule: Schedule,
        rng: random.Random,
        name: str = "agent",
    ) -> None:
        """
        @param probe: its checks end with a L{Report}.
        @param name: whose word it is at the standing.
        """
        self._standing = standing
        self._name = name
        self._settings = settings
        self._rng = rng
        self._reachable = True
        self._loop = Loop(probe, standing.backend, self, settings.timeout, schedule)

    def start(self, delay: float = 0.0) -> None:
        """
        Ask for the first time in C{delay} seconds.
        """
        self._loop.start(delay)

    def stop(self) -> None:
        """
        Never ask again. What the agent did stays.
        """
        self._loop.stop()

    def interval(self) -> float:
        """
        Seconds to the next question.
        """
        return self._settings.interval * (1 + self._settings.jitter * self._rng.uniform(-1, 1))

    def judge(self, passed: bool, seen: object) -> None:
        """
        One answer, or why there is none.
        """
        if isinstance(seen, Report):
            self._reachable = True
            self._obey(seen)
        elif self._reachable:
            self._reachable = False
            backend = self._standing.backend
            self.log.warn(
                "agent of {pool}/{backend} gives no report: {reason}; nothing changes",
                pool=backend.pool,
                backend=backend.name,
                reason=seen,
            )

    def _obey(self, report: Report) -> None:
        reason = f"agent says {report.text}"
        if report.admin is not None:
            self._setAdmin(report.admin, reason)
        self._setWeight(report)
        if report.health is not None:
            self._standing.say(self._name, report.health, reason)

    def _setAdmin(self, admin: AdminState, reason: str) -> None:
        """
        Somebody else's drain or maintenance is not the agent's to end, nor to change.
        """
        standing, memory = self._standing, self._standing.memory
        backend = standing.backend
        ours = backend.admin is AdminState.READY or backend.admin is memory.agentAdmin
        if not ours or admin is backend.admin:
            return
        memory.agentAdmin = None if admin is AdminState.READY else admin
        self.log.info(
            "backend {pool}/{backend} {admin}: {reason}",
            pool=backend.pool,
            backend=backend.name,
            admin=admin.value,
            reason=reason,
        )
        standing.pool.setAdmin(backend, admin, reason)

    def _setWeight(self, report: Report) -> None:
        """
        The weight itself stays the operator's; the agent says how much of it the backend can bear.
        """
        backend = self._standing.backend
        scale = report.share
        if report.weight is not None and backend.weight:
            scale = report.weight / backend.weight
        if scale is not None:
            self._standing.pool.setScale(backend, scale)
