"""
What does one end of a pipe do when both are plain sockets? The same with less: it reads in its
transport's place, writes to the other, closes without detours, and splices what is bulk.
"""

from __future__ import annotations

from os import read, write
from typing import TYPE_CHECKING, Any

from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.python.failure import Failure

from lbproxy.net.foresight import ownCode
from lbproxy.net.pipeside import Ending, Side, nothing
from lbproxy.net.splice import Splice

if TYPE_CHECKING:
    from lbproxy.net.pipe import Pipe

_READ_SIZE = 65536
# A relay has shown bulk after so many reads in a row of so many bytes: splicing an exchange of
# small messages costs more than copying them.
_FULL_READ = 32768
_FULL_READS = 4
# Where to begin counting when there was no pipe to be had.
_NOT_NOW = -64

_DONE = Failure(CONNECTION_DONE)

# Looking up an enum's member takes as long as a call.
_CLIENT_CLOSED, _CLIENT_RESET = Ending.CLIENT_CLOSED, Ending.CLIENT_RESET
_BACKEND_CLOSED, _BACKEND_RESET = Ending.BACKEND_CLOSED, Ending.BACKEND_RESET


class PlainSide(Side):
    """
    A side whose transport is a L{lbproxy.net.directstream.DirectStream} without TLS, as is the
    other's. L{plainSides} makes it.

    It takes over the reading, too, and becomes the producer of the other's transport only when that
    cannot take more.
    """

    __slots__ = ("_full", "_sink", "splice")

    other: PlainSide
    splice: Splice | None
    _sink: Any
    _full: int

    def _read(self) -> Any:
        """
        The way of every byte: from the reactor to the other transport in one step.
        """
        try:
            data = read(self.transport._fd, _READ_SIZE)
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        size = len(data)
        if not size:
            self._ended()
            return None
        self.received += size
        sink = self._sink
        if sink._direct and self.splice is None:
            # As its write, which would be one call more for every message.
            try:
                sent = write(sink._fd, data)
            except OSError as error:
                sent = sink._sendFailed(error)
            if sent != size:
                sink._enqueue(memoryview(data)[sent:])
        else:
            self.write(data)
            sent = 0
        if size >= _FULL_READ:
            self._full += 1
        elif self._full > 0:
            self._full = 0
        if sent != size and sink.queued:
            self._holdBack()
        elif self._full >= _FULL_READS:
            self._trySplice()
        return None

    def _drop(self) -> Any:
        """
        Read on only to see the end: what comes has nowhere to go.
        """
        try:
            if not read(self.transport._fd, _READ_SIZE):
                self._ended()
        except BlockingIOError:
            return None
        except OSError:
            return CONNECTION_LOST
        return None

    def _ended(self) -> None:
        self.eof = True
        pipe, other = self.pipe, self.other
        if other.eof or other.lost or self.closing:
            if not self.closing and closeTogether(self, other):
                pipe.over()
                return
            pipe.readEnded(self)
            if not self.lost:
                self.transport.stopReading()
            return
        # Mostly the other's end has come as well, and is among the events of this turn: then there
        # is nothing to pass on, and no reading to be stopped.
        if pipe.ending is None:
            pipe.ending = self.closed
        self.transport._soon(self._passEnd)

    def _passEnd(self) -> None:
        if self.lost:
            return
        self.transport.stopReading()
        other = self.other
        if not (other.closing or other.lost):
            sink = other.transport
            if sink.producer is not None:
                sink.unregisterProducer()
            sink.endWriting()

    def _holdBack(self) -> None:
        """
        The other side's socket is full: read on when it has taken everything.
        """
        sink = self.other.transport
        if sink.producer is None:
            sink.registerProducer(self, True)
        sink.producerPaused = True
        self.pauseProducing()

    def resumeProducing(self) -> None:
        """
        The other side's queue is empty: the moment to start splicing when its reader is slow.
        """
        super().resumeProducing()
        if self._full >= _FULL_READS and not self.eof:
            self._trySplice()

    # -- closing

    def lose(self) -> None:
        """
        What is in the kernel's pipe goes first.
        """
        self.closing = True
        other = self.other
        incoming = other.splice
        ended = incoming is None or incoming.finish()
        if not other.lost:
            other.transport.doRead = other._drop
        if ended:
            self.leave()

    def leave(self) -> None:
        """
        With nothing left to read and to write there is nothing to wait for.
        """
        transport = self.transport
        if not self.eof:
            self.loseWrite()
            self._paused = False
            transport.resumeProducing()
        elif transport.queued:
            if transport.producer is not None:
                transport.unregisterProducer()
            transport.loseConnection()
        else:
            transport.connectionLost(_DONE)

    def loseWrite(self) -> None:
        """
        Half-close when all is written.
        """
        transport = self.transport
        if transport.producer is not None:
            transport.unregisterProducer()
        transport.loseWriteConnection()

    def connectionLost(self, reason: Failure) -> None:
        """
        Nothing can be spliced to this side any more; what came from it may still be on its way.
        """
        incoming, outgoing = self.other.splice, self.splice
        if incoming is not None:
            incoming.stop()
            self.other.splice = None
        if outgoing is not None and outgoing.finish():
            self.splice = None
        super().connectionLost(reason)

    def uncouple(self) -> None:
        """
        Give the kernel's pipe back.
        """
        if self.splice is not None:
            self.splice.stop()
            self.splice = None
        self.write = nothing
        self.transport = None
        # The one and the other, the pipe and its sides: nothing that the collector has to find.
        del self.other, self.pipe, self._sink

    # -- splicing

    def _trySplice(self) -> None:
        pipes, sink = self.pipe.kernelPipes, self.other.transport
        if self.closing or self.other.closing or self.other.lost:
            return
        ends = None if pipes is None else pipes.take()
        if pipes is None or ends is None:
            self._full = _NOT_NOW
            return
        self.splice = Splice(self.transport, sink, self, pipes, ends)
        # A dying transport still reads by itself; that must not overtake what is in the pipe.
        self.write = nothing

    def spliced(self, count: int) -> None:
        """
        Bytes have passed by.
        """
        self.received += count

    def spliceEnded(self) -> None:
        """
        Copying again, unless somebody waits for this to close.
        """
        self.splice = None
        self._full = 0
        other = self.other
        if not (other.closing or other.lost):
            self.write = other.transport.write
        elif not other.lost:
            other.leave()

    def unsent(self) -> int:
        """
        What waits in the kernel's pipe is not with the peer either.
        """
        incoming = self.other.splice
        return super().unsent() + (0 if incoming is None else incoming.held)


class _ClientSide(PlainSide):
    __slots__ = ()


class _BackendSide(PlainSide):
    __slots__ = ()


# Their transports are of different classes.
for _kind in _ClientSide, _BackendSide:
    ownCode(_kind, "_read", "_ended")

_new = object.__new__


def plainSides(pipe: Pipe, client: Any, backend: Any) -> tuple[PlainSide, PlainSide]:
    """
    Both sides of a pipe, coupled. Made in one go: there are as many of them as connections, and
    calling a class takes longer than setting its attributes.
    """
    one = _new(_ClientSide)
    two = _new(_BackendSide)
    one.pipe = two.pipe = pipe
    one.received = two.received = one._full = two._full = 0
    one.eof = two.eof = one.lost = two.lost = False
    one.closing = two.closing = one._paused = two._paused = False
    one.splice = two.splice = None
    one.closed = _CLIENT_CLOSED
    one.reset = _CLIENT_RESET
    one.transport = client
    one.other = two
    one.write = backend.write
    one._sink = backend
    client.protocol = one
    client.doRead = one._read
    two.closed = _BACKEND_CLOSED
    two.reset = _BACKEND_RESET
    two.transport = backend
    two.other = one
    two.write = client.write
    two._sink = client
    backend.protocol = two
    backend.doRead = two._read
    return one, two


class _Nobody:
    """
    The protocol of a connection that is closed by who would be told.
    """

    def connectionLost(self, reason: Failure) -> None:
        """
        It is known.
        """


_NOBODY = _Nobody()


def closeTogether(one: PlainSide, two: PlainSide) -> bool:
    """
    How most pipes end: both peers have ended, and there is nothing left to write. Then both are
    closed here, without telling the pipe.

    @return: L{False}: there is more to do.
    """
    if not (one.eof and two.eof) or one.lost or two.lost:
        return False
    if one.splice or two.splice:
        return False
    first, second = one.transport, two.transport
    if first._direct and second._direct:  # nothing was held back, nor half-closed
        one.lost = two.lost = True
        first.vanish()
        second.vanish()
        return True
    if first.queued or second.queued:
        return False
    one.lost = two.lost = True
    first.protocol = second.protocol = _NOBODY
    first.connectionLost(_DONE)
    second.connectionLost(_DONE)
    return True
