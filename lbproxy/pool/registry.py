"""
What pools are there? The one shared truth that both layers ask.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.application.service import Service
from twisted.logger import Logger

from lbproxy.pool.context import Context
from lbproxy.pool.events import Event
from lbproxy.pool.explain import Explanation, explain
from lbproxy.pool.pool import Pool

Observer = Callable[[Event], object]


class Registry(Service):
    """
    All pools by name. Observers are told of each change, in the order in which they were added.

    @ivar pools: name to pool; assigning to it is for L{addPool} and L{removePool} only.
    """

    _log = Logger()

    def __init__(self) -> None:
        self.name = "registry"
        self.pools: dict[str, Pool] = {}
        self._observers: tuple[Observer, ...] = ()

    def pool(self, name: str) -> Pool:
        """
        @raise KeyError: there is no such pool.
        """
        return self.pools[name]

    def addPool(self, pool: Pool) -> Pool:
        """
        Make C{pool} known; its changes reach this registry's observers from now on.
        """
        assert pool.name not in self.pools, f"two pools named {pool.name}"
        self.pools[pool.name] = pool
        pool.observer = self._tell
        return pool

    def removePool(self, name: str) -> Pool:
        """
        Forget a pool. Leases of it run on; its changes are no longer told.

        @raise KeyError: there is no such pool.
        """
        pool = self.pools.pop(name)
        pool.observer = None
        return pool

    def addObserver(self, observer: Observer) -> None:
        """
        Call C{observer} with every event from now on.
        """
        self._observers = (*self._observers, observer)

    def removeObserver(self, observer: Observer) -> None:
        """
        @raise ValueError: it was never added.
        """
        observers = list(self._observers)
        observers.remove(observer)
        self._observers = tuple(observers)

    def explain(self, name: str, context: Context) -> Explanation:
        """
        What the pool C{name} would do for a client, and why.

        @raise KeyError: there is no such pool.
        """
        return explain(self.pools[name], context)

    def tick(self) -> None:
        """
        Let time pass in every pool; to be called a few times per second.
        """
        for pool in tuple(self.pools.values()):
            pool.tick()

    def _tell(self, event: Event) -> None:
        for observer in self._observers:
            try:
                observer(event)
            except Exception:
                # One observer that fails must not keep the others, or the pool, from working.
                self._log.failure(
                    "observer {observer} failed at {event}", observer=observer, event=event
                )
