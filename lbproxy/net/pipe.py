"""
How do two connections become one? Bytes, back-pressure, half-closes and resets pass from each to
the other, until both are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lbproxy.net.deadlines import Deadlines
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.pipeside import BulkSide, Ending, Side
from lbproxy.net.splice import spliceable

# Seconds. Once one side is gone the other has this long to take some of what is left for it, and
# again for each piece that it took.
LINGER = 5.0


class Pipe:
    """
    Couples two connected stream transports, C{client} and C{backend}.

    Each transport gets one of the pipe's own protocols; whatever protocol it had hears nothing
    more. C{whenDone} is called once, after both connections are lost and nothing is left behind.

    @ivar ending: what happened first; L{None} while all is well.
    """

    __slots__ = (
        "_closing",
        "_deadlines",
        "_idleTimeout",
        "_moved",
        "_seen",
        "_whenDone",
        "backend",
        "client",
        "deadline",
        "ending",
        "kernelPipes",
    )

    def __init__(
        self,
        client: Any,
        backend: Any,
        whenDone: Callable[[Pipe], object],
        deadlines: Deadlines,
        idleTimeout: float = 0.0,
        kernelPipes: KernelPipes | None = None,
    ) -> None:
        """
        @param idleTimeout: seconds without a byte either way after which both are closed; it may
            take a quarter longer. 0: never.
        @param kernelPipes: where splicing gets its pipes; L{None}: never splice.
        """
        self.ending: Ending | None = None
        self.deadline = 0.0
        self.kernelPipes = kernelPipes
        self._whenDone = whenDone
        self._deadlines = deadlines
        self._idleTimeout = idleTimeout
        self._closing = False
        self._seen = 0
        self._moved = 0.0
        kind: type[Side] = Side
        if kernelPipes is not None and spliceable(client) and spliceable(backend):
            kind = BulkSide
        self.client = kind(self, client, Ending.CLIENT_CLOSED, Ending.CLIENT_RESET)
        self.backend = kind(self, backend, Ending.BACKEND_CLOSED, Ending.BACKEND_RESET)
        self.client.couple(self.backend)
        self.backend.couple(self.client)

    @property
    def bytesUp(self) -> int:
        """
        Bytes from the client so far.
        """
        return self.client.received

    @property
    def bytesDown(self) -> int:
        """
        Bytes from the backend so far.
        """
        return self.backend.received

    def start(self, toBackend: bytes = b"", toClient: bytes = b"", ended: bool = False) -> None:
        """
        Begin.

        @param toBackend: what the client has already said.
        @param toClient: what the backend has already said.
        @param ended: the client has already half-closed.
        """
        client, backend = self.client, self.backend
        if self._idleTimeout:
            self._moved = self._deadlines.seconds()
            self.deadline = self._moved + self._idleTimeout / 4
            self._deadlines.watch(self)
        if toBackend:
            client.dataReceived(toBackend)
        if toClient:
            backend.dataReceived(toClient)
        if ended:
            client.readConnectionLost()
        client.begin()
        backend.begin()

    def close(self, ending: Ending) -> None:
        """
        End it in peace: what was read is still delivered, within L{LINGER} or as long as it moves.
        """
        if self.ending is None:
            self.ending = ending
        if not self.client.lost:
            self.client.lose()
        if not self.backend.lost:
            self.backend.lose()
        self._linger()

    def abort(self, ending: Ending) -> None:
        """
        End it now, with a reset for both.
        """
        if self.ending is None:
            self.ending = ending
        for side in self.client, self.backend:
            if not side.lost:
                side.transport.abortConnection()

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}: look whether anything moved since the last time.
        """
        if self._closing:
            self._checkLinger(now)
            return
        moved = self.client.received + self.backend.received
        if moved != self._seen:
            self._seen = moved
            self._moved = now
        if now - self._moved >= self._idleTimeout:
            self.close(Ending.IDLE)
        else:
            self.deadline = min(self._moved + self._idleTimeout, now + self._idleTimeout / 4)

    def _linger(self) -> None:
        if self._closing:
            return
        self._closing = True
        self._seen = self._unsent()
        self.deadline = self._deadlines.seconds() + LINGER
        self._deadlines.watch(self)

    def _checkLinger(self, now: float) -> None:
        unsent = self._unsent()
        if unsent < self._seen:
            self._seen = unsent
            self.deadline = now + LINGER
        else:
            self.abort(Ending.IDLE)

    def _unsent(self) -> int:
        return self.client.unsent() + self.backend.unsent()

    def readEnded(self, side: Side) -> None:
        """
        C{side}'s peer will say nothing more.
        """
        if self.ending is None:
            self.ending = side.closed
        other = side.other
        if other.lost:
            side.lose()
        elif other.eof or not (side.halfCloses and other.halfCloses):
            side.lose()
            other.lose()
            self._linger()
        else:
            other.transport.unregisterProducer()
            other.transport.loseWriteConnection()

    def sideLost(self, side: Side, clean: bool) -> None:
        """
        C{side} is gone.
        """
        if self.ending is None:
            self.ending = side.closed if clean else side.reset
        other = side.other
        if other.lost:
            self._done()
        elif clean or self._closing:
            other.lose()
            self._linger()
        else:
            other.transport.abortConnection()

    def _done(self) -> None:
        self._deadlines.forget(self)
        whenDone = self._whenDone
        for side in self.client, self.backend:
            side.uncouple()
        whenDone(self)
