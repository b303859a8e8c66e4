"""
Is this backend up, all things considered? What its checks say and what its agent says, as one word.
"""

from __future__ import annotations

from collections.abc import Collection

from twisted.logger import Logger

from lbproxy.pool.backend import AdminState, Backend, Health
from lbproxy.pool.pool import Pool


class Memory:
    """
    What is remembered of one backend for longer than somebody looks after it, so that a change of
    the settings forgets nothing.

    @ivar said: who said what last.
    @ivar agentAdmin: the admin state that the agent gave it and has not taken back.
    """

    __slots__ = ("agentAdmin", "said")

    def __init__(self) -> None:
        self.said: dict[str, Health] = {}
        self.agentAdmin: AdminState | None = None


class Standing:
    """
    Collects the word of everybody who judges one backend, and tells the pool when the outcome
    changes: down if anybody says so, unknown while anybody does not know, else up.
    """

    __slots__ = ("_said", "backend", "memory", "pool")

    log = Logger()

    def __init__(self, pool: Pool, backend: Backend, memory: Memory | None = None) -> None:
        self.pool = pool
        self.backend = backend
        self.memory = memory or Memory()
        self._said = self.memory.said

    def last(self, who: str) -> Health:
        """
        What C{who} said last; to begin with, what is known of the backend already.
        """
        return self._said.setdefault(who, self.backend.health)

    def say(self, who: str, health: Health, reason: str) -> None:
        """
        @param who: whose word it is; it replaces this one's last.
        @param reason: why, in words for the log.
        """
        self._said[who] = health
        self._decide(reason)

    def confirm(self) -> None:
        """
        A check passed as before: what real traffic showed may be forgiven for that.
        """
        if self.backend.ejected and self.backend.health is Health.UP:
            self.pool.setHealth(self.backend, Health.UP)

    def hear(self, who: Collection[str]) -> None:
        """
        Only C{who} judge from now on; the word of all others is forgotten.
        """
        for one in self._said.keys() - set(who):
            del self._said[one]
        self._decide("checked no longer" if not who else "others check it")

    def _decide(self, reason: str) -> None:
        said = self._said.values()
        unsure = Health.UP if said else Health.UNKNOWN
        outcome = next((h for h in (Health.DOWN, Health.UNKNOWN) if h in said), unsure)
        if outcome is self.backend.health:
            return
        tell = self.log.warn if outcome is Health.DOWN else self.log.info
        tell(
            "backend {pool}/{backend} {health}: {reason}",
            pool=self.pool.name,
            backend=self.backend.name,
            health=outcome.value,
            reason=reason,
        )
        self.pool.setHealth(self.backend, outcome, reason)
