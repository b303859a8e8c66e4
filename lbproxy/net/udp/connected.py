"""
How does one client's work reach a backend? A datagram socket connected to it.

Connected, because then only that backend's datagrams get in, no address is looked up per datagram,
and the ICMP error of a closed port finds its way back to whom it concerns.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable
from typing import Final, Protocol

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.listening import SocketOption
from lbproxy.net.udp.address import SocketAddress

# Answers per turn of the loop, for one client, beside the first.
_MORE: Final = 15

# Turns that brought an answer before more than one is looked for; see L{DatagramPort}.
_PATIENCE: Final = 4

#: No datagram is longer.
_ROOM: Final = 65_535

# What the network or the backend's host says when nobody is there. Everything else that a send can
# fail with (no memory, too long, forbidden by a rule) says nothing about the backend.
_UNREACHABLE: Final = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOENT,  # a UNIX socket that is gone
    }
)


class AnswerReceiver(Protocol):
    """
    What a L{ConnectedSocket} tells its events to.
    """

    def answerReceived(self, data: bytes) -> object:
        """
        A datagram from the backend.
        """

    def refused(self, reason: str) -> object:
        """
        Nobody takes our datagrams there. The socket stays open; close it if that is the end.
        """


@implementer(IReadDescriptor)
class ConnectedSocket:
    """
    A datagram socket with one peer. No error closes it, only its owner does.
    """

    __slots__ = ("_patience", "_reactor", "_receiver", "_recv", "_send", "_socket", "fileno")

    _log = Logger()

    def __init__(
        self, reactor: IReactorFDSet, sock: socket.SocketType, receiver: AnswerReceiver
    ) -> None:
        """
        @param sock: connected and not blocking.
        """
        self._reactor = reactor
        self._receiver = receiver
        self._socket: socket.SocketType | None = sock
        self._recv = sock.recv
        self._send = sock.send
        self._patience = _PATIENCE
        #: The socket's own, asked at each event; -1 once closed.
        self.fileno = sock.fileno

    def send(self, data: bytes) -> bool:
        """
        @return: whether the kernel took it. When it did not because nobody is there, the receiver
            has been told, and what comes of that is its business.
        """
        try:
            self._send(data)
        except OSError as error:
            self._failed(error)
            return False
        return True

    def doRead(self) -> None:
        """
        Read what is there, up to a bound.
        """
        try:
            self._receiver.answerReceived(self._recv(_ROOM))
            if self._patience:
                self._patience -= 1
            else:
                self._readMore()
        except BlockingIOError:
            return  # a datagram with a wrong checksum, which the kernel noticed only now
        except OSError as error:
            self._failed(error)
        except Exception:
            self._log.failure("an answer could not be handled by {link!r}", link=self)

    def _readMore(self) -> None:
        recv, received = self._recv, self._receiver.answerReceived
        more = 0
        try:
            for more in range(_MORE):  # noqa: B007 - counts what was read
                received(recv(_ROOM))
        except BlockingIOError:
            if not more:
                self._patience = _PATIENCE

    def _failed(self, error: OSError) -> None:
        # Closed: by the one who got the last answer of this turn.
        if error.errno in _UNREACHABLE and self._socket is not None:
            self._receiver.refused(error.strerror or str(error))

    def connectionLost(self, reason: Failure) -> None:
        """
        Either the reactor ends, or it saw an ICMP error on the socket and takes that for an end:
        then the error is fetched, which clears it, and told.
        """
        sock = self._socket
        if sock is None:
            return
        if not isinstance(reason.value, ConnectionDone):
            self.close()
            return
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._reactor.addReader(self)
        if number:
            self._failed(OSError(number, os.strerror(number)))

    def close(self) -> None:
        """
        Once is enough, more do no harm.
        """
        sock = self._socket
        if sock is not None:
            self._reactor.removeReader(self)  # while the descriptor's number is still known
            self._socket = None
            sock.close()

    def logPrefix(self) -> str:
        """
        For those reactors that want it with every event.
        """
        return "UDP"

    def localAddress(self) -> SocketAddress:
        """
        From where the backend hears us.
        """
        assert self._socket is not None, "closed"
        address: SocketAddress = self._socket.getsockname()
        return address

    def __repr__(self) -> str:
        return f"<ConnectedSocket {self._socket.getsockname() if self._socket else 'closed'}>"


def connectDatagrams(
    reactor: IReactorFDSet,
    family: socket.AddressFamily,
    target: SocketAddress,
    receiver: AnswerReceiver,
    bindAddress: SocketAddress | None = None,
    options: Iterable[SocketOption] = (),
) -> ConnectedSocket:
    """
    @param bindAddress: where to send from; the system chooses when it is L{None}.
    @param options: set before binding.
    @raise OSError: there is no route, no descriptor, no port.
    """
    # The C type below socket.socket, which adds nothing that is needed here but time.
    sock = socket.SocketType(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    try:
        for level, option, value in options:
            sock.setsockopt(level, option, value)
        if bindAddress is not None:
            sock.bind(bindAddress)
        elif family == socket.AF_UNIX:
            sock.bind("")  # an abstract name of the kernel's choice: without one no answer comes
        sock.connect(target)
        link = ConnectedSocket(reactor, sock, receiver)
        reactor.addReader(link)
    except BaseException:
        sock.close()
        raise
    return link
