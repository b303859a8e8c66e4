"""
How much, how fast, how long? Limits and timeouts of listeners and routes.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from lbproxy.config.contextkey import CLIENT_IP, ContextKey, ContextKeyKind
from lbproxy.config.kinds import Whole
from lbproxy.config.model import Model, OneOrMany
from lbproxy.config.units import (
    Bool,
    Duration,
    Peer,
    Positive,
    PositiveDuration,
    Size,
    SizeKind,
)


class RateLimit(Model):
    """
    A token bucket per key.
    """

    requests: Positive = Field(description="How many per C{per}; tcp: connections.")
    per: PositiveDuration = Field(default=1.0, description="The time in which they may come.")
    burst: Annotated[int, Whole(0)] = Field(
        default=0, description="How many may come at once; 0: as many as C{requests}."
    )
    key: Annotated[ContextKey, ContextKeyKind()] = Field(
        default=CLIENT_IP, description="Each value of it has a bucket of its own."
    )
    shared: Bool = Field(default=False, description="One bucket for all workers and nodes.")

    @model_validator(mode="after")
    def _normalise(self) -> RateLimit:
        self.__dict__["burst"] = self.burst or self.requests
        return self


class HTTPLimits(Model):
    """
    How large a request may be.
    """

    requestLine: Annotated[int, SizeKind(64)] = Field(
        default=8192, description="Method, target and version; over it: 414."
    )
    headers: Annotated[int, SizeKind(64)] = Field(
        default=32768, description="All header lines together; over it: 431."
    )
    headerCount: Positive = Field(default=100, description="Header lines; over it: 431.")
    body: Size = Field(default=0, description="The request's body; over it: 413; 0: no limit.")
    lag: Duration = Field(
        default=1.0,
        description="While the loop is that late new requests are answered 503; 0: never.",
    )


class HTTPTimeouts(Model):
    """
    How long a client of an http listener may take.
    """

    tlsHandshake: Duration = Field(
        default=10.0, description="From the accept to the end of TLS's start."
    )
    requestHead: Duration = Field(
        default=10.0, description="From a request's first byte to the end of its head."
    )
    keepAlive: Duration = Field(default=60.0, description="Between two requests.")
    body: Duration = Field(
        default=30.0, description="Between two reads of a body, never the total."
    )
    idle: Duration = Field(default=300.0, description="No byte in either direction; 0: never.")


class TCPTimeouts(Model):
    """
    How long a tcp relay waits.
    """

    tlsHandshake: Duration = Field(
        default=10.0,
        description="From the accept to the end of TLS's start, or of the peeked ClientHello.",
    )
    connect: Duration = Field(default=5.0, description="Until a backend has answered.")
    idle: Duration = Field(default=0.0, description="No byte in either direction; 0: never.")


class Bandwidth(Model):
    """
    Bytes per second; 0: no limit.
    """

    up: Size = Field(default=0, description="From the client to the backend, bytes per second.")
    down: Size = Field(default=0, description="From the backend to the client, bytes per second.")


class ProxyProtocol(Model):
    """
    The PROXY protocol, v1 or v2, as it comes in.
    """

    from_: OneOrMany[Peer] = Field(
        alias="from", min_length=1, description="The only peers whose header is read."
    )
    required: Bool = Field(default=True, description="Whether a connection without one is closed.")
