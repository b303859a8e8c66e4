"""
What is bound, and what is spoken there? The three kinds of listeners.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, model_validator

from lbproxy.config.kinds import Before, FilePath, Kind, Whole, Word, asText
from lbproxy.config.limits import (
    Bandwidth,
    HTTPLimits,
    HTTPTimeouts,
    ProxyProtocol,
    RateLimit,
    TCPTimeouts,
)
from lbproxy.config.model import Model, Name, OneOrMany, keyed, switch
from lbproxy.config.route import HTTPRoute, TCPRoute, UDPRoute
from lbproxy.config.socketoptions import SocketOptions
from lbproxy.config.supported import isSupported
from lbproxy.config.tls import ListenerTLS, Path, StreamTLS
from lbproxy.config.units import (
    BindAddress,
    Bool,
    Duration,
    Network,
    Number,
    Peer,
    Positive,
    PositiveDuration,
)
from lbproxy.config.words import quoted


class LogFile(FilePath):
    """
    A path, or C{-}: the process's own output.
    """

    def parse(self, value: object) -> object:
        return "-" if value == "-" else super().parse(value)


class AccessLog(Model):
    """
    A line for each exchange, relay or session.
    """

    format: Annotated[Literal["combined", "json", "off"], Word("format")] = Field(
        default="combined", description="combined, json or off."
    )
    file: Annotated[str, LogFile()] = Field(
        default="-", description='A file, reopened on SIGUSR1; "-": the standard output.'
    )


def _accessLog(value: Any) -> Any:
    return "off" if value is False else value


Log = Annotated[AccessLog, keyed("format"), Before(_accessLog)]


class HTTP2(Model):
    """
    HTTP/2 towards clients.
    """

    maxConcurrentStreams: Positive = Field(default=128, description="Per connection.")


class StatusKey(Kind):
    """
    A status that has an error page.
    """

    def parse(self, value: object) -> object:
        text = str(value) if type(value) is int else asText(value)
        if len(text) == 3 and text.isascii() and text.isdigit() and "400" <= text <= "599":
            return int(text)
        raise ValueError(f'{quoted(text)} has no error page; wanted a status from "400" to "599"')


class BaseListener(Model):
    """
    What all listeners have.
    """

    bind: OneOrMany[BindAddress] = Field(min_length=1, description="One address or a list.")
    proxyProtocol: ProxyProtocol | None = Field(
        default=None, description="Accept a PROXY v1 or v2 header before all else."
    )
    allow: OneOrMany[Network] = Field(default=(), description="Who may come; none given: everyone.")
    deny: OneOrMany[Network] = Field(default=(), description="Who may not, even if allowed.")
    maxConnections: Number = Field(
        default=0, description="Over it new connections wait in the kernel's backlog; 0: no limit."
    )
    maxConnectionsPerIP: Number = Field(
        default=0, description="Over it closed at once (tcp) or 429 (http); 0: no limit."
    )
    rateLimit: RateLimit | None = Field(
        default=None, description="http: 429; tcp: connections; udp: sessions."
    )
    socket: SocketOptions = Field(
        default=SocketOptions(), description="Options of the bound socket."
    )
    pool: Name | None = Field(default=None, description="Short for C{routes: [{pool: NAME}]}.")

    @model_validator(mode="after")
    def _normalise(self) -> BaseListener:
        routes = getattr(self, "routes")  # noqa: B009 - each kind has its own type of routes
        if self.pool and routes:
            raise ValueError("pool and routes exclude each other; wanted one of them")
        if self.pool:
            kind = ROUTES[getattr(self, "protocol")]  # noqa: B009
            self.__dict__["routes"] = (kind(pool=self.pool),)
        return self


class HTTPListener(BaseListener):
    """
    Speaks HTTP.
    """

    protocol: Literal["http"] = Field(description="What is spoken: http, tcp or udp.")
    tls: ListenerTLS | None = Field(default=None, description="End TLS here; absent: plain.")
    http2: Annotated[HTTP2 | None, Before(switch)] = Field(
        default=HTTP2() if isSupported("listeners.*.http2") else None,
        description="HTTP/2 where ALPN says h2; false turns it off.",
    )
    http3: Bool = Field(default=False, description="QUIC on the same port, advertised by Alt-Svc.")
    trustedProxies: OneOrMany[Peer] = Field(
        default=(), description="Whose Forwarded and X-Forwarded-* are believed, right to left."
    )
    limits: HTTPLimits = Field(default=HTTPLimits(), description="How large a request may be.")
    timeouts: HTTPTimeouts = Field(
        default=HTTPTimeouts(), description="How long a client may take."
    )
    accessLog: Log = Field(default=AccessLog(), description="A line for each exchange.")
    routes: tuple[HTTPRoute, ...] = Field(
        default=(), description="The first that matches wins; none matches: 404."
    )
    errorPages: Mapping[Annotated[int, StatusKey()], Path] = Field(
        default={}, description="Files for answers that lbproxy makes itself, by status."
    )
    explain: Bool = Field(
        default=False, description="Whether X-LB-Explain requests an account of the choice."
    )


class TCPListener(BaseListener):
    """
    Relays byte streams.
    """

    protocol: Literal["tcp"] = Field(description="What is spoken: http, tcp or udp.")
    tls: StreamTLS | None = Field(
        default=None, description="End TLS here; absent: bytes as they come."
    )
    timeouts: TCPTimeouts = Field(default=TCPTimeouts(), description="How long a relay waits.")
    accessLog: Log = Field(default=AccessLog(format="off"), description="A line for each relay.")
    maxAge: Duration = Field(
        default=0.0, description="A connection's whole life, with up to 10% jitter; 0: no end."
    )
    bandwidth: Bandwidth = Field(default=Bandwidth(), description="Per connection.")
    totalBandwidth: Bandwidth = Field(default=Bandwidth(), description="All connections together.")
    transparent: Bool = Field(
        default=False, description="The backend sees the client's address (IP_TRANSPARENT)."
    )
    routes: tuple[TCPRoute, ...] = Field(
        default=(), description="The first that matches wins; none matches: closed."
    )


class UDPOptions(Model):
    """
    Sessions of a udp listener.
    """

    idleTimeout: PositiveDuration = Field(
        default=30.0, description="A session without a datagram ends."
    )
    responses: Number = Field(
        default=0, description="Answers after which a session ends; 0: no such end."
    )
    maxSessions: Annotated[int, Whole(1, 1_000_000)] = Field(
        default=65536, description="Over it the one that was idle longest goes."
    )
    perDatagram: Bool = Field(default=False, description="Balance each datagram on its own.")


class UDPListener(BaseListener):
    """
    Relays datagrams.
    """

    protocol: Literal["udp"] = Field(description="What is spoken: http, tcp or udp.")
    udp: UDPOptions = Field(default=UDPOptions(), description="Sessions.")
    accessLog: Log = Field(default=AccessLog(format="off"), description="A line for each session.")
    transparent: Bool = Field(
        default=False, description="The backend sees the client's address (IP_TRANSPARENT)."
    )
    routes: tuple[UDPRoute, ...] = Field(
        default=(), description="The first that matches wins; none matches: dropped."
    )


ROUTES = {"http": HTTPRoute, "tcp": TCPRoute, "udp": UDPRoute}

Listener = Annotated[HTTPListener | TCPListener | UDPListener, Discriminator("protocol")]
