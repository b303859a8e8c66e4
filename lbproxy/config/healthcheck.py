"""
How is a backend asked whether it is well? Health checks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, model_validator

from lbproxy.config.edit import HeaderKey, HeaderTemplate
from lbproxy.config.kinds import Text, Whole, Word
from lbproxy.config.match import AbsolutePath, Method
from lbproxy.config.model import Model, OneOrMany, exactlyOne
from lbproxy.config.payload import Payload, Status, StatusRange
from lbproxy.config.regex import CheckPattern
from lbproxy.config.units import Bool, Duration, Percent, PositiveDuration, String

PROBES = (
    "http",
    "tcp",
    "udp",
    "tls",
    "grpc",
    "redis",
    "postgres",
    "mysql",
    "smtp",
    "agent",
    "python",
)
Import = Annotated[str, Text(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", '"package.module:Class"')]


class HTTPCheck(Model):
    """
    A request and what its answer must be; redirects are not followed.
    """

    path: AbsolutePath = Field(default="/healthz", description="The target.")
    method: Method = Field(default="GET", description="The method.")
    host: String = Field(default="", description="The Host header; empty: the backend's address.")
    headers: Mapping[HeaderKey, HeaderTemplate] = Field(default={}, description="Further headers.")
    expectStatus: OneOrMany[Status] = Field(
        default=(StatusRange(200, 399),), min_length=1, description="Any of these statuses."
    )
    expectBody: String = Field(default="", description="Text that the body holds; empty: any body.")
    expectBodyRegex: CheckPattern = Field(default="", description="What is found in the body.")
    tls: Annotated[Literal["auto", True, False], Word("choice")] = Field(
        default="auto", description="auto: if the pool has C{tls}."
    )


class TCPCheck(Model):
    """
    A connection, and what is said on it.
    """

    send: Payload = Field(default=b"", description="Sent first: a text, {hex: …} or {base64: …}.")
    expect: Payload = Field(
        default=b"", description="Found in what comes; empty: connecting is enough."
    )
    expectRegex: CheckPattern = Field(
        default="", description="Found in what comes, as a regular expression."
    )
    tls: Bool = Field(default=False, description="Speak TLS, as the pool's C{tls} says.")


class UDPCheck(Model):
    """
    A datagram and its answer; a refusal by ICMP is a failure.
    """

    send: Payload = Field(default=b"", description="The datagram: a text, {hex: …} or {base64: …}.")
    expect: Payload = Field(
        default=b"", description="Found in the answer; empty: any answer, and none is no failure."
    )
    expectRegex: CheckPattern = Field(
        default="", description="Found in the answer, as a regular expression."
    )
    dns: String = Field(
        default="", description="Instead: ask for this name; any DNS answer is good."
    )


class TLSCheck(Model):
    """
    A handshake; name and dates of the certificate are checked as the pool's C{tls} says.
    """

    expiresIn: Duration = Field(default=0.0, description="Fail if the certificate ends so soon.")


class GRPCCheck(Model):
    """
    The gRPC health protocol.
    """

    service: String = Field(
        default="", description="Which service is asked for; empty: the server."
    )


class RedisCheck(Model):
    """
    PING, after AUTH where there is a password.
    """

    password: String = Field(default="", repr=False, description="For AUTH; empty: none.")
    role: Annotated[Literal["", "master", "replica"], Word("role")] = Field(
        default="", description="The role it must have; empty: any."
    )


class PostgresCheck(Model):
    """
    The start of a session, as far as it goes without a password.
    """

    user: String = Field(default="lbproxy", description="The user named.")
    database: String = Field(default="", description="The database named; empty: the user's.")
    role: Annotated[Literal["", "primary", "replica"], Word("role")] = Field(
        default="", description="The role it must have; empty: any."
    )


class MySQLCheck(Model):
    """
    The server's greeting.
    """


class SMTPCheck(Model):
    """
    The server's greeting and its answer to EHLO.
    """

    hello: String = Field(default="lbproxy", description="The name that EHLO says.")


class AgentCheck(Model):
    """
    A line by HAProxy's agent: weight, up, down, ready, drain, maint.
    """

    send: Payload = Field(default=b"", description="Sent first.")


class HealthCheck(Model):
    """
    Exactly one probe, and when it runs.
    """

    http: HTTPCheck | None = Field(default=None, description="A request.")
    tcp: TCPCheck | None = Field(default=None, description="A connection.")
    udp: UDPCheck | None = Field(default=None, description="A datagram.")
    tls: TLSCheck | None = Field(default=None, description="A handshake.")
    grpc: GRPCCheck | None = Field(default=None, description="gRPC's health protocol.")
    redis: RedisCheck | None = Field(default=None, description="Redis.")
    postgres: PostgresCheck | None = Field(default=None, description="PostgreSQL.")
    mysql: MySQLCheck | None = Field(default=None, description="MySQL.")
    smtp: SMTPCheck | None = Field(default=None, description="SMTP.")
    agent: AgentCheck | None = Field(default=None, description="An agent beside the backend.")
    python: Import | None = Field(default=None, description="A probe of your own.")
    port: Annotated[int, Whole(0, 65535)] = Field(default=0, description="0: the backend's own.")
    host: String = Field(default="", description="Another host to ask; empty: the backend's own.")
    interval: PositiveDuration = Field(default=2.0, description="Between two checks.")
    timeout: PositiveDuration = Field(default=1.0, description="Until a check has passed.")
    rise: Annotated[int, Whole(1, 1000)] = Field(
        default=2, description="Passes in a row that bring it up."
    )
    fall: Annotated[int, Whole(1, 1000)] = Field(
        default=3, description="Failures in a row that take it down."
    )
    fastInterval: Duration = Field(
        default=0.0, description="While a state changes; 0: C{interval}."
    )
    downInterval: Duration = Field(default=0.0, description="While down; 0: C{interval}.")
    jitter: Percent = Field(default=0.1, description="How much an interval varies at random.")

    @model_validator(mode="after")
    def _check(self) -> HealthCheck:
        exactlyOne(self, "probe", *PROBES)
        return self
