"""
Why was nobody given, and what now? What a pool raises.
"""

from __future__ import annotations

from lbproxy.errors import NoBackendAvailable


class Refused(NoBackendAvailable):
    """
    A pool has nobody to give the work to, right now.

    @ivar mayWait: whether L{lbproxy.pool.pool.Pool.wait} would take it.
    @ivar retryAfter: seconds after which a client may ask again; 0 where nothing is known.
    """

    def __init__(
        self, pool: str, reason: str, mayWait: bool = False, retryAfter: float = 0.0
    ) -> None:
        super().__init__(pool, reason)
        self.mayWait = mayWait
        self.retryAfter = retryAfter
