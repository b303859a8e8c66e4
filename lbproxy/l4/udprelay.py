"""
Which backend gets this datagram, and who gets the answer? UDP, relayed by sessions.

A session is one client's address and one backend, with a socket of its own connected to that
backend, so that every answer is the session's. It lasts until nothing passed for C{idleTimeout}, or
until its questions are answered where the number of answers is known (C{responses}).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Hashable, Iterable
from dataclasses import replace
from typing import Final

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorFDSet

from lbproxy.config.address import Address
from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.l4.complaint import Complaint
from lbproxy.l4.connectionids import ConnectionIDs
from lbproxy.l4.sessiontable import SessionTable
from lbproxy.l4.traffic import Traffic
from lbproxy.l4.udpcontext import UDPContext
from lbproxy.l4.udpproxied import ProxiedDatagrams
from lbproxy.l4.udpsession import End, UDPSession
from lbproxy.l4.udpsettings import UDPRoute, UDPSettings
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.listening import SocketOption
from lbproxy.net.udp import Asked, ClientAddress, DatagramPort, DatagramReceiver, listenDatagrams
from lbproxy.net.udp.address import clientText
from lbproxy.net.udp.targets import Targets
from lbproxy.pool.backend import Backend
from lbproxy.pool.lease import Lease
from lbproxy.wire.proxyprotocol import ProxyHeader, Transport, encodeV2

# Bytes of datagrams without an answer that one relay keeps for another backend, all sessions
# together; beyond it a refused datagram is lost, as the client expects of UDP.
_HELD_LIMIT: Final = 16 << 20

# Backends that one datagram is offered to.
_ATTEMPTS: Final = 8


class UDPRelay:
    """
    The sessions of one listener.

    @ivar opened: sessions ever; C{evicted}: ended early because there were too many.
    @ivar refused: ICMP errors from backends; C{failovers}: datagrams given to another backend.
    @ivar unsent: datagrams to backends that the kernel would not take.
    @ivar denied: datagrams from clients that C{allowed} forbids.
    @ivar unrouted: that no route wanted; C{unserved}: that no backend could take.
    @ivar turnedAway: from new clients while draining.
    @ivar malformed: with a PROXY header that is missing or wrong.
    """

    def __init__(
        self,
        reactor: IReactorFDSet,
        choose: Callable[[UDPContext], UDPRoute | None],
        settings: UDPSettings,
        *,
        deadlines: Deadlines,
        targets: Targets,
        name: str = "udp",
        allowed: Callable[[str], bool] | None = None,
        record: Callable[[UDPSession], object] | None = None,
    ) -> None:
        """
        @param choose: the route of a new client; L{None} drops its datagram.
        @param targets: where backends are; one for all relays of a process.
        @param name: the listener's, for the log.
        @param allowed: may this address (numeric text) use us? Asked once per session.
        @param record: called with each session that ended.
        """
        self._entrance: DatagramReceiver = self
        self.reactor = reactor
        self.targets = targets
        self.seconds = deadlines.seconds
        self.responses = settings.responses
        self.transparent = settings.transparent
        self.connectionIDs = ConnectionIDs() if settings.followQUIC else None
        self.heldBytes = 0
        self.heldLimit = _HELD_LIMIT
        self._choose = choose
        self._most = settings.maxSessions
        self._allowed = allowed
        self._record = record
        self._open = self._openForOne if settings.perDatagram else self._openSession
        self._table = SessionTable(deadlines, settings.idleTimeout, self._expired)
        self.touched = self._table.touched
        self.grain = self._table.grain
        self._sessions = self._table.sessions
        self._find = self._sessions.get
        self._ports: list[DatagramPort] = []
        self._draining = False
        self._waiting: list[Deferred[None]] = []
        self._evictions = Complaint(name, "idle sessions ended early", self.seconds)
        self._unserved = Complaint(name, "datagrams found no backend", self.seconds)
        self._socketless = Complaint(name, "sessions failed", self.seconds)
        self._ended = Traffic()
        self.opened = self.refused = self.failovers = self.unsent = 0
        self.denied = self.unrouted = self.turnedAway = self.malformed = 0

    # -- its life

    def expectHeaders(self, trusted: Callable[[str], bool], required: bool = True) -> None:
        """
        Before L{listen}: datagrams of these peers begin with a PROXY header.
        """
        self._entrance = ProxiedDatagrams(self, trusted, required)

    def listen(
        self,
        address: Address,
        *,
        reusePort: bool = False,
        options: Iterable[SocketOption] = (),
    ) -> DatagramPort:
        """
        Take datagrams from a new socket bound to C{address}.

        @param options: as L{listenDatagrams} has them, and C{reusePort}.
        @raise CannotStart: the address cannot be bound.
        """
        port = listenDatagrams(
            self.reactor, address, self._entrance, reusePort=reusePort, options=options
        )
        self._ports.append(port)
        return port

    def adopt(self, sock: socket.socket) -> DatagramPort:
        """
        Take datagrams from an inherited, bound socket.
        """
        port = DatagramPort(self.reactor, sock, self._entrance)
        port.startListening()
        self._ports.append(port)
        return port

    def drain(self) -> Deferred[None]:
        """
        Take no new sessions; those that are go on until they end by themselves.

        @return: fires when the last has ended.
        """
        self._draining = True
        if not self._sessions:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def abortAll(self) -> None:
        """
        End every session now, and take no new ones. The ports are their owner's to close.
        """
        self._draining = True
        for session in tuple(self._sessions.values()):
            session.end(End.DRAINED)

    # -- the clients' side

    def datagramReceived(self, data: bytes, client: ClientAddress, asked: Asked) -> None:
        """
        A datagram from a client itself.
        """
        key = (client, asked)
        session = self._find(key)
        if session is not None:
            session.questionReceived(data)
        else:
            self._newcomer(data, UDPContext(key, client, asked, clientText(client[0])))

    def forwardedReceived(
        self,
        data: bytes,
        key: Hashable,
        peer: ClientAddress,
        asked: Asked,
        origin: ProxyHeader,
    ) -> None:
        """
        A datagram that a proxy in front of us forwards.

        @param data: without the header.
        @param key: what makes it the same client.
        @param origin: the header, with addresses.
        """
        session = self._find(key)
        if session is not None:
            session.questionReceived(data)
            return
        assert origin.source is not None
        clientIP = clientText(origin.source.host)
        self._newcomer(data, UDPContext(key, peer, asked, clientIP, origin))

    def _newcomer(self, data: bytes, client: UDPContext) -> None:
        if self._allowed is not None and not self._allowed(client.clientIP):
            self.denied += 1
        elif self._draining:
            self.turnedAway += 1
        else:
            self._open(data, client, ())

    def _openSession(self, data: bytes, client: UDPContext, tried: tuple[Backend, ...]) -> None:
        ids = self.connectionIDs
        if ids is not None and ids.sessions and not tried and self._follow(data, client, ids):
            return
        route = self._choose(client)
        lease = self._acquire(data, client, route, tried)
        if route is not None and lease is not None:
            self._add(UDPSession(self, client.key, client, route, lease, tried)).begin(data)

    def _openForOne(self, data: bytes, client: UDPContext, tried: tuple[Backend, ...]) -> None:
        # Here sessions are of a client and a backend, so that a backend's is found only now.
        route = self._choose(client)
        lease = self._acquire(data, client, route, tried)
        if route is None or lease is None:
            return
        key = (client.key, lease.backend)
        session = self._find(key)
        if session is None:
            self._add(UDPSession(self, key, client, route, lease, tried)).begin(data)
        else:
            lease.release(Outcome.OK)  # the session has one
            session.questionReceived(data)

    def _acquire(
        self,
        data: bytes,
        client: UDPContext,
        route: UDPRoute | None,
        tried: tuple[Backend, ...],
    ) -> Lease | None:
        if route is None:
            self.unrouted += 1
            return None
        client.datagram = data
        try:
            if len(tried) >= _ATTEMPTS:
                raise NoBackendAvailable(route.pool.name, f"{len(tried)} backends were tried")
            return route.pool.acquire(client, tried)
        except NoBackendAvailable as error:
            self._unserved.add(str(error))
            return None
        finally:
            client.datagram = b""

    def _follow(self, data: bytes, client: UDPContext, ids: ConnectionIDs) -> bool:
        # A QUIC client whose address changed?
        known = ids.find(data)
        if known is None or not known.lease.backend.reachable:
            return False
        session = self._add(UDPSession(self, client.key, client, known.route, known.share()))
        ids.move(known, session)
        session.begin(data)
        return True

    def _add(self, session: UDPSession) -> UDPSession:
        if len(self._sessions) >= self._most:
            self._evict(f"{self._most} sessions are the most")
        self._table.add(session)
        self.opened += 1
        return session

    def headerFor(self, client: UDPContext) -> bytes:
        """
        The PROXY header for datagrams of C{client}.
        """
        origin = client.origin
        if origin is None:
            origin = ProxyHeader(
                transport=Transport.DATAGRAM,
                source=Address(client.clientIP, client.address[1]),
                destination=Address(client.asked.host, client.asked.port.getHost().port),
            )
        return encodeV2(origin)

    # -- what sessions tell

    def failover(self, session: UDPSession, why: End, outcome: Outcome) -> None:
        """
        C{session} is over; what its backend did not answer goes to another.
        """
        held = session.takeHeld()
        tried = (*session.tried, session.lease.backend)
        session.end(why, outcome)
        client = session.client
        for data in held:
            self.failovers += 1
            other = self._find(client.key)
            if other is None:
                self._open(data, client, tried)
            else:
                other.questionReceived(data)

    def makeRoom(self, session: UDPSession, error: OSError) -> bool:
        """
        Descriptors or ports have run out: one that is idle goes, so that C{session} can be.

        @return: whether there was another one.
        """
        if self._table.oldest() is session:
            return False
        self._evict(error.strerror or str(error))
        return True

    def _evict(self, reason: str) -> None:
        self._evictions.add(reason)
        self._table.oldest().end(End.EVICTED)

    def noSocket(self, error: OSError) -> None:
        """
        A session could not be, for lack of descriptors or ports.
        """
        self._socketless.add(f"no socket to the backend: {error.strerror}")

    def sessionEnded(self, session: UDPSession) -> None:
        """
        C{session} has closed its side and released its lease.
        """
        del self._sessions[session.key]
        self._ended.add(session)
        if self.connectionIDs is not None and self.connectionIDs.sessions:
            self.connectionIDs.forget(session)
        if self._record is not None:
            self._record(session)
        if self._waiting and not self._sessions:
            waiting, self._waiting = self._waiting, []
            for drained in waiting:
                drained.callback(None)

    def _expired(self, session: UDPSession) -> None:
        # Only where answers are due is silence a fault.
        silent = self.responses and not session.answers
        session.end(End.IDLE, Outcome.TIMED_OUT if silent else Outcome.OK)

    # -- figures

    def traffic(self) -> Traffic:
        """
        What passed until now. Adds up all sessions, so for those who show figures.
        """
        traffic = replace(self._ended)
        for session in self._sessions.values():
            traffic.add(session)
        return traffic

    def __len__(self) -> int:
        """
        Sessions right now.
        """
        return len(self._sessions)

    @property
    def dropped(self) -> int:
        """
        Datagrams that the kernel did not take from us, either way.
        """
        return self.unsent + sum(port.dropped for port in self._ports)

    @property
    def truncated(self) -> int:
        """
        Datagrams from clients that were longer than a datagram can be relayed.
        """
        return sum(port.truncated for port in self._ports)

    @property
    def overflowed(self) -> int:
        """
        Datagrams from clients that the kernel's queue had no room for. System calls, so for those
        who show figures.
        """
        return sum(port.overflowed for port in self._ports)

    @property
    def evicted(self) -> int:
        """
        Sessions that ended because there were too many.
        """
        return self._evictions.total

    @property
    def unserved(self) -> int:
        """
        Datagrams that found no backend.
        """
        return self._unserved.total
