"""
How does a check connect when thousands do? One object that is the attempt and the connection.

The traffic's dialer and transports do far more than a check needs (names, TLS, back-pressure,
half-close, orderly ends) and cost three times as much for one that says a line and hears a line.
This does plain TCP and UNIX sockets with numeric addresses, for L{lbproxy.health.stream} only::

    connecting --> connected --loseConnection--------> closed
        |              |-------abortConnection-------> closed, with a reset
        |              '-------the peer's end--------> closed, and the protocol is told
        '--cancel, failure---------------------------> closed
"""

from __future__ import annotations

import socket
import struct
from errno import EALREADY, ECONNABORTED, ECONNREFUSED, EINPROGRESS, EISCONN
from typing import Any

from twisted.internet.error import ConnectBindError, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.dialsocket import connectFailure, isLoopback, isOwnEcho
from lbproxy.net.resolving import Target

_DONE = Failure(ConnectionDone())
_LOST = Failure(ConnectionLost())
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time at all
_READ_SIZE = 65536


@implementer(IReadDescriptor, IWriteDescriptor)
class QuickSocket:
    """
    Connects when it is made. Tells the protocol C{makeConnection} or C{connectFailed}, perhaps
    before the constructor returns; nothing after C{cancel} or a close of our own.
    """

    __slots__ = ("_broken", "_connected", "_protocol", "_reactor", "_socket", "_target", "_unsent")

    def __init__(self, reactor: Any, target: Target, protocol: Any) -> None:
        self._reactor = reactor
        self._target = target
        self._protocol = protocol
        self._connected = False
        self._broken = False
        self._unsent = b""
        self._socket: socket.socket | None = None
        try:
            kind = socket.SOCK_STREAM | socket.SOCK_NONBLOCK
            skt = self._socket = socket.socket(target[0], kind)
        except OSError as problem:
            ours = ConnectBindError(problem.errno, problem.strerror)
            protocol.connectFailed(Failure(ours))
            return
        code = skt.connect_ex(target[1])
        if code == EINPROGRESS and isLoopback(target):
            # By now the kernel has shaken hands with itself: ask how that went.
            code = skt.connect_ex(target[1])
        if code in (EINPROGRESS, EALREADY):
            reactor.addWriter(self)
        else:
            self._answered(skt, code)

    def _answered(self, skt: socket.socket, code: int) -> None:
        """
        The attempt is over, well if C{code} is 0.
        """
        if code in (0, EISCONN):
            code = ECONNREFUSED if isOwnEcho(skt, self._target) else 0
        if code:
            self._close()
            self._protocol.connectFailed(connectFailure(code))
            return
        self._connected = True
        self._protocol.makeConnection(self)
        if self._socket is not None:
            self._reactor.addReader(self)

    # For the reactor

    def doWrite(self) -> None:
        """
        Connected, or not at all; or there is room for what was not sent yet.
        """
        skt = self._socket
        if skt is None:
            return
        if self._connected:
            unsent, self._unsent = self._unsent, b""
            self._reactor.removeWriter(self)
            self.write(unsent)
            return
        code = skt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._reactor.removeWriter(self)
        self._answered(skt, code)

    def doRead(self) -> None:
        """
        Something came, or the end.
        """
        skt = self._socket
        if skt is None:
            return
        try:
            data = skt.recv(_READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            self._lost(_LOST)
            return
        if data:
            self._protocol.dataReceived(data)
        else:
            self._lost(_LOST if self._broken else _DONE)

    def connectionLost(self, reason: Failure) -> None:
        """
        The reactor saw an error, or ends.
        """
        skt = self._socket
        if skt is None:
            return
        if self._connected:
            self._lost(_LOST)
        else:
            code = skt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._answered(skt, code or ECONNABORTED)

    def fileno(self) -> int:
        """
        The descriptor, -1 once closed.
        """
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """
        For those reactors that want it with every event.
        """
        return "checking"

    # For the protocol

    def write(self, data: bytes) -> None:
        """
        Send; what the kernel does not take waits here. Requests of checks are short.
        """
        skt = self._socket
        if skt is None:
            return
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = skt.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # A reset. Reading will tell, but as an end like any other.
            self._broken = True
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._reactor.addWriter(self)

    def loseConnection(self) -> None:
        """
        Close. What the kernel has it sends.
        """
        self._close()

    def abortConnection(self) -> None:
        """
        Close, and let nothing linger.
        """
        if self._socket is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self._close()

    cancel = loseConnection

    def _lost(self, reason: Failure) -> None:
        self._close()
        self._protocol.connectionLost(reason)

    def _close(self) -> None:
        skt = self._socket
        if skt is None:
            return
        # While the descriptor's number is still known.
        if self._connected:
            self._reactor.removeReader(self)
        if self._unsent or not self._connected:
            self._reactor.removeWriter(self)
        self._socket = None
        skt.close()
