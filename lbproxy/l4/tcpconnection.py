"""
What happens to one client of a TCP listener? Routed, connected to a backend, piped, recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.errors import NoBackendAvailable, Outcome, UpstreamError
from lbproxy.l4.hellowait import HelloWait
from lbproxy.l4.relayrecord import Refusal, RelayRecord, outcomeOf
from lbproxy.l4.securing import Securing
from lbproxy.l4.tcpcontext import TCPContext
from lbproxy.l4.tcproutes import TCPRoute
from lbproxy.net.connector import Cancellable
from lbproxy.net.pipe import Pipe
from lbproxy.net.pipeside import Ending
from lbproxy.pool.lease import Lease
from lbproxy.wire.clienthello import ClientHello

if TYPE_CHECKING:
    from lbproxy.l4.tcprelay import TCPRelay


# What calling the record's class comes to, without the calls in between.
_newRecord = tuple.__new__


@implementer(IProtocol, IHalfCloseableProtocol)
class TCPConnection:
    """
    The first protocol of a client's transport: it keeps the client waiting until there is a backend
    to talk to, then a L{Pipe} takes over.

    @ivar deadline: when waiting for the hello, or the whole connection, has lasted long enough.
    """

    __slots__ = (
        "_busy",
        "_code",
        "_detail",
        "_early",
        "_ended",
        "_latency",
        "_lease",
        "_pipe",
        "_relay",
        "_route",
        "_started",
        "context",
        "deadline",
        "transport",
    )

    def __init__(self, relay: TCPRelay) -> None:
        self._relay = relay
        self._busy: Cancellable | None = None  # what we wait for: a hello, TLS, a backend
        self._code = ""
        self._detail = ""
        self._early: list[bytes] = []
        self._ended = False
        self._lease: Lease | None = None
        self._pipe: Pipe | None = None
        self._route: TCPRoute | None = None
        self.deadline = 0.0

    def makeConnection(self, transport: Any) -> None:
        """
        A client is here.
        """
        relay = self._relay
        self.transport = transport
        seconds = relay.seconds
        self._started = seconds()
        self.context = TCPContext(transport)
        relay.opened(self)
        if relay.settings.maxAge:
            self.deadline = self._started + relay.lifetime()
            relay.deadlines.watch(self)
        route = relay.only
        if route is None:
            self._decide()
        elif relay.tls is None:
            self._route = route
            self._connect(route)
        else:
            self._take(route)

    def connectionMade(self) -> None:
        """
        L{makeConnection} does it all.
        """

    # -- which route

    def _decide(self) -> None:
        relay, transport = self._relay, self.transport
        if not relay.routes.needsHello or transport.isSecure:
            # Where TLS ended already, the handshake has told everything.
            agreed = transport.negotiatedProtocol
            self._choose(transport.serverName, (agreed,) if agreed else ())
            return
        try:
            route = relay.routes.early(self.context.clientIP)
        except LookupError:
            self._refuse(Refusal.NO_ROUTE)
            return
        if route is not None:
            self._take(route)
            return
        self._busy = wait = HelloWait(
            transport, self._heard, relay.deadlines, looks=relay.tls is not None
        )
        if relay.settings.helloTimeout:
            wait.expect(self._started + relay.settings.helloTimeout)

    def _heard(self, hello: ClientHello | None, refusal: Refusal | None, detail: str) -> None:
        wait, self._busy = self._busy, None
        assert isinstance(wait, HelloWait)
        self._early.append(wait.early)
        if refusal is not None:
            self._refuse(refusal, detail)
        elif hello is None:
            self._choose("", ())
        else:
            self._choose(hello.serverName, hello.alpn)

    def _choose(self, serverName: str, alpn: Sequence[bytes]) -> None:
        self.context.serverName = serverName
        route = self._relay.routes.choose(self.context.clientIP, serverName, alpn)
        if route is None:
            self._refuse(Refusal.NO_ROUTE)
        else:
            self._take(route)

    def _take(self, route: TCPRoute) -> None:
        self._route = route
        tls, transport = self._relay.tls, self.transport
        if tls is None or route.passthrough or transport.isSecure:
            self._connect(route)
        else:
            self.transport = None
            self._busy = Securing(transport, tls, transport.reactor, self)

    def tlsStarted(self, transport: Any) -> None:
        """
        For L{Securing}: go on with the new transport.
        """
        route, self._busy = self._route, None
        assert route is not None
        self.transport = transport
        transport.protocol = self
        self.context = TCPContext(transport)
        self._connect(route)

    def tlsFailed(self, reason: str) -> None:
        """
        For L{Securing}: the connection is gone.
        """
        self._busy = None
        self._detail = reason
        self._finish(Refusal.TLS_FAILED.value)

    # -- to the backend

    def _connect(self, route: TCPRoute) -> None:
        attempt = route.target.connect(self.context, self)
        if self._pipe is None and self.transport is not None:
            self.transport.pauseProducing()
            self._busy = attempt

    def connected(self, transport: Any, lease: Lease, latency: float) -> None:
        """
        For L{lbproxy.net.connector}: a backend answered.
        """
        relay = self._relay
        self._busy = None
        self._lease = lease
        self._latency = latency
        pipe = self._pipe = relay.pipe(self.transport, transport, self._piped)
        if self._early or self._ended:
            early = b"".join(self._early)
            self._early.clear()
            pipe.start(early, ended=self._ended)
        else:
            pipe.start()

    def connectFailed(self, error: UpstreamError | NoBackendAvailable) -> None:
        """
        For L{lbproxy.net.connector}: nobody answered.
        """
        self._busy = None
        if isinstance(error, NoBackendAvailable):
            self._refuse(Refusal.NO_BACKEND, error.reason)
        elif error.outcome is Outcome.TIMED_OUT:
            self._refuse(Refusal.CONNECT_TIMEOUT, error.detail)
        else:
            self._refuse(Refusal.CONNECT_FAILED, error.detail)

    # -- what the client does meanwhile

    def dataReceived(self, data: bytes) -> None:
        """
        It comes while reading is paused, too: what TLS had decrypted already.
        """
        if not self._code:
            self._early.append(data)

    def readConnectionLost(self) -> None:
        """
        The client has said all it had to say; the backend will be told after it was told that.
        """
        self._ended = True

    def writeConnectionLost(self) -> None:
        """
        We only ever close both ways here.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        It is over before there was a backend.
        """
        self._stopWaiting()
        self._finish(self._code or Refusal.CLIENT_LEFT.value)

    # -- the end

    def deadlinePassed(self, now: float) -> None:
        """
        For L{lbproxy.net.deadlines}: it has lived long enough.
        """
        self.close(Ending.MAX_AGE)

    def close(self, ending: Ending) -> None:
        """
        End it in peace.
        """
        if self._pipe is not None:
            self._pipe.close(ending)
        else:
            self._refuse(Refusal(ending.value))

    def abort(self, ending: Ending) -> None:
        """
        End it now.
        """
        if self._pipe is not None:
            self._pipe.abort(ending)
        else:
            self._refuse(Refusal(ending.value))

    def _refuse(self, why: Refusal, detail: str = "") -> None:
        """
        The client gets nothing but an end.
        """
        if self._code:
            return
        self._code = why.value
        self._detail = detail
        self._early.clear()
        self._stopWaiting()
        if self.transport is None:  # a TLS handshake was under way
            self._finish(self._code)
        else:
            self.transport.loseConnection()

    def _stopWaiting(self) -> None:
        busy, self._busy = self._busy, None
        if busy is not None:
            busy.cancel()

    def _piped(self, pipe: Pipe) -> None:
        lease, ending = self._lease, pipe.ending
        assert lease is not None and ending is not None
        lease.release(outcomeOf(ending), self._latency)
        self._finish(ending._value_)

    def _finish(self, code: str) -> None:
        """
        Nothing is left of it but a record.
        """
        relay, pipe = self._relay, self._pipe
        up = down = 0
        if pipe is not None:
            up, down = pipe.client.received, pipe.backend.received
        if self.deadline:
            relay.deadlines.forget(self)
        self.transport = None
        relay.closed(self, up, down)
        log, seconds = relay.log, relay.seconds
        if log is None:
            return
        lease, route = self._lease, self._route
        log(
            _newRecord(
                RelayRecord,
                (
                    self.context.clientIP,
                    relay.name,
                    "" if route is None else route.name,
                    "" if lease is None else lease.pool.name,
                    "" if lease is None else lease.backend.name,
                    up,
                    down,
                    seconds() - self._started,
                    code,
                    self._detail,
                ),
            )
        )

    @property
    def bytesUp(self) -> int:
        """
        Bytes from the client so far.
        """
        return 0 if self._pipe is None else self._pipe.client.received

    @property
    def bytesDown(self) -> int:
        """
        Bytes from the backend so far.
        """
        return 0 if self._pipe is None else self._pipe.backend.received
