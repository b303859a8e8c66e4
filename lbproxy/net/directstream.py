"""
What is common to all stream transports that write at once? Reading and closing.

What a protocol may rely on stays as Twisted has it: producers, half-close both ways, flushing
before closing, and C{connectionLost} never from inside a call of its own. Any fd-based reactor
will do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import main
from twisted.internet.error import ConnectionAborted
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure

from lbproxy.net.writing import DirectWriting

# One Failure for all of a kind, as Twisted's reactors do: making one costs more than a read.
_DONE = Failure(main.CONNECTION_DONE)
_ABORTED = Failure(ConnectionAborted())


def _nothing() -> None:
    """
    Stands for the reading and writing of an aborted transport.
    """


class DirectStream(DirectWriting):
    """
    Mixed in before Twisted's classes. Sockets given to it are non-blocking.

    Whoever moves bytes past the transport (splicing) can use C{fileno()}, C{reading}, C{queued} and
    this: the reactor looks C{doRead} and C{doWrite} up at each event, so both may be replaced on an
    instance for a while (C{transport.doRead = ...}, then C{del transport.doRead}).
    """

    _watched = False  # the reactor has us as a reader
    _fd = -1
    # The descriptor is ours alone and close-on-exec, so that close() says goodbye by itself.
    _shouldShutdown = False

    #: What a transport with TLS has more to say about.
    isSecure = False
    negotiatedProtocol: bytes | None = None
    serverName = ""

    def begin(self) -> None:
        """
        Connect the protocol, then read, unless the protocol has paused that already.
        """
        # Later than Twisted does it: a relay that waits for its other side never enters epoll.
        self.protocol.makeConnection(self)
        if not self._watched and self.reading and self.connected and not self.disconnecting:
            self.startReading()

    # Reading

    def startReading(self) -> None:
        self.reading = True
        if not self._watched:
            self._watched = True
            self.reactor.addReader(self)

    def stopReading(self) -> None:
        self.reading = False
        if self._watched:
            self._watched = False
            self.reactor.removeReader(self)

    pauseProducing = stopReading

    def resumeProducing(self) -> None:
        # Who writes directly is connected, and nobody has found him dead.
        if (self._direct or (self.connected and not self._ended)) and not self.disconnecting:
            self.reading = True
            if not self._watched:
                self._watched = True
                self.reactor.addReader(self)

    def readConnectionLost(self, reason: Failure) -> None:
        self.stopReading()
        # Asking for an adapter, as Twisted does, takes as long as closing the socket.
        if IHalfCloseableProtocol.providedBy(self.protocol):
            super().readConnectionLost(reason)
        else:
            self.connectionLost(reason)

    # Closing

    def loseConnection(self) -> None:
        if self.TLS:
            super().loseConnection()  # type: ignore[no-untyped-call]
        elif self.connected and not self.disconnecting:
            self.disconnecting = True
            self.stopReading()
            if not self._ended:
                self._flush()

    def loseWriteConnection(self) -> None:
        if self.connected and not self._ended:
            self._writeDisconnecting = True
            self._flush()

    def endWriting(self) -> None:
        """
        As L{loseWriteConnection}, from outside of any call of the protocol's: perhaps at once.
        """
        if self._direct:
            self._writeDisconnecting = True
            self._finish()
        else:
            self.loseWriteConnection()

    def _flush(self) -> None:
        """
        Have L{_flushed} called once the queue is empty, but never from within this call.
        """
        if self._queue or not (self._direct or self._writeDisconnected):
            self.startWriting()
        else:
            self._soon(self._finish)

    def _finish(self) -> None:
        # What was written since L{_flush} may have been queued: then doWrite comes here.
        if self.connected and not self._queue and not self._ended:
            if self._flushed() is not None:
                self.connectionLost(_DONE)

    def abortConnection(self) -> None:
        if self.disconnected or self._aborting:
            return
        self._aborting = self._ended = True
        self._direct = False
        self._clearQueue()
        self.stopReading()
        self.stopWriting()
        self.doRead = self.doWrite = _nothing  # type: ignore[method-assign]
        self._soon(self.connectionLost, _ABORTED)

    def connectionLost(self, reason: Failure) -> None:
        if self.disconnected:
            return
        self.disconnected = 1
        self.connected = 0
        self._direct = False
        fd, self._fd = self._fd, -1  # before somebody else's connection gets the number
        if self._queue:
            self._clearQueue()
        if self.producer is not None:
            self.producer.stopProducing()
            self.producer = None
        self.reading = False
        if self._watched:
            self._watched = False
            self._dropFrom(self.reactor, fd)
        self.reactor.removeWriter(self)
        self._closeSocket(not isinstance(reason.value, ConnectionAborted))
        protocol = self.protocol
        if self._ended:  # bound methods of ours on ourselves: a cycle
            self.__dict__.pop("doRead", None)
            self.__dict__.pop("doWrite", None)
        del self.protocol, self.socket, self.fileno
        protocol.connectionLost(reason)

    def vanish(self) -> None:
        """
        As C{connectionLost} while writes go straight to the socket, for whoever knows: neither a
        protocol nor a producer is told.
        """
        self.disconnected = 1
        self.connected = 0
        self._direct = False
        fd, self._fd = self._fd, -1
        if self._watched:
            self._watched = False
            self._dropFrom(self.reactor, fd)
        self.socket.close()

    def _dropFrom(self, reactor: Any, fd: int) -> None:
        # The socket is closed next.
        try:
            reactor.dropDescriptor(fd)
        except AttributeError:
            reactor.removeReader(self)

    def _soon(self, function: Callable[..., object], *arguments: object) -> None:
        # Our own reactor has a cheaper way than a timed call to do something in the next turn.
        reactor: Any = self.reactor
        try:
            callSoon = reactor.callSoon
        except AttributeError:
            reactor.callLater(0, function, *arguments)
        else:
            callSoon(function, *arguments)
