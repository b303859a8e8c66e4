"""
What does one end of a pipe do when it may only read so much per second? It pauses between reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lbproxy.net.bandwidth import Bandwidth
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.pipeside import Ending, Side

if TYPE_CHECKING:
    from lbproxy.net.pipe import Pipe


class ThrottledSide(Side):
    """
    A side whose peer's bytes are charged to one or several L{Bandwidth}s.

    @ivar deadline: when to read on.
    """

    __slots__ = ("_bandwidths", "_deadlines", "_waiting", "deadline")

    def __init__(
        self,
        pipe: Pipe,
        transport: Any,
        closed: Ending,
        reset: Ending,
        bandwidths: Sequence[Bandwidth],
        deadlines: Deadlines,
    ) -> None:
        super().__init__(pipe, transport, closed, reset)
        self.deadline = 0.0
        self._bandwidths = bandwidths
        self._deadlines = deadlines
        self._waiting = False
        transport.bufferSize = min(each.readSize for each in bandwidths)

    def dataReceived(self, data: bytes) -> None:
        """
        Pass it on, then pay for it.
        """
        super().dataReceived(data)
        now = self._deadlines.seconds()
        wait = max([each.spend(len(data), now) for each in self._bandwidths])
        if wait and not self.lost:
            self._waiting = True
            self.transport.pauseProducing()
            self.deadline = now + wait
            self._deadlines.watch(self)

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}: there is enough again.
        """
        self._waiting = False
        self.deadline = 0.0
        if not self._paused:
            self.resumeProducing()

    def begin(self) -> None:
        """
        The first bytes may have been too many already.
        """
        if not self._waiting:
            super().begin()

    def resumeProducing(self) -> None:
        """
        The other side has room again.
        """
        if self._waiting:
            self._paused = False
        elif not self.lost:
            super().resumeProducing()

    def uncouple(self) -> None:
        """
        Leave no deadline behind.
        """
        self._deadlines.forget(self)
        super().uncouple()
