"""
Which backends does a file name just now?
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, maybeDeferred

from lbproxy.config.backendsfile import loadBackends
from lbproxy.config.pool import Backend
from lbproxy.pool.backend import BackendSpec


class FileSource:
    """
    A file that is looked at every C{interval} seconds, and read when it has changed: written in
    place, or replaced. A half-written one that is no good yet is tried again the next time.
    """

    def __init__(
        self, path: str, interval: float, specOf: Callable[[Backend], BackendSpec]
    ) -> None:
        self._path = path
        self._interval = interval
        self._specOf = specOf
        self._seen: tuple[int, int, int] | None = None

    def ask(self) -> Deferred[tuple[Sequence[BackendSpec] | None, float]]:
        """
        @return: fails with L{ConfigError} for a file that can't be used, L{OSError} without one.
        """
        return maybeDeferred(self._look)

    def _look(self) -> tuple[Sequence[BackendSpec] | None, float]:
        status = os.stat(self._path)
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp == self._seen:
            return None, self._interval
        specs = [self._specOf(backend) for backend in loadBackends(self._path)]
        self._seen = stamp
        return specs, self._interval

    def __str__(self) -> str:
        return self._path
