"""
When does everything start and stop? The one service that C{twistd}, the command line and embedders
run.

Twisted swallows what goes wrong in services: a failed Deferred of C{startService} is only logged,
siblings of one that failed run on. So this service opens all ports itself, all or none, and its
C{stopService} is the whole drain.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Any, Protocol

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from lbproxy.config.admin import Logging
from lbproxy.net.deadlines import Deadlines
from lbproxy.pool.registry import Registry
from lbproxy.services.listener import Listener

# Allocations between two runs of the youngest generation. Per-request objects die by reference
# count; looking for cycles every 700 of them finds nothing and costs up to a tenth of the time.
_GC_THRESHOLD = 50_000


class State(Enum):
    """
    Where in its life an edge is.
    """

    NEW = "new"
    OPEN = "open"
    READY = "ready"
    DRAINING = "draining"
    STOPPED = "stopped"


class Stoppable(Protocol):
    """
    Something that ends with the edge.
    """

    def stop(self) -> object: ...


class EdgeService(MultiService):
    """
    Listeners, health checks and what they share.

    @ivar registry: all pools.
    @ivar admin: the admin listener; it answers to the end of a drain.
    @ivar grace: seconds that work in hand has to end in when the service stops.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        deadlines: Deadlines,
        listeners: Sequence[Listener],
        registry: Registry,
        *,
        grace: float = 10.0,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        registry.setServiceParent(self)
        self.logging = Logging()
        self.state = State.NEW
        self.listeners = listeners
        self.grace = grace
        self._clock = clock
        self._deadlines = deadlines
        self._atStart: list[Callable[[], object]] = []
        self._atStop: list[Callable[[], object]] = []
        self._atEnd: list[Callable[[], object]] = []
        self._atReopen: list[Callable[[], object]] = []
        self._loops: list[tuple[float, LoopingCall]] = []
        self._stopping: list[Deferred[None]] = []
        self.admin: Listener | None = None
        self.registry = registry

    def atStart(self, call: Callable[[], object]) -> None:
        """
        Call this when all ports are open.
        """
        self._atStart.append(call)

    def atStop(self, call: Callable[[], object]) -> None:
        """
        Call this when the drain begins.
        """
        self._atStop.append(call)

    def atEnd(self, call: Callable[[], object]) -> None:
        """
        Call this when the drain is over.
        """
        self._atEnd.append(call)

    def atReopen(self, call: Callable[[], object]) -> None:
        """
        Call this when log files are to be opened anew.
        """
        self._atReopen.append(call)

    def reopen(self) -> None:
        """
        Open log files anew, after they were moved away.
        """
        for call in self._atReopen:
            call()

    def every(self, interval: float, call: Callable[[], object]) -> None:
        """
        Call this every C{interval} seconds while the edge runs. What it raises is logged.
        """

        def guarded() -> None:
            try:
                call()
            except Exception:
                self._log.failure("a periodic task failed; it goes on")

        loop = LoopingCall(guarded)
        loop.clock = self._clock
        self._loops.append((interval, loop))

    @property
    def ready(self) -> bool:
        """
        Whether new work is taken.
        """
        return self.state is State.READY

    def privilegedStartService(self) -> None:
        """
        @raise CannotStart: an address cannot be bound; none is left open then.
        """
        self._open()
        super().privilegedStartService()  # type: ignore[no-untyped-call]

    def _open(self) -> None:
        if self.state is not State.NEW:
            return
        try:
            for listener in self._everything():
                listener.open()
        except Exception:
            for listener in self._everything():
                listener.close()
            raise
        self.state = State.OPEN

    def _everything(self) -> list[Listener]:
        return [*self.listeners, *([self.admin] if self.admin is not None else [])]

    def startService(self) -> None:
        self._open()
        super().startService()  # type: ignore[no-untyped-call]
        self._deadlines.start()
        for call in self._atStart:
            call()
        for interval, loop in self._loops:
            loop.start(interval, now=False)
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GC_THRESHOLD, 20, 20)
        self.state = State.READY
        for listener in self._everything():
            self._log.info(
                "listener {name} on {addresses}",
                name=listener.name,
                addresses=", ".join(_printable(port.getHost()) for port in listener.ports),
            )

    def stopService(self) -> Deferred[None]:
        """
        @return: fires when work in hand has ended, or was ended after C{grace}.
        """
        if self.state is State.STOPPED:
            return succeed(None)
        if self.state is State.DRAINING:
            stopped: Deferred[None] = Deferred()
            self._stopping.append(stopped)
            return stopped
        if self.state is not State.READY:
            return self._ended(None)
        self.state = State.DRAINING
        for call in self._atStop:
            call()
        draining = [listener.drain() for listener in self.listeners]
        active = DeferredList(draining, consumeErrors=True)
        overdue = self._clock.callLater(self.grace, self._abort)

        def drained(results: list[tuple[bool, Any]]) -> Deferred[None]:
            for good, result in results:
                if not good:
                    self._log.failure("a listener could not drain", result)
            if overdue.active():
                overdue.cancel()
            return self._ended(None)

        return active.addCallback(drained)

    def _abort(self) -> None:
        self._log.warn("work in hand did not end in {grace} s: ending it", grace=self.grace)
        for listener in self.listeners:
            listener.relaying.abortAll()

    def _ended(self, _: object) -> Deferred[None]:
        self.state = State.STOPPED
        stopping = super().stopService()  # type: ignore[no-untyped-call]
        for listener in self._everything():
            listener.close()
        for _, loop in self._loops:
            if loop.running:
                loop.stop()
        self._deadlines.stop()
        for call in self._atEnd:
            call()
        for stopped in self._stopping:
            stopped.callback(None)
        return stopping if stopping is not None else succeed(None)


def _printable(host: object) -> str:
    name = getattr(host, "name", None)
    if name is not None:
        return f"unix:{name.decode() if isinstance(name, bytes) else name}"
    address, port = getattr(host, "host", "?"), getattr(host, "port", "?")
    return f"[{address}]:{port}" if ":" in str(address) else f"{address}:{port}"
