"""
Who asks us, and how does the answer get back? The socket that clients send datagrams to.
"""

from __future__ import annotations

import socket
import struct
from typing import Final, Protocol

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IListeningPort, IReactorFDSet, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.udp.address import ClientAddress
from lbproxy.net.udp.asked import ANCILLARY_SPACE, Asked, PacketInformation

#: No datagram is longer: the length field of UDP has 16 bits and counts its own header.
MAX_DATAGRAM: Final = 65_527

# Datagrams per turn of the loop, beside the first. They keep the cost of a turn small beside the
# work, and others waiting for a millisecond at most.
_MORE: Final = 63

# Only a system call that fails says that a socket is empty, and it costs as much as one that brings
# a datagram. So a socket that has one datagram per turn is asked for a second one only now and
# then: after so many turns. One that had more last time is asked at once.
_PATIENCE: Final = 4

_MEMORY_INFO: Final = 55  # SO_MEMINFO, since Linux 4.12; not in the socket module
_MEMORY_FIELDS: Final = struct.Struct("=9I")
_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104


class DatagramReceiver(Protocol):
    """
    What a L{DatagramPort} gives its datagrams to.
    """

    def datagramReceived(self, data: bytes, client: ClientAddress, asked: Asked) -> object:
        """
        @param asked: which of our addresses was asked; answers go through C{asked.port.send}.
        """


@implementer(IReadDescriptor, IListeningPort)
class DatagramPort:
    """
    A bound UDP socket. No error of the network closes it.

    @ivar truncated: datagrams thrown away because they were longer than C{maxDatagram}.
    @ivar dropped: datagrams that the kernel would not send: its queue was full, they were too
        long, a rule forbade it.
    @ivar errors: times that reading failed.
    """

    __slots__ = (
        "_asked",
        "_information",
        "_listening",
        "_patience",
        "_reactor",
        "_readOne",
        "_received",
        "_recvfrom",
        "_recvmsg",
        "_room",
        "_sendmsg",
        "_sendto",
        "_socket",
        "dropped",
        "errors",
        "fileno",
        "truncated",
    )

    _log = Logger()

    def __init__(
        self,
        reactor: IReactorFDSet,
        sock: socket.socket,
        receiver: DatagramReceiver,
        *,
        maxDatagram: int = MAX_DATAGRAM,
    ) -> None:
        """
        @param sock: a bound datagram socket, ours from now on; an inherited one will do.
        @param maxDatagram: bytes; what is longer is dropped and counted, never cut.
        """
        sock.setblocking(False)
        self._reactor = reactor
        self._received = receiver.datagramReceived
        self._socket: socket.socket | None = sock
        #: The socket's own, asked at each event; -1 once closed.
        self.fileno = sock.fileno
        self._recvfrom = sock.recvfrom
        self._sendto = sock.sendto
        self._recvmsg = sock.recvmsg
        self._sendmsg = sock.sendmsg
        self._room = maxDatagram + 1  # one more byte shows what is too long
        self._patience = _PATIENCE
        self._listening = False
        self._information: PacketInformation | None = None
        host = sock.getsockname()[0]
        self._asked = Asked(self, host)
        if host in _WILDCARDS:
            self._information = PacketInformation(self, sock)
        self._readOne = self._readPlain if self._information is None else self._readAsked
        self.truncated = self.dropped = self.errors = 0

    # -- the data

    def doRead(self) -> None:
        """
        Read what is there, up to a bound.
        """
        try:
            self._readOne()
            if self._patience:
                self._patience -= 1
            else:
                self._readMore()
        except BlockingIOError:
            return  # a datagram with a wrong checksum, which the kernel noticed only now
        except OSError as error:
            self._readFailed(error)
        except Exception:
            # A defect of ours in handling one datagram; the next ones must go on.
            self._log.failure("a datagram could not be handled by {port!r}", port=self)

    def _readMore(self) -> None:
        read = self._readOne
        more = 0
        try:
            for more in range(_MORE):  # noqa: B007 - counts what was read
                read()
        except BlockingIOError:
            if not more:
                self._patience = _PATIENCE

    def _readPlain(self) -> None:
        data, client = self._recvfrom(self._room)
        if len(data) < self._room:
            self._received(data, client, self._asked)
        else:
            self.truncated += 1

    def _readAsked(self) -> None:
        data, ancillary, _, client = self._recvmsg(self._room, ANCILLARY_SPACE)
        if len(data) < self._room:
            assert self._information is not None
            self._received(data, client, self._information.read(ancillary))
        else:
            self.truncated += 1

    def _readFailed(self, error: OSError) -> None:
        if self._socket is None:
            return  # closed by the one who got the last datagram
        # ENOMEM, or an ICMP error where somebody asked the kernel for them: the socket stays good.
        self.errors += 1
        if self.errors == 1:
            self._log.warn("{port!r} could not read: {error}", port=self, error=error)

    def send(self, data: bytes, client: ClientAddress, asked: Asked) -> None:
        """
        Send C{data} to C{client}, from the address that it asked. What cannot be sent now is lost,
        as on any network, and counted.
        """
        try:
            if asked.ancillary is None:
                self._sendto(data, client)
            else:
                self._sendmsg((data,), asked.ancillary, 0, client)
        except OSError:
            self.dropped += 1

    # -- its life

    def startListening(self) -> None:
        """
        Begin to read.
        """
        self._listening = True
        self._reactor.addReader(self)

    def stopListening(self) -> Deferred[None]:
        """
        Close the socket, at once.
        """
        self._close()
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        Leave what comes in the kernel's queue, which drops what it has no room for.
        """
        if self._listening:
            self._listening = False
            self._reactor.removeReader(self)

    def resumeProducing(self) -> None:
        """
        Read again.
        """
        if self._socket is not None and not self._listening:
            self.startListening()

    def _close(self) -> None:
        sock = self._socket
        if sock is not None:
            self._reactor.removeReader(self)  # while the descriptor's number is still known
            self._listening = False
            self._socket = None
            sock.close()

    def connectionLost(self, reason: Failure) -> None:
        """
        Either the reactor ends, or it saw an error on the socket and takes that for an end: then
        the error is fetched, which clears it, and the socket goes on.
        """
        if self._socket is None:
            return
        if not isinstance(reason.value, ConnectionDone):
            self._close()
            return
        self.errors += 1
        self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self._reactor.addReader(self)

    # -- what it is

    def logPrefix(self) -> str:
        """
        For those reactors that want it with every event.
        """
        return "UDP"

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        The bound address.
        """
        assert self._socket is not None, "closed"
        host, port = self._socket.getsockname()[:2]
        kind = IPv6Address if self._socket.family == socket.AF_INET6 else IPv4Address
        return kind("UDP", host, port)

    @property
    def overflowed(self) -> int:
        """
        Datagrams that the kernel threw away because its queue was full: we were too slow. A system
        call, so for those who show figures; 0 where the kernel does not say.
        """
        if self._socket is None:
            return 0
        try:
            found = self._socket.getsockopt(socket.SOL_SOCKET, _MEMORY_INFO, _MEMORY_FIELDS.size)
        except OSError:
            return 0
        return int(_MEMORY_FIELDS.unpack(found)[-1]) if len(found) == _MEMORY_FIELDS.size else 0

    def __repr__(self) -> str:
        return f"<DatagramPort {self.getHost()}>" if self._socket else "<DatagramPort closed>"
