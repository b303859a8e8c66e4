"""
What do one client and one backend say over UDP? A session: its two ends and its bookkeeping.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Hashable
from enum import Enum
from typing import TYPE_CHECKING, Final

from lbproxy.errors import Outcome
from lbproxy.l4.sharedlease import SharedLease
from lbproxy.l4.udpcontext import UDPContext
from lbproxy.net.socketoptions import transparency
from lbproxy.net.udp import ConnectedSocket, SocketAddress, connectDatagrams
from lbproxy.pool.backend import Backend
from lbproxy.pool.lease import Lease

if TYPE_CHECKING:
    from lbproxy.l4.udprelay import UDPRelay
    from lbproxy.l4.udpsettings import UDPRoute
    from lbproxy.net.udp.targets import Target

# Datagrams kept until the backend answers, so that another can have them. A resolver asks for A and
# AAAA at once, a QUIC client's first flight is up to three. Where more go unanswered nothing is
# being asked: then only the latest are "in hand".
_HELD: Final = 4

# Answers in which a QUIC server's connection ID is looked for.
_FIRST: Final = 8

# What we lack ourselves, and what one session less may give back: a descriptor, a local port.
_EXHAUSTED: Final = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EADDRNOTAVAIL}
)

# What we may not do, or cannot: be transparent without the privilege, or between IPv4 and IPv6.
_FORBIDDEN: Final = frozenset({errno.EPERM, errno.EAFNOSUPPORT})


class End(Enum):
    """
    Why a session ended.
    """

    ANSWERED = "answered"  # every question had its answers
    IDLE = "idle"
    EVICTED = "evicted"  # there were too many sessions
    REFUSED = "refused"  # nobody takes datagrams there
    UNREACHABLE = "unreachable"  # the backend is down, in maintenance, or its name is unknown
    NO_SOCKET = "noSocket"  # we have no descriptor or port left, or may not be transparent
    DRAINED = "drained"  # the listener ended


class UDPSession:
    """
    Datagrams of one client to one backend and back.

    @ivar opened: when, on the relay's clock; C{active}: when the last datagram passed.
    @ivar questions: datagrams to the backend; C{answers}: datagrams to the client.
    @ivar bytesUp: to the backend; C{bytesDown}: to the client; without headers of ours.
    @ivar latency: seconds to the first answer; 0 while there is none.
    @ivar ended: why it ended; L{None} while it has not.
    @ivar tried: backends that were tried before this one.
    """

    __slots__ = (
        "_address",
        "_asked",
        "_due",
        "_header",
        "_held",
        "_link",
        "_relay",
        "_reply",
        "active",
        "answers",
        "bytesDown",
        "bytesUp",
        "client",
        "ended",
        "key",
        "latency",
        "lease",
        "opened",
        "questions",
        "route",
        "tried",
    )

    def __init__(
        self,
        relay: UDPRelay,
        key: Hashable,
        client: UDPContext,
        route: UDPRoute,
        lease: Lease | SharedLease,
        tried: tuple[Backend, ...] = (),
    ) -> None:
        self._relay = relay
        self.key = key
        self.client = client
        self._address = client.address
        self._asked = asked = client.asked
        self._reply = asked.port.send
        self.route = route
        self.lease = lease
        self.tried = tried
        self.opened = self.active = now = relay.seconds()
        self._due = now + relay.grain
        self.questions = self.answers = self.bytesUp = self.bytesDown = 0
        self.latency = 0.0
        self.ended: End | None = None
        self._header = relay.headerFor(client) if route.proxyHeader else b""
        self._held: list[bytes] = []
        self._link: ConnectedSocket | None = None

    # -- the client's side

    def begin(self, data: bytes) -> None:
        """
        The first datagram: find the backend's address, connect, send.
        """
        relay = self._relay
        self.questions = 1
        self.bytesUp = len(data)
        if relay.heldBytes < relay.heldLimit:
            relay.heldBytes += len(data)
            self._held.append(data)
        address = self.lease.backend.address
        try:
            target = relay.targets.find(address)
        except OSError:
            relay.failover(self, End.UNREACHABLE, Outcome.CONNECT_FAILED)
            return
        if target is not None:
            if self._connect(target):
                self._send(data)
            return
        if not self._held:
            relay.unsent += 1
        relay.targets.resolve(address, self._resolved)

    def questionReceived(self, data: bytes) -> None:
        """
        A datagram from the client.
        """
        relay = self._relay
        self.active = now = relay.seconds()
        if now >= self._due:
            self._due = relay.touched(self, now)
        self.questions += 1
        self.bytesUp += len(data)
        held = self._held
        if held:
            # Only where an answer is owed: who answers is well enough, whatever a check says.
            if not self.lease.backend.reachable:
                self._hold(data)
                relay.failover(self, End.UNREACHABLE, Outcome.OK)
                return
            kept = self._hold(data)
        else:
            # The usual case: the same as _hold does, without the call.
            kept = relay.heldBytes < relay.heldLimit
            if kept:
                relay.heldBytes += len(data)
                held.append(data)
        link = self._link
        if link is None:
            if not kept:
                relay.unsent += 1
        elif not link.send(self._header + data if self._header else data) and self._link is link:
            relay.unsent += 1  # not refused: then another has it

    def _send(self, data: bytes) -> None:
        link = self._link
        assert link is not None
        if not link.send(self._header + data if self._header else data) and self._link is link:
            self._relay.unsent += 1  # not refused: then another has it

    def _hold(self, data: bytes) -> bool:
        held, relay = self._held, self._relay
        if len(held) >= _HELD:
            self._letGo()
        if relay.heldBytes >= relay.heldLimit:
            return False
        relay.heldBytes += len(data)
        held.append(data)
        return True

    def _letGo(self) -> None:
        held, relay = self._held, self._relay
        while held:
            relay.heldBytes -= len(held.pop())

    def takeHeld(self) -> tuple[bytes, ...]:
        """
        The datagrams that had no answer yet, for somebody else to send.
        """
        held = tuple(self._held)
        self._letGo()
        return held

    # -- the backend's side

    def _resolved(self, target: Target | None) -> None:
        if self.ended is not None:
            return
        if target is None:
            self._relay.failover(self, End.UNREACHABLE, Outcome.CONNECT_FAILED)
        elif self._connect(target):
            link = self._link
            for data in tuple(self._held):
                if self._link is link:
                    self._send(data)

    def _connect(self, target: Target, again: bool = True) -> bool:
        relay = self._relay
        try:
            self._link = self._newLink(*target)
        except OSError as error:
            if error.errno in _EXHAUSTED and again and relay.makeRoom(self, error):
                return self._connect(target, again=False)
            if error.errno in _EXHAUSTED or error.errno in _FORBIDDEN:
                relay.noSocket(error)
                self.end(End.NO_SOCKET, Outcome.CLIENT_LEFT)
            else:
                relay.failover(self, End.REFUSED, Outcome.CONNECT_FAILED)
            return False
        return True

    def _newLink(self, family: socket.AddressFamily, address: SocketAddress) -> ConnectedSocket:
        relay = self._relay
        if not relay.transparent or family == socket.AF_UNIX:
            return connectDatagrams(relay.reactor, family, address, self)
        client = self.client.clientIP
        if (":" in client) is not (family == socket.AF_INET6):
            raise OSError(errno.EAFNOSUPPORT, f"no {family.name} for a client at {client}")
        return connectDatagrams(
            relay.reactor, family, address, self, (client, 0), [transparency(client)]
        )

    def answerReceived(self, data: bytes) -> None:
        """
        A datagram from the backend.
        """
        relay = self._relay
        self.active = now = relay.seconds()
        if now >= self._due:
            self._due = relay.touched(self, now)
        held = self._held
        if held:
            while held:  # as _letGo
                relay.heldBytes -= len(held.pop())
            if self.answers < _FIRST:
                self._answered(data)
        self.answers += 1
        self.bytesDown += len(data)
        self._reply(data, self._address, self._asked)
        if relay.responses and self.answers >= relay.responses * self.questions:
            self.end(End.ANSWERED)

    def _answered(self, data: bytes) -> None:
        if not self.answers:
            self.latency = self.active - self.opened
            self.tried = ()  # it is one that works; the next failure is a new one
        # A server names the ID it chose in the packets of the handshake, which come first.
        ids = self._relay.connectionIDs
        if ids is not None and data[:1] >= b"\x80":
            ids.learn(self, data)

    def refused(self, reason: str) -> None:
        """
        An ICMP error came back, or the network knows no way.
        """
        self._relay.refused += 1
        self._relay.failover(self, End.REFUSED, Outcome.CONNECT_FAILED)

    # -- its end

    def share(self) -> SharedLease:
        """
        The lease, for one more session of the same connection.
        """
        if not isinstance(self.lease, SharedLease):
            self.lease = SharedLease(self.lease)
        return self.lease.join()

    def end(self, why: End, outcome: Outcome = Outcome.OK) -> None:
        """
        Close the backend's side, release the lease, leave the relay.
        """
        assert self.ended is None, f"{self!r} ends twice"
        self.ended = why
        self._letGo()
        link, self._link = self._link, None
        if link is not None:
            link.close()
        self.lease.release(outcome, self.latency)
        self._relay.sessionEnded(self)

    def __repr__(self) -> str:
        return (
            f"<UDPSession {self.client.clientIP} {self.lease.backend.name} "
            f"{self.questions} questions, {self.answers} answers>"
        )
