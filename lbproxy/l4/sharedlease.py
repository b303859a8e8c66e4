"""
Who else uses this lease? One use of a backend that goes on in several sessions.
"""

from __future__ import annotations

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Backend
from lbproxy.pool.lease import Lease


class SharedLease:
    """
    A lease with several holders, each of whom releases it once; the last one's outcome counts.

    A QUIC connection is one use of its backend, however often its client's address changes.
    """

    __slots__ = ("_holders", "_lease", "backend")

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._holders = 1
        self.backend: Backend = lease.backend

    def join(self) -> SharedLease:
        """
        One more holder.
        """
        self._holders += 1
        return self

    def release(self, outcome: Outcome, latency: float = 0.0) -> None:
        """
        One holder less.
        """
        self._holders -= 1
        if not self._holders:
            self._lease.release(outcome, latency)
