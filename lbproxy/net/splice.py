"""
How do bulk bytes pass without entering Python? Socket to kernel pipe to socket, by C{splice(2)}.

A L{Splice} takes over one direction between two plain socket transports: it answers "readable" in
the source's place and "writable" in the sink's. Everything else (closing, errors, the other
direction) stays with the transports and their protocols.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol, TypeGuard

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST

from lbproxy.net.directstream import DirectStream
from lbproxy.net.kernelpipes import PIPE_SIZE, KernelPipes

#: Linux only; elsewhere bytes are copied.
CAN_SPLICE = hasattr(os, "splice")

# Moves of less than this are cheaper copied; so many of them in a row end the splicing, because
# the pipe may be worth more to another connection.
_SMALL_MOVE = 16384
_SMALL_MOVES = 32


class _Descriptor(Protocol):
    """
    What of L{DirectStream} is used here; its two methods may be replaced on the instance.
    """

    doRead: Callable[[], Any]
    doWrite: Callable[[], Any]

    def fileno(self) -> int: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def startWriting(self) -> None: ...
    def stopWriting(self) -> None: ...


class SpliceOwner(Protocol):
    """
    Who wants to know what a splice did.
    """

    def spliced(self, count: int) -> None:
        """
        So many more bytes left the source.
        """

    def spliceEnded(self) -> None:
        """
        The transports are as they were before: the wanted number of bytes has passed, the source
        has ended, or only small moves came. Not called after L{Splice.stop}.
        """


class Splice:
    """
    One direction, C{source} to C{sink}, until it is done or L{stop}ped.

    One fill of the pipe per turn of the loop, so that other connections get theirs. The source is
    paused while the sink takes no more, so no more than one pipe full is under way.

    The sink's own queue has to be empty at the start; nobody may write to it meanwhile, nor close
    it but by aborting. Whoever loses either transport has to L{stop} or L{finish}.

    @ivar held: bytes in the pipe.
    @ivar remaining: bytes still to be taken from the source; negative: all there are.
    """

    __slots__ = (
        "_ends",
        "_flags",
        "_owner",
        "_pipes",
        "_reading",
        "_sinkNumber",
        "_small",
        "_sourceNumber",
        "held",
        "remaining",
        "sink",
        "source",
    )

    def __init__(
        self,
        source: Any,
        sink: Any,
        owner: SpliceOwner,
        pipes: KernelPipes,
        ends: tuple[int, int],
        remaining: int = -1,
    ) -> None:
        self.source: _Descriptor | None = source
        self.sink: _Descriptor | None = sink
        self.held = 0
        self.remaining = remaining
        self._owner = owner
        self._pipes = pipes
        self._ends = ends
        self._flags = os.SPLICE_F_NONBLOCK | os.SPLICE_F_MOVE
        self._sourceNumber = source.fileno()
        self._sinkNumber = sink.fileno()
        self._small = 0
        #: What reads from the source otherwise, where that is not its own method.
        self._reading: Any = vars(source).get("doRead")
        source.doRead = self._fill
        sink.doWrite = self._drain

    def stop(self) -> None:
        """
        Give the transports back now; bytes in the pipe are lost. Harmless when it has ended.
        """
        if self.sink is not None:
            self._release()

    def finish(self) -> bool:
        """
        Take nothing more: the source is gone, or the sink is to be closed in peace. Whoever wants
        to close the sink has to wait for the end; the sink itself knows nothing of the pipe.

        @return: it is over; otherwise C{spliceEnded} comes when the sink has taken what is held.
        """
        source, self.source = self.source, None
        if source is not None:
            _uncover(source, "doRead", self, self._reading)
        if self.held:
            return False
        self.stop()
        return True

    def _fill(self) -> Exception | None:
        wanted = self.remaining if 0 <= self.remaining < PIPE_SIZE else PIPE_SIZE
        try:
            count = os.splice(self._sourceNumber, self._ends[1], wanted, flags=self._flags)
        except BlockingIOError:
            return None
        except OSError:
            self.stop()
            return CONNECTION_LOST
        if not count:
            self._end()
            return CONNECTION_DONE
        self.held = count
        if self.remaining > 0:
            self.remaining -= count
        self._small = self._small + 1 if count < _SMALL_MOVE else 0
        self._owner.spliced(count)
        self._push()
        return None

    def _push(self) -> None:
        """
        Move on what was just taken; what the sink does not take waits for its C{doWrite}.
        """
        try:
            count = os.splice(self._ends[0], self._sinkNumber, self.held, flags=self._flags)
        except OSError:
            # "Full" and "broken" alike: the sink's own event says which, in the sink's context.
            count = 0
        self.held -= count
        if not self.held:
            if self._enough():
                self._end()
            return
        source, sink = self.source, self.sink
        assert source is not None and sink is not None
        source.pauseProducing()
        sink.startWriting()

    def _drain(self) -> Exception | None:
        sink, source = self.sink, self.source
        assert sink is not None
        if self.held:
            try:
                self.held -= os.splice(
                    self._ends[0], self._sinkNumber, self.held, flags=self._flags
                )
            except BlockingIOError:
                return None
            except OSError:
                self.stop()
                return CONNECTION_LOST
            if self.held:
                return None
        sink.stopWriting()
        if source is None or self._enough():
            self._end()
        if source is not None:
            source.resumeProducing()
        return None

    def _enough(self) -> bool:
        return self.remaining == 0 or (self.remaining < 0 and self._small >= _SMALL_MOVES)

    def _end(self) -> None:
        self._release()
        self._owner.spliceEnded()

    def _release(self) -> None:
        self._pipes.give(self._ends, not self.held)
        self.held = 0
        source, self.source = self.source, None
        if source is not None:
            _uncover(source, "doRead", self, self._reading)
        sink, self.sink = self.sink, None
        if sink is not None:
            _uncover(sink, "doWrite", self, None)


def _uncover(transport: _Descriptor, method: str, splice: Splice, before: Any) -> None:
    """
    Give the transport its method back, unless aborting has put another one over ours.
    """
    own = vars(transport)
    if getattr(own.get(method), "__self__", None) is splice:
        if before is None:
            del own[method]
        else:
            own[method] = before


def spliceable(transport: object) -> TypeGuard[DirectStream]:
    """
    Is this a socket whose bytes we see as they are?
    """
    return CAN_SPLICE and isinstance(transport, DirectStream) and not transport.isSecure


def spliceExactly(
    source: object,
    sink: object,
    count: int,
    owner: SpliceOwner,
    pipes: KernelPipes,
) -> Splice | None:
    """
    Pass the next C{count} bytes on. Worth it from a few hundred KiB.

    C{spliceEnded} says that they have passed, or, with C{remaining} above 0, that the source ended
    before. The connections' losses reach their protocols as ever; these then L{Splice.stop} it.

    @return: L{None} where it cannot be done now: copy instead.
    """
    if not (spliceable(source) and spliceable(sink)) or sink.queued:
        return None
    ends = pipes.take()
    return None if ends is None else Splice(source, sink, owner, pipes, ends, count)
