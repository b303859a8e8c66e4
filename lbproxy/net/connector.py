"""
How does a relay get to a backend? It takes a lease, dials, and tries another backend on failure.

Nothing has been sent while this goes on, so trying elsewhere is always safe.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.error import ConnectBindError
from twisted.internet.error import TimeoutError as ConnectTimedOut
from twisted.python.failure import Failure

from lbproxy.errors import NoBackendAvailable, Outcome, UpstreamError
from lbproxy.pool.backend import Backend
from lbproxy.pool.context import Context
from lbproxy.pool.lease import Lease
from lbproxy.pool.pool import Pool
from lbproxy.pool.refusal import Refused

#: How many further backends are tried when the first cannot be reached.
DEFAULT_RETRIES = 3


class Cancellable(Protocol):
    """
    A dial, or a wait for a backend, under way.
    """

    def cancel(self) -> object: ...


class Dialer(Protocol):
    """
    Opens a connection to a backend: L{lbproxy.net.dialing.dial} with all that the pool settles.

    C{protocol} gets either C{makeConnection} or C{connectFailed(failure)}, nothing after a cancel.
    C{context} is what L{Connector.connect} was given.
    """

    def __call__(self, backend: Backend, protocol: Attempt, context: Any, /) -> Cancellable: ...


class Caller(Protocol):
    """
    Who wants to be connected. Exactly one of the two is called, unless the attempt is cancelled.
    """

    def connected(self, transport: Any, lease: Lease, latency: float) -> None:
        """
        Here is the backend. The lease is the caller's to release, the transport has a protocol that
        makes no use of it: it must get another one at once, and be resumed.

        @param latency: how long this backend took to answer, in seconds.
        """

    def connectFailed(self, error: UpstreamError | NoBackendAvailable) -> None:
        """
        Nobody could be reached; no lease is held.
        """


class Connector:
    """
    One pool, and how its backends are reached.
    """

    __slots__ = ("_now", "dial", "pool", "retries")

    def __init__(
        self,
        pool: Pool,
        dial: Dialer,
        retries: int = DEFAULT_RETRIES,
        now: Callable[[Backend, Any], Any] | None = None,
    ) -> None:
        """
        @param retries: how many other backends are tried after the first; 0: none.
        @param now: connects to a backend before it returns, and gives the transport, of a protocol
            that it does not tell; or L{None}: then C{dial} has to try, and finds out why.
        """
        self.pool = pool
        self.dial = dial
        self.retries = retries
        self._now = now

    def connect(self, context: Context, caller: Caller) -> Attempt | None:
        """
        Begin. The caller may be answered before this returns.

        @return: L{None}: it was, and there is nothing to cancel.
        """
        now = self._now
        if now is None:
            attempt = Attempt(self, context, caller)
            attempt.next(None)
            return attempt
        pool = self.pool
        try:
            lease = pool.acquire(context)
        except NoBackendAvailable as error:
            attempt = Attempt(self, context, caller)
            attempt.refused(error)
            return attempt
        seconds = pool.seconds
        began = seconds()
        transport = now(lease.backend, _UNCLAIMED)
        if transport is None:
            attempt = Attempt(self, context, caller)
            attempt.leaseGranted(lease)
            return attempt
        caller.connected(transport, lease, seconds() - began)
        return None


class _Unclaimed:
    """
    The protocol of a transport that nobody has claimed yet.
    """

    def connectionLost(self, reason: Failure) -> None:
        """
        Nobody misses it.
        """


_UNCLAIMED = _Unclaimed()


class Attempt:
    """
    One search for a backend that answers: the protocol of what is being dialed.
    """

    __slots__ = ("_began", "_busy", "_caller", "_connector", "_context", "_lease", "_tried")

    def __init__(self, connector: Connector, context: Context, caller: Caller) -> None:
        self._connector = connector
        self._context = context
        self._caller: Caller | None = caller
        self._tried: tuple[Backend, ...] = ()
        self._lease: Lease | None = None
        self._busy: Cancellable | None = None

    def next(self, last: UpstreamError | None) -> None:
        """
        Try a backend that was not tried before.

        @param last: why the one before could not be reached; the answer when there is no other.
        """
        try:
            lease = self._connector.pool.acquire(self._context, self._tried)
        except NoBackendAvailable as error:
            if last is None:
                self.refused(error)
            else:
                self._fail(last)
        else:
            self.leaseGranted(lease)

    def refused(self, error: NoBackendAvailable) -> None:
        """
        There is nobody to begin with: wait, where that can help.
        """
        if isinstance(error, Refused) and error.mayWait:
            self._busy = self._connector.pool.wait(self._context, self)
        else:
            self._fail(error)

    def leaseGranted(self, lease: Lease) -> None:
        """
        There is a backend, perhaps after a wait in the pool's queue: dial it.
        """
        connector = self._connector
        self._lease = lease
        self._began = connector.pool.seconds()
        dialing = connector.dial(lease.backend, self, self._context)
        if self._lease is lease:  # neither connected nor failed meanwhile
            self._busy = dialing

    def leaseRefused(self, error: NoBackendAvailable) -> None:
        """
        For the pool's queue: the wait was in vain.
        """
        self._busy = None
        self._fail(error)

    def cancel(self) -> None:
        """
        The caller lost interest, and hears nothing more. Harmless when it was answered.
        """
        self._caller = None
        lease, self._lease = self._lease, None
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.cancel()
        if lease is not None:
            lease.release(Outcome.CLIENT_LEFT)

    def makeConnection(self, transport: Any) -> None:
        """
        The backend answered.
        """
        lease, caller = self._lease, self._caller
        assert lease is not None and caller is not None
        self._lease = self._busy = self._caller = None
        caller.connected(transport, lease, self._connector.pool.seconds() - self._began)

    def connectFailed(self, failure: Failure) -> None:
        """
        The backend did not answer: to the next, if there may be one.
        """
        lease = self._lease
        assert lease is not None
        self._lease = self._busy = None
        error = _explain(lease.backend, failure)
        lease.release(error.outcome)
        self._tried += (lease.backend,)
        if len(self._tried) > self._connector.retries:
            self._fail(error)
        else:
            self.next(error)

    def _fail(self, error: UpstreamError | NoBackendAvailable) -> None:
        caller, self._caller = self._caller, None
        assert caller is not None
        caller.connectFailed(error)


def _explain(backend: Backend, failure: Failure) -> UpstreamError:
    error = failure.value
    reason = f"{backend.name}: {error}"
    if isinstance(error, ConnectTimedOut):
        return UpstreamError(Outcome.TIMED_OUT, "connectTimeout", reason)
    if isinstance(error, ConnectBindError):
        # No local port, no descriptor, no such source address: not the backend's fault.
        return UpstreamError(Outcome.CLIENT_LEFT, "cannotDial", reason)
    return UpstreamError(Outcome.CONNECT_FAILED, "connectFailed", reason)
