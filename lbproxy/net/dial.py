"""
How far is a connection on its way? One attempt to connect, from the first address to TLS.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from errno import EALREADY, ECONNABORTED, ECONNREFUSED, EINPROGRESS, EISCONN
from typing import TYPE_CHECKING, Any

from twisted.internet.error import ConnectBindError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimedOut
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor, IWriteDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialsocket import connectFailure, isOwnEcho, newSocket
from lbproxy.net.listening import SocketOption
from lbproxy.net.resolving import Destination, Target, resolve
from lbproxy.net.stream import StreamClient

if TYPE_CHECKING:
    from lbproxy.net.dialing import ClientTLS, HandshakingTransport


@implementer(IReadDescriptor, IWriteDescriptor)
class Dial:
    """
    A connection on its way. Over as soon as its protocol has been told something.

    While it waits it is a descriptor in the reactor; and what L{Deadlines} watches.
    """

    __slots__ = (
        "_bindAddress",
        "_deadlines",
        "_end",
        "_handshaking",
        "_options",
        "_others",
        "_protocol",
        "_reactor",
        "_socket",
        "_target",
        "_timer",
        "_tls",
        "deadline",
    )

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        protocol: Any,
        tls: ClientTLS | None,
        bindAddress: tuple[str, int] | None,
        options: Iterable[SocketOption],
    ) -> None:
        self._reactor = reactor
        self._protocol = protocol  # None: over
        self._tls = tls
        self._bindAddress = bindAddress
        self._options = options
        self._others: Sequence[Target] = ()
        self._socket: socket.socket | None = None
        self._handshaking: HandshakingTransport | None = None
        self._timer: IDelayedCall | None = None
        self._deadlines: Deadlines | None = None
        self._end = 0.0  # of all attempts; 0: never
        self.deadline = 0.0  # of the one that is under way

    def cancel(self) -> None:
        """
        Forget about it: the protocol hears nothing, no descriptor stays open. Harmless when over.
        """
        if self._protocol is not None:
            self._over()

    # What happens, in this order

    def limit(self, timeout: float, deadlines: Deadlines | None) -> None:
        """
        Give up after so many seconds.
        """
        self._deadlines = deadlines
        seconds = self._reactor.seconds if deadlines is None else deadlines.seconds
        self._end = self.deadline = seconds() + timeout

    def lookUp(self, address: Address) -> None:
        """
        Find out what a name stands for, then connect to that.
        """
        self._watch()
        resolve(self._reactor, address, self._resolved)

    def _resolved(self, targets: Sequence[Target]) -> None:
        if self._protocol is None:
            return
        if targets:
            self._others = targets
            self._tryNext()
        else:
            self.fail(Failure(DNSLookupError("no such name, or it has no address")))

    def _tryNext(self) -> None:
        target, *self._others = self._others
        if self._end and self._others:
            # One address that swallows packets must not use up the time of the others.
            now = self._seconds()
            self.deadline = now + (self._end - now) / (len(self._others) + 1)
            self._watch()
        else:
            self.deadline = self._end
        self.connect(Destination.of(target))

    def connect(self, target: Destination) -> None:
        """
        Start to connect.
        """
        self._target = target
        try:
            skt = self._socket = newSocket(target.family, self._bindAddress, self._options)
        except OSError as e:
            self._soon(self._attemptFailed, Failure(ConnectBindError(e.errno, e.strerror)))
            return
        code = skt.connect_ex(target.name)
        if code == 0:
            self._soon(self._established)
        elif code != EINPROGRESS:
            self._soon(self._attemptFailed, connectFailure(code))
        elif target.loopback and hasattr(self._reactor, "callSoon"):
            # The kernel has shaken hands with itself by the time it returned: looking again in
            # the next turn costs one system call, being told by epoll costs four.
            self._soon(self._look)
        else:
            self._wait()

    def _look(self) -> None:
        assert self._socket is not None
        code = self._socket.connect_ex(self._target.name)
        if code in (0, EISCONN):
            self._established()
        elif code in (EALREADY, EINPROGRESS):
            self._wait()
        else:
            self._attemptFailed(connectFailure(code))

    def _wait(self) -> None:
        self._watch()
        self._reactor.addWriter(self)

    def doWrite(self) -> None:
        """
        It is connected, or not at all.
        """
        assert self._socket is not None
        code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._attemptFailed(connectFailure(code))
        else:
            self._reactor.removeWriter(self)
            self._established()

    doRead = doWrite

    def connectionLost(self, reason: Failure) -> None:
        """
        How some reactors say that it could not be connected.
        """
        if self._socket is not None:
            code = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._attemptFailed(connectFailure(code or ECONNABORTED))

    def _attemptFailed(self, failure: Failure) -> None:
        self._close()
        if self._others:
            self._tryNext()
        else:
            self.fail(failure)

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}.
        """
        self._timer = None
        if self._others:
            self._close()
            self._tryNext()
        elif self._protocol is not None:
            self.fail(Failure(ConnectTimedOut()))

    def _established(self) -> None:
        skt, there = self._socket, self._target
        assert skt is not None
        if there.loopback and isOwnEcho(skt, (there.family, there.name)):
            self._attemptFailed(connectFailure(ECONNREFUSED))
            return
        self._socket = None
        peer = there.peer
        if self._tls is None:
            self._begin(StreamClient(skt, self._protocol, peer, self._reactor))
        else:
            self._watch()
            transport = self._tls.clientTransport(skt, self._protocol, peer, self._reactor)
            self._handshaking = transport
            transport.handshake(self._handshaken)

    def _handshaken(self, failure: Failure | None) -> None:
        transport, self._handshaking = self._handshaking, None
        if transport is None:
            return
        if failure is None:
            self._begin(transport)
        else:
            self.fail(failure)

    def _begin(self, transport: Any) -> None:
        self._over()
        try:
            transport.begin()
        except Exception:
            self._log.failure("a connection to {peer} could not be begun", peer=transport.getPeer())
            transport.abortConnection()

    def fail(self, failure: Failure) -> None:
        """
        Tell the protocol that nothing will come of it.
        """
        protocol = self._protocol
        if protocol is not None:
            self._over()
            protocol.connectFailed(failure)

    # What these steps need

    def _over(self) -> None:
        self._protocol = None
        self._others = ()
        self._close()
        if self._handshaking is not None:
            self._handshaking.abortConnection()
            self._handshaking = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._deadlines is not None:
            self._deadlines.forget(self)

    def _close(self) -> None:
        if self._socket is not None:
            self._reactor.removeWriter(self)
            self._socket.close()
            self._socket = None

    def _seconds(self) -> float:
        seconds = self._reactor.seconds if self._deadlines is None else self._deadlines.seconds
        return float(seconds())

    def _watch(self) -> None:
        if not self.deadline:
            return
        if self._deadlines is not None:
            self._deadlines.watch(self)
        else:
            left = max(0.0, self.deadline - self._seconds())
            if self._timer is not None:
                self._timer.reset(left)
            else:
                self._timer = self._reactor.callLater(left, self.deadlinePassed, self.deadline)

    def _soon(self, step: Callable[..., object], *arguments: object) -> None:
        """
        Take a step in the next turn of the loop; not if this attempt is over by then.
        """
        if hasattr(self._reactor, "callSoon"):
            self._reactor.callSoon(self._step, self._socket, step, arguments)
        else:
            self._reactor.callLater(0, self._step, self._socket, step, arguments)

    def _step(
        self, skt: socket.socket | None, step: Callable[..., object], arguments: Iterable[object]
    ) -> None:
        if self._protocol is not None and self._socket is skt:
            step(*arguments)

    def fileno(self) -> int:
        """
        For the reactor.
        """
        return -1 if self._socket is None else self._socket.fileno()

    def logPrefix(self) -> str:
        """
        For the reactor.
        """
        return "dialing"
