"""
Who is next? A Twisted reactor on epoll whose turns cost little more than their system calls.

It is Twisted's epoll reactor, with: readable descriptors called straight, the logging context built
for those who log; writes that are tried before a write event is asked for; a turn that looks at its
timed calls only when one is due; and no more than L{_MOST_EVENTS} events per turn. Everything that
is not the common case (errors, hang-ups, write events) goes Twisted's way. Any Twisted program can
use it: C{twistd --reactor=lbproxy}.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from select import EPOLLIN, EPOLLOUT
from typing import Any

from twisted.internet import error
from twisted.internet.base import _topHandler
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.posixbase import _NO_FILEDESC
from twisted.logger import Logger
from twisted.python import context, log

from lbproxy.net import eager
from lbproxy.net.logcontext import LogContext

# More than this would only delay timed calls and new connections. A bound also keeps the kernel's
# answer from growing with the number of idle connections, as Twisted's does.
_MOST_EVENTS = 512
_BOTH = EPOLLIN | EPOLLOUT
_LONGEST_WAIT = 2147483.0  # seconds; the kernel takes milliseconds in an int


class LeanReactor(EPollReactor):
    """
    See the module's docstring.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._soon: list[tuple[Callable[..., object], tuple[object, ...]]] = []
        self._eager: dict[Any, None] = {}  # wants to write, and has not been let down by the kernel
        self._logContext = LogContext()
        self._now = 0.0
        super().__init__()  # type: ignore[no-untyped-call]

    # The loop

    def mainLoop(self) -> None:
        context.call(self._logContext, self._loop)
        self._log.info("Main loop terminated.")

    def iterate(self, delay: float = 0.0) -> None:
        context.call(self._logContext, super().iterate, delay)

    def _loop(self) -> None:
        # Entering the handler costs as much as the rest of an idle turn: once, and after errors.
        while self._started:
            with _topHandler:
                while self._started:
                    self.runUntilCurrent()
                    if self._eager:
                        self._tryWriters()
                        wait = self.timeout()
                    else:
                        wait = self._wait()
                    self.doIteration(self.running and wait)

    def runUntilCurrent(self) -> None:
        if self._soon:
            self._runSoon()
        pending = self._pendingTimedCalls
        if self.threadCallQueue or self._newTimedCalls or self._justStopped:
            super().runUntilCurrent()
        elif pending:
            self._now = self.seconds()
            if self._now < pending[0].time:
                return
            super().runUntilCurrent()
        else:
            return
        self._now = self.seconds()

    def timeout(self) -> float | None:
        if self._soon or self._eager or self._justStopped:
            return 0
        return super().timeout()

    def _wait(self) -> float | None:
        """
        As C{timeout}, without looking at the clock a second time in this turn.
        """
        if self._soon or self._newTimedCalls or self._justStopped:
            return self.timeout()
        pending = self._pendingTimedCalls
        if not pending:
            return None
        left = pending[0].time - self._now
        return min(left, _LONGEST_WAIT) if left > 0 else 0

    def callSoon(self, function: Callable[..., object], *arguments: object) -> None:
        """
        Call C{function} in the next turn of the loop: a C{callLater(0)} that cannot be cancelled.
        """
        self._soon.append((function, arguments))

    def _runSoon(self) -> None:
        calls, self._soon = self._soon, []
        for function, arguments in calls:
            try:
                function(*arguments)
            except Exception:
                self._log.failure("a call that was put off to the next turn failed")

    def doPoll(self, timeout: float | None) -> None:
        if self._eager:  # not from mainLoop: from iterate, or from another's loop
            self._tryWriters()
        if self._soon or self._eager:
            timeout = 0
        try:
            events = self._poller.poll(-1 if timeout is None else timeout, _MOST_EVENTS)
        except OSError as e:
            if e.errno == errno.EINTR:
                return
            raise
        get = self._selectables.get
        turn = self._logContext
        before = turn.selectable
        for fd, event in events:
            selectable = get(fd)
            if selectable is None:  # went away during this very turn
                continue
            turn.selectable = selectable
            try:
                if event == EPOLLIN:
                    # All in one place: a call for each event would cost as much as the rest.
                    try:
                        why = _NO_FILEDESC if selectable.fileno() == -1 else selectable.doRead()
                    except BaseException as e:
                        why = e
                        log.err()
                    if why:
                        self._disconnectSelectable(selectable, why, True)
                else:
                    self._doReadOrWrite(selectable, fd, event)
            except KeyboardInterrupt:
                raise
            except BaseException:
                log.err()
        turn.selectable = before

    doIteration = doPoll

    # Descriptors; the bodies of Twisted's methods without the calls in between

    def addReader(self, reader: Any) -> None:
        fd = reader.fileno()
        if fd in self._reads:
            return
        try:
            if fd in self._writes:
                self._poller.modify(fd, _BOTH)
            else:
                self._poller.register(fd, EPOLLIN)
        except OSError as e:
            if e.errno != errno.EPERM:
                raise
            self._continuousPolling.addReader(reader)  # a file, which epoll does not take
        else:
            self._reads.add(fd)
            self._selectables[fd] = reader

    def removeReader(self, reader: Any) -> None:
        if reader in self._continuousPolling._readers:  # whose descriptor may be gone by now
            self._continuousPolling.removeReader(reader)
            return
        fd = reader.fileno()
        if fd in self._reads:
            if fd in self._writes:
                self._poller.modify(fd, EPOLLOUT)
            else:
                del self._selectables[fd]
                self._poller.unregister(fd)
            self._reads.remove(fd)
        elif fd == -1:  # closed already: Twisted looks for the number that it had
            super().removeReader(reader)  # type: ignore[no-untyped-call]

    def dropDescriptor(self, fd: int) -> None:
        """
        Forget a descriptor that is closed next and that no other process holds: then the kernel
        forgets it by itself.
        """
        self._selectables.pop(fd, None)
        self._reads.discard(fd)
        self._writes.discard(fd)

    # Writes that are tried first

    def tryWriter(self, writer: Any) -> None:
        """
        Have C{writer.doWrite} called at the end of this turn, without asking the kernel whether it
        can write. When it then wants to go on writing it is waited for, as after C{addWriter}.
        """
        if writer.fileno() not in self._writes:
            self._eager[writer] = None

    def removeWriter(self, writer: Any) -> None:
        if writer in self._eager:
            del self._eager[writer]
        if self._writes or self._continuousPolling._writers:
            super().removeWriter(writer)  # type: ignore[no-untyped-call]

    def getWriters(self) -> list[Any]:
        return [*super().getWriters(), *self._eager]  # type: ignore[no-untyped-call]

    def removeAll(self) -> list[Any]:
        tried = list(self._eager)
        self._eager.clear()
        removed: list[Any] = super().removeAll()  # type: ignore[no-untyped-call]
        return removed + [writer for writer in tried if writer not in removed]

    def _tryWriters(self) -> None:
        turn = self._logContext
        before = turn.selectable
        for writer in list(self._eager):
            if writer in self._eager:
                turn.selectable = writer
                try:
                    self._tryToWrite(writer)
                except KeyboardInterrupt:
                    raise
                except BaseException:
                    log.err()
        turn.selectable = before

    def _tryToWrite(self, writer: Any) -> None:
        try:
            why = writer.doWrite()
        except BaseException as e:
            why = e
            log.err()
        if why:
            self._disconnectSelectable(writer, why, False)
        elif writer in self._eager:
            del self._eager[writer]
            self.addWriter(writer)

    # Transports

    def listenTCP(
        self, port: Any, factory: Any, backlog: int = 50, interface: str = ""
    ) -> eager.Port:
        new = eager.Port(port, factory, backlog, interface, self)
        new.startListening()
        return new

    def connectTCP(
        self,
        host: str,
        port: int,
        factory: Any,
        timeout: float = 30.0,
        bindAddress: Any = None,
    ) -> Any:
        new = eager.Connector(host, port, factory, timeout, bindAddress, self)
        new.connect()
        return new

    def listenUNIX(
        self, address: Any, factory: Any, backlog: int = 50, mode: int = 0o666, wantPID: Any = 0
    ) -> eager.UNIXPort:
        new = eager.UNIXPort(address, factory, backlog, mode, self, wantPID)
        new.startListening()
        return new

    def connectUNIX(
        self, address: Any, factory: Any, timeout: float = 30, checkPID: Any = 0
    ) -> eager.UNIXConnector:
        new = eager.UNIXConnector(address, factory, timeout, self, checkPID)
        new.connect()
        return new

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: Any, factory: Any) -> Any:
        self._refuseUnknown(addressFamily)
        new: Any
        if addressFamily == socket.AF_UNIX:
            new = eager.UNIXPort._fromListeningDescriptor(self, fileDescriptor, factory)
        else:
            new = eager.Port._fromListeningDescriptor(self, fileDescriptor, addressFamily, factory)
        new.startListening()
        return new

    def adoptStreamConnection(self, fileDescriptor: int, addressFamily: Any, factory: Any) -> Any:
        self._refuseUnknown(addressFamily)
        if addressFamily == socket.AF_UNIX:
            return eager.UNIXServer._fromConnectedSocket(fileDescriptor, factory, self)
        return eager.Server._fromConnectedSocket(fileDescriptor, addressFamily, factory, self)

    def _refuseUnknown(self, addressFamily: Any) -> None:
        if addressFamily not in self._supportedAddressFamilies:
            raise error.UnsupportedAddressFamily(addressFamily)


def install() -> None:
    """
    Make it the program's reactor; before anything imports C{twisted.internet.reactor}.
    """
    reactor = LeanReactor()
    from twisted.internet.main import installReactor

    installReactor(reactor)
