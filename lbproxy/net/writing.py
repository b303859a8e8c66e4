"""
When does a written byte leave? At once, while nothing is queued.

Twisted's own transports only queue in C{write} and ask the reactor for a write event: two
C{epoll_ctl} and one more turn of the loop for each answer. These call C{send}. On a short write,
and while a pull producer is registered, they queue as Twisted's do::

              short write, or a pull producer
    direct  ---------------------------------->  queued   the reactor is asked for write events
            <----------------------------------
                     the queue is empty
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from errno import EAGAIN, ENOBUFS
from typing import Any, cast

from twisted.internet import main, tcp
from twisted.internet._newtls import startTLS as startTLSOver
from twisted.internet.abstract import FileDescriptor
from twisted.internet.interfaces import IProducer, IPushProducer

Piece = bytes | memoryview

# Up to this many bytes, joining pieces is cheaper than handing them to the kernel one by one
# (measured: 2 KB in two pieces 5.2 us joined, 6.0 us with sendmsg; 32 KB 9.7 and 7.3).
_JOIN_LIMIT = 16384
# Linux takes up to 1024 pieces at once; a socket buffer is full long before.
_PIECES = 64
# How many reads are spent on what a peer sent before it reset the connection.
_LAST_READS = 16


class DirectWriting(tcp.Connection):
    """
    The writing half of a direct-writing transport: producers, the queue, a peer found dead.
    """

    # Class attributes stand for the state of a fresh connection, so that an idle one costs little.
    _direct = False  # writes go straight to the socket
    _queue: Sequence[Piece] = ()  # a list when it holds something
    _ended = False  # aborted or found dead: connectionLost is on its way, nothing else happens

    #: Somebody wants what arrives.
    reading = True
    #: Bytes waiting in this process; 0 means that the kernel has them all.
    queued = 0

    def write(self, data: bytes) -> None:
        if self._direct:
            try:
                sent = self.socket.send(data)
            except OSError as e:
                sent = self._sendFailed(e)
            if sent != len(data):
                self._enqueue(memoryview(data)[sent:])
        elif self.TLS:
            super().write(data)  # type: ignore[no-untyped-call]
        else:
            self._writePlain(data)

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        if self.TLS:
            super().writeSequence(iovec)  # type: ignore[no-untyped-call]
        else:
            self._writePlainSequence(iovec)

    def _writePlain(self, data: bytes) -> None:
        if not isinstance(data, bytes):
            raise TypeError("Data must be bytes")
        if not data or not self._mayWrite():
            return
        if self._mustQueue():
            self._enqueue(data)
        else:
            self._sendPieces([data])

    def _writePlainSequence(self, iovec: Iterable[bytes]) -> None:
        pieces = [piece for piece in iovec if piece]
        if sum(map(len, pieces)) <= _JOIN_LIMIT or not self._mayWrite():
            self._writePlain(b"".join(pieces))
        elif self._mustQueue():
            for piece in pieces:
                self._enqueue(piece)
        else:
            self._sendPieces(pieces)

    def _mayWrite(self) -> bool:
        return bool(self.connected) and not self._writeDisconnected and not self._ended

    def _mustQueue(self) -> bool:
        # A pull producer is asked for more by doWrite only, so doWrite has to come.
        return bool(self._queue) or (self.producer is not None and not self.streamingProducer)

    def _settle(self) -> None:
        """
        Find out anew whether writes may go straight to the socket.
        """
        self._direct = self._mayWrite() and not self.TLS and not self._mustQueue()

    def _sendPieces(self, pieces: Sequence[Piece]) -> None:
        """
        Send while nothing is queued; queue what the kernel does not take.
        """
        try:
            sent = self.socket.sendmsg(pieces[:_PIECES])
        except OSError as e:
            sent = self._sendFailed(e)
        for piece in pieces:
            if sent >= len(piece):
                sent -= len(piece)
            else:
                self._enqueue(memoryview(piece)[sent:])
                sent = 0

    def _enqueue(self, piece: Piece) -> None:
        if self._ended:
            return
        self._direct = False
        if isinstance(self._queue, list):
            self._queue.append(piece)
        else:
            self._queue = [piece]
        self.queued += len(piece)
        self.startWriting()
        producer = self.producer
        if producer is not None and self.streamingProducer and self.queued > self.bufferSize:
            if not self.producerPaused:
                self.producerPaused = True
                cast(IPushProducer, producer).pauseProducing()

    def _sendFailed(self, error: OSError) -> int:
        """
        @return: the number of bytes sent: 0. A dead connection is reported by the reactor, later.
        """
        if error.errno not in (EAGAIN, ENOBUFS) and not self._ended:
            self._ended = True
            self._direct = False
            self._clearQueue()
            self.doRead = self.doWrite = self._readRest  # type: ignore[method-assign]
            self.startWriting()  # a dead socket is writable: the reactor comes back at once
        return 0

    def _readRest(self) -> Any:
        """
        The peer reset the connection while we wrote. What it had sent before (often the reason, as
        with an answer to an upload it did not want) is still there to be read.
        """
        for _ in range(_LAST_READS):
            if not self.reading or type(self).doRead(self) is not None:
                break
        return main.CONNECTION_LOST

    def doWrite(self) -> Any:
        if self._queue:
            self._sendQueue()
            if self._queue or self._ended:
                return None
        self.stopWriting()
        return self._flushed()

    def _sendQueue(self) -> None:
        queue = self._queue
        assert isinstance(queue, list)
        if len(queue) > 1 and len(queue[0]) < _JOIN_LIMIT:
            self._joinHead(queue)
        try:
            sent = self.socket.send(queue[0])
        except OSError as e:
            sent = self._sendFailed(e)
        else:
            self.queued -= sent
            if sent == len(queue[0]):
                del queue[0]
            else:
                queue[0] = memoryview(queue[0])[sent:]

    @staticmethod
    def _joinHead(queue: list[Piece]) -> None:
        """
        Make one piece of the first few. Only small ones are copied, so that a queue that drains
        slowly is not copied over and over.
        """
        size = count = 0
        while count < len(queue) and size < _JOIN_LIMIT:
            size += len(queue[count])
            count += 1
        queue[:count] = [b"".join(queue[:count])]

    def _clearQueue(self) -> None:
        self._queue = ()
        self.queued = 0

    def _flushed(self) -> Any:
        """
        The kernel has everything: what was to happen then?
        """
        self._settle()
        if self.producer is not None and (self.producerPaused or not self.streamingProducer):
            self.producerPaused = False
            self.producer.resumeProducing()  # type: ignore[attr-defined]
        elif self.disconnecting:
            return main.CONNECTION_DONE
        elif self._writeDisconnecting and not self._writeDisconnected:
            self._writeDisconnected = True
            self._direct = False
            return self._closeWriteConnection()
        return None

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        if not streaming and not self.TLS and self.producer is None:
            self._direct = False
        super().registerProducer(producer, streaming)  # type: ignore[no-untyped-call]

    def unregisterProducer(self) -> None:
        super().unregisterProducer()  # type: ignore[no-untyped-call]
        self._settle()

    def startTLS(self, ctx: Any, normal: bool = True) -> None:
        self._direct = False
        startTLSOver(self, ctx, normal, _BelowTLS)


class _BelowTLS(FileDescriptor):
    """
    What the TLS layer that L{DirectStream.startTLS} put on top calls on the transport below it.
    """

    def write(self: Any, data: bytes) -> None:
        self._writePlain(data)

    def writeSequence(self: Any, iovec: Iterable[bytes]) -> None:
        self._writePlainSequence(iovec)
