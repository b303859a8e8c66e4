"""
Who does the work? Pools and their backends.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from lbproxy.config.affinity import Affinity
from lbproxy.config.balance import Balance, Balancing
from lbproxy.config.discovery import Discover
from lbproxy.config.healthcheck import HealthCheck, Import
from lbproxy.config.kinds import Before, Text, Whole, Word
from lbproxy.config.model import Model, OneOrMany, keyed, switch
from lbproxy.config.resilience import CircuitBreaker, Hedge, OutlierDetection, Queue, Retries
from lbproxy.config.tls import BackendTLS
from lbproxy.config.units import Duration, Number, PeerAddress, Percent, String

BackendName = Annotated[str, Text(r"[^\s\x00-\x1f\x7f,\"]{0,255}", "a name without spaces")]


class Backend(Model):
    """
    One server; a bare address is short for C{{address: ADDRESS}}.

    @ivar name: never empty once validated.
    """

    address: PeerAddress = Field(description="Where it is.")
    name: BackendName = Field(
        default="", description="What logs and API call it; default: the address."
    )
    weight: Annotated[int, Whole(0, 1000)] = Field(
        default=1, description="Its share; 0: no new work, but its affinity clients."
    )
    priority: Annotated[int, Whole(0, 100)] = Field(
        default=0, description="1 and above: only when all of the lower ones are down."
    )
    maxConnections: Number = Field(default=0, description="At once; 0: no limit.")
    zone: String = Field(default="", description="Where it stands; near ones are preferred.")

    @model_validator(mode="after")
    def _normalise(self) -> Backend:
        self.__dict__["name"] = self.name or str(self.address)
        return self


class PoolTimeouts(Model):
    """
    How long a backend may take.
    """

    connect: Duration = Field(default=3.0, description="Until it is connected, TLS included.")
    responseHead: Duration = Field(
        default=60.0, description="From the request to the response's head."
    )
    idle: Duration = Field(default=60.0, description="Between two reads of a response's body.")


class KeepAlive(Model):
    """
    Idle connections to backends.
    """

    idlePerBackend: Number = Field(default=64, description="How many are kept; 0: none.")
    idleTimeout: Duration = Field(default=60.0, description="How long.")
    maxRequests: Number = Field(
        default=0, description="Requests after which one is closed; 0: no limit."
    )


def _switchWord(value: Any) -> Any:
    return "off" if value is False else value


class Pool(Model):
    """
    A named set of backends with its policy.
    """

    balance: Balancing = Field(default=Balance(), description="Who is next.")
    affinity: Affinity | None = Field(default=None, description="Who comes back to whom.")
    healthCheck: OneOrMany[HealthCheck] = Field(
        default=(), description="One check or a list: all pass."
    )
    outlierDetection: Annotated[OutlierDetection | None, Before(switch)] = Field(
        default=None, description="Eject by what traffic shows; absent: off."
    )
    retries: Retries = Field(default=Retries(), description="Further attempts.")
    hedge: Annotated[Hedge | None, Before(switch)] = Field(
        default=None, description="A second attempt beside a slow first; absent: off."
    )
    circuitBreaker: Annotated[CircuitBreaker | None, Before(switch)] = Field(
        default=None, description="Leave a failing backend alone; absent: off."
    )
    panic: Percent = Field(
        default=0.0, description="Below this share available use all; 0: answer 503."
    )
    slowStart: Duration = Field(
        default=0.0, description="A returned backend's weight grows; 0: at once."
    )
    zone: String = Field(default="", description="Our own zone: backends of it are preferred.")
    queue: Queue = Field(default=Queue(), description="Where work waits.")
    wake: Import | None = Field(default=None, description="Called when there is no backend at all.")
    timeouts: PoolTimeouts = Field(
        default=PoolTimeouts(), description="How long a backend may take."
    )
    keepAlive: KeepAlive = Field(default=KeepAlive(), description="Idle connections.")
    protocol: Annotated[Literal["http1", "h2", "h2c"], Word("protocol")] = Field(
        default="http1", description="Towards the backends of http listeners."
    )
    tls: Annotated[BackendTLS | None, Before(switch)] = Field(
        default=None, description="TLS towards the backends; absent: plain."
    )
    sendProxyProtocol: Annotated[
        Literal["off", "v1", "v2"], Word("PROXY version"), Before(_switchWord)
    ] = Field(default="off", description="A PROXY header to the backends: off, v1 or v2.")
    discover: Discover | None = Field(default=None, description="Where backends are found.")
    backends: tuple[Annotated[Backend, keyed("address")], ...] = Field(
        default=(), description="The backends: addresses or mappings."
    )
