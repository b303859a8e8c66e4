"""
How does a pool follow a source of backends? It asks again and again, and keeps what it has when
the source fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.pool import Pool

# Seconds between two questions to a source that fails, at first and at the most.
_FIRST_RETRY = 1.0
_LAST_RETRY = 60.0


class Source(Protocol):
    """
    Knows who the backends are.
    """

    def ask(self) -> Deferred[tuple[Sequence[BackendSpec] | None, float]]:
        """
        @return: fires with the backends, L{None} where they are as before, and the seconds after
            which to ask again; fails when it doesn't know. Its end is bounded in time.
        """

    def __str__(self) -> str: ...


class Following(Service):
    """
    Gives a pool the backends that a source names. Those that stay keep their state, those that left
    are drained. An empty answer is an answer; no answer changes nothing.
    """

    _log = Logger()

    def __init__(self, pool: Pool, source: Source, clock: IReactorTime) -> None:
        self._pool = pool
        self._source = source
        self._clock = clock
        self._retry = _FIRST_RETRY
        self._failing = False
        self._call: IDelayedCall | None = None
        self._asking: Deferred[None] | None = None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._ask()

    def stopService(self) -> None:
        super().stopService()  # type: ignore[no-untyped-call]
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._asking is not None:
            self._asking.cancel()

    def _ask(self) -> None:
        self._call = None
        asking = self._source.ask().addCallbacks(self._answered, self._failed)
        asking.addErrback(self._broken)
        if self.running and self._call is None:
            self._asking = asking

    def _answered(self, answer: tuple[Sequence[BackendSpec] | None, float]) -> None:
        self._asking = None
        specs, wait = answer
        if self._failing:
            self._log.info("{source} answers again", source=self._source)
        self._failing = False
        self._retry = _FIRST_RETRY
        if specs is not None and self.running:
            self._pool.replaceBackends(specs)
        self._later(wait)

    def _failed(self, failure: Failure) -> None:
        self._asking = None
        if not self.running:
            return
        if not self._failing:
            # Said once; what was known stays in use.
            self._log.warn(
                "{source} does not answer: {reason}; keeping {count} backends of {pool}",
                source=self._source,
                reason=failure.getErrorMessage(),
                count=len(self._pool.backends),
                pool=self._pool.name,
            )
        self._failing = True
        self._later(self._retry)
        self._retry = min(self._retry * 2, _LAST_RETRY)

    def _broken(self, failure: Failure) -> None:
        # A mistake of ours must not end the following.
        self._log.failure("following {source} failed", failure, source=self._source)
        self._later(_LAST_RETRY)

    def _later(self, wait: float) -> None:
        if self.running and self._call is None:
            self._call = self._clock.callLater(wait, self._ask)
