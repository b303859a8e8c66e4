"""
Who uses a backend right now? A lease: taken once, released once, with its outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lbproxy.errors import Outcome
from lbproxy.pool.backend import Backend

if TYPE_CHECKING:
    from lbproxy.pool.pool import Pool

_OK = Outcome.OK


class Lease:
    """
    One use of a backend.

    @ivar setCookie: a complete C{Set-Cookie} value that the response must carry, or L{None}.
    @ivar released: whether L{release} was called.
    """

    __slots__ = ("backend", "pool", "released", "setCookie")

    def __init__(self, pool: Pool, backend: Backend, setCookie: bytes | None) -> None:
        self.pool = pool
        self.backend = backend
        self.setCookie = setCookie
        self.released = False

    def release(self, outcome: Outcome, latency: float = 0.0) -> None:
        """
        The use is over. Must be called exactly once.

        @param latency: seconds to the first byte of the answer; 0 where none was measured.
        """
        assert not self.released, f"{self!r} is released twice"
        self.released = True
        backend = self.backend
        backend.active -= 1
        pool = self.pool
        if pool.watching or outcome is not _OK:
            pool.settle(backend, outcome, latency)

    def __repr__(self) -> str:
        state = "released" if self.released else "held"
        return f"<Lease {state} of {self.backend!r}>"


class RetryLease(Lease):
    """
    A lease that counts against the pool's retry budget while it is held.
    """

    __slots__ = ()

    def release(self, outcome: Outcome, latency: float = 0.0) -> None:
        """
        The use is over, and the retry with it.
        """
        super().release(outcome, latency)
        self.pool.retries.end()
