"""
What happens to one client of a TCP listener? Routed, connected to a backend, piped, recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.errors import NoBackendAvailable, Outcome, UpstreamError
from lbproxy.l4.relayrecord import OUTCOMES, Refusal, RelayRecord
from lbproxy.l4.tcproutes import TCPRoute
from lbproxy.net.connector import Attempt
from lbproxy.net.pipe import Pipe
from lbproxy.net.pipeside import Ending
from lbproxy.pool.context import PlainContext
from lbproxy.pool.lease import Lease
from lbproxy.wire.clienthello import HelloReader, Verdict

if TYPE_CHECKING:
    from lbproxy.l4.tcprelay import TCPRelay


@implementer(IProtocol, IHalfCloseableProtocol)
class TCPConnection:
    """
    The first protocol of a client's transport: it keeps the client waiting until there is a backend
    to talk to, then a L{Pipe} takes over.

    @ivar deadline: when waiting for the hello, or the whole connection, has lasted long enough.
    """

    __slots__ = (
        "_attempt",
        "_code",
        "_detail",
        "_early",
        "_ended",
        "_latency",
        "_lease",
        "_life",
        "_pipe",
        "_reader",
        "_relay",
        "_route",
        "_started",
        "context",
        "deadline",
        "transport",
    )

    def __init__(self, relay: TCPRelay) -> None:
        self._relay = relay
        self._attempt: Attempt | None = None
        self._code = ""
        self._detail = ""
        self._early: list[bytes] = []
        self._ended = False
        self._latency = 0.0
        self._lease: Lease | None = None
        self._life = 0.0
        self._pipe: Pipe | None = None
        self._reader: HelloReader | None = None
        self._route: TCPRoute | None = None
        self.deadline = 0.0

    def makeConnection(self, transport: Any) -> None:
        """
        A client is here.
        """
        relay = self._relay
        self.transport = transport
        self._started = relay.seconds()
        self.context = PlainContext(
            getattr(transport.getPeer(), "host", ""), transport.isSecure, transport.serverName
        )
        relay.opened(self)
        if relay.checksLate and not relay.admits(self.context.clientIP):
            self._refuse(Refusal.DENIED)
            return
        if relay.settings.maxAge:
            self._life = self._started + relay.lifetime()
        route = relay.only
        if route is not None:
            self._connect(route)
        else:
            self._decide()

    def connectionMade(self) -> None:
        """
        L{makeConnection} does it all.
        """

    # -- which route

    def _decide(self) -> None:
        relay, context, transport = self._relay, self.context, self.transport
        if not relay.routes.needsHello or transport.isSecure:
            # Where TLS ends here, the handshake has told everything.
            agreed = transport.negotiatedProtocol
            self._choose(context.serverName, (agreed,) if agreed else ())
            return
        try:
            route = relay.routes.early(context.clientIP)
        except LookupError:
            self._refuse(Refusal.NO_ROUTE)
            return
        if route is not None:
            self._connect(route)
        else:
            self._reader = HelloReader()
            self._expect(relay.settings.helloTimeout)

    def _choose(self, serverName: str, alpn: tuple[bytes, ...]) -> None:
        self.context.serverName = serverName
        route = self._relay.routes.choose(self.context.clientIP, serverName, alpn)
        if route is None:
            self._refuse(Refusal.NO_ROUTE)
        else:
            self._connect(route)

    def _peek(self, data: bytes) -> None:
        reader = self._reader
        assert reader is not None
        verdict = reader.feed(data)
        if verdict is Verdict.NEED_MORE:
            return
        self._reader = None
        self._early.append(reader.peeked)
        if verdict is Verdict.MALFORMED:
            self._refuse(Refusal.BAD_HELLO, reader.reason)
            return
        hello = reader.hello
        if hello is None:
            self._choose("", ())
        else:
            self._choose(hello.serverName, hello.alpn)

    # -- to the backend

    def _connect(self, route: TCPRoute) -> None:
        self._route = route
        self.transport.pauseProducing()
        self._expect(0.0)
        attempt = route.target.connect(self.context, self)
        if self._pipe is None:
            self._attempt = attempt

    def connected(self, transport: Any, lease: Lease, latency: float) -> None:
        """
        For L{lbproxy.net.connector}: a backend answered.
        """
        relay = self._relay
        self._attempt = None
        self._lease = lease
        self._latency = latency
        self._pipe = Pipe(
            self.transport,
            transport,
            self._piped,
            relay.deadlines,
            relay.settings.idleTimeout,
            relay.kernelPipes,
        )
        early = b"".join(self._early) if self._early else b""
        self._early.clear()
        self._pipe.start(early, ended=self._ended)

    def connectFailed(self, error: UpstreamError | NoBackendAvailable) -> None:
        """
        For L{lbproxy.net.connector}: nobody answered.
        """
        self._attempt = None
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
        if self._reader is not None:
            self._peek(data)
        elif not self._code:
            self._early.append(data)

    def readConnectionLost(self) -> None:
        """
        The client has said all it had to say; the backend will be told after it was told that.
        """
        self._ended = True
        if self._reader is not None:
            self._refuse(Refusal.CLIENT_LEFT)

    def writeConnectionLost(self) -> None:
        """
        We only ever close both ways here.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        It is over before there was a backend.
        """
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        self._finish(self._code or Refusal.CLIENT_LEFT.value)

    # -- the end

    def deadlinePassed(self, now: float) -> None:
        """
        For L{lbproxy.net.deadlines}.
        """
        if self._reader is None:
            self.close(Ending.MAX_AGE)
        elif self._reader.peeked:
            self._refuse(Refusal.HELLO_TIMEOUT)
        else:
            # Where the server speaks first the client is right to wait.
            self._reader = None
            self._choose("", ())

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

    def _expect(self, timeout: float) -> None:
        """
        Wait for no longer than C{timeout} seconds, 0 for as long as it takes, nor over its life.
        """
        deadline = self._relay.seconds() + timeout if timeout else 0.0
        if self._life and (not deadline or self._life < deadline):
            deadline = self._life
        self.deadline = deadline
        if deadline:
            self._relay.deadlines.watch(self)

    def _refuse(self, why: Refusal, detail: str = "") -> None:
        """
        The client gets nothing but an end.
        """
        if self._code:
            return
        self._code = why.value
        self._detail = detail
        self._reader = None
        self._early.clear()
        attempt, self._attempt = self._attempt, None
        if attempt is not None:
            attempt.cancel()
        self.transport.loseConnection()

    def _piped(self, pipe: Pipe) -> None:
        lease, ending = self._lease, pipe.ending
        assert lease is not None and ending is not None
        lease.release(OUTCOMES[ending], self._latency)
        self._finish(ending.value)

    def _finish(self, code: str) -> None:
        """
        Nothing is left of it but a record.
        """
        relay = self._relay
        relay.deadlines.forget(self)
        self.transport = None
        relay.closed(self)
        if relay.log is not None:
            relay.log(self._record(code))

    def _record(self, code: str) -> RelayRecord:
        lease, route, context = self._lease, self._route, self.context
        return RelayRecord(
            context.clientIP,
            self._relay.name,
            "" if route is None else route.name,
            "" if lease is None else lease.pool.name,
            "" if lease is None else lease.backend.name,
            self.bytesUp,
            self.bytesDown,
            self._relay.seconds() - self._started,
            code,
            self._detail,
        )

    @property
    def bytesUp(self) -> int:
        """
        Bytes from the client so far.
        """
        return 0 if self._pipe is None else self._pipe.bytesUp

    @property
    def bytesDown(self) -> int:
        """
        Bytes from the backend so far.
        """
        return 0 if self._pipe is None else self._pipe.bytesDown
