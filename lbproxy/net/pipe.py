"""
How do two connections become one? Bytes, back-pressure, half-closes and resets pass from each to
the other, until both are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lbproxy.net.bandwidth import Bandwidth
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.directstream import DirectStream
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.pipeside import Ending, Side
from lbproxy.net.plainside import closeTogether, plainSides
from lbproxy.net.stream import StreamClient, StreamServer
from lbproxy.net.throttledside import ThrottledSide

CLIENT = (Ending.CLIENT_CLOSED, Ending.CLIENT_RESET)
BACKEND = (Ending.BACKEND_CLOSED, Ending.BACKEND_RESET)

# Seconds. While a pipe is closing its peers are looked at this often: they are cut off when they
# have taken nothing of what is left for them since the time before.
LINGER = 3.0
# More than anybody can have left to take: the first look only takes notice.
_EVERYTHING = 1 << 62


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
        "_plain",
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
        up: Sequence[Bandwidth] = (),
        down: Sequence[Bandwidth] = (),
    ) -> None:
        """
        @param idleTimeout: seconds without a byte either way after which both are closed; it may
            take a quarter longer. 0: never.
        @param kernelPipes: where splicing gets its pipes; L{None}: never splice.
        @param up: what the client's bytes are charged to, C{down}: the backend's. A pipe that is
            limited is never spliced.
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
        self.client: Side
        self.backend: Side
        self._plain = not (up or down) and isPlain(client, backend)
        if self._plain:
            self.client, self.backend = plainSides(self, client, backend)
            return
        self.client = self._side(client, CLIENT, up)
        self.backend = self._side(backend, BACKEND, down)
        self.client.couple(self.backend)
        self.backend.couple(self.client)

    def _side(
        self, transport: Any, endings: tuple[Ending, Ending], bandwidths: Sequence[Bandwidth]
    ) -> Side:
        if not bandwidths:
            return Side(self, transport, *endings)
        return ThrottledSide(self, transport, *endings, bandwidths, self._deadlines)

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
            deadlines = self._deadlines
            seconds = deadlines.seconds
            self._moved = now = seconds()
            self.deadline = now + self._idleTimeout / 4
            deadlines.watch(self)
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
        self._closeBoth()

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

    def _closeBoth(self) -> None:
        if self._plain and closeTogether(self.client, self.backend):  # type: ignore[arg-type]
            self.over()
            return
        for side in self.client, self.backend:
            if not (side.closing or side.lost):
                side.lose()
        self._linger()

    def _linger(self) -> None:
        if self._closing or (self.client.lost and self.backend.lost):
            return
        self._closing = True
        self._seen = _EVERYTHING
        self.deadline = self._deadlines.seconds() + LINGER
        self._deadlines.watch(self)

    def _checkLinger(self, now: float) -> None:
        unsent = self.client.unsent() + self.backend.unsent()
        if unsent < self._seen:
            self._seen = unsent
            self.deadline = now + LINGER
            return
        for side in self.client, self.backend:
            if not side.lost:
                side.giveUp()

    def readEnded(self, side: Side) -> None:
        """
        C{side}'s peer will say nothing more.
        """
        if self.ending is None:
            self.ending = side.closed
        other = side.other
        if side.closing:
            side.leave()
        elif other.eof or other.lost:
            self._closeBoth()
        else:
            other.loseWrite()

    def sideLost(self, side: Side, clean: bool) -> None:
        """
        C{side} is gone.
        """
        if self.ending is None:
            self.ending = side.closed if clean else side.reset
        other = side.other
        if other.lost:
            self.over()
        elif clean or self._closing:
            if not other.closing:
                other.lose()
            self._linger()
        else:
            other.transport.abortConnection()

    def over(self) -> None:
        """
        Both sides are lost, and nothing is left to be moved.
        """
        if self.deadline:
            self._deadlines.forget(self)
        self.client.uncouple()
        self.backend.uncouple()
        whenDone, self._whenDone = self._whenDone, _nothing
        whenDone(self)


def _nothing(pipe: Pipe) -> None:
    """
    Who is told of an end a second time.
    """


def isPlain(one: object, two: object) -> bool:
    """
    Are these sockets whose bytes we see as they are?
    """
    if one.__class__ is StreamServer and two.__class__ is StreamClient:
        return True  # what most are
    return (
        isinstance(one, DirectStream)
        and isinstance(two, DirectStream)
        and not (one.isSecure or two.isSecure)
    )
