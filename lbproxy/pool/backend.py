"""
Which server, and how is it? One backend of one pool, with its three facts and its counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lbproxy.config.address import Address

#: A limit that no count of active leases reaches.
NO_LIMIT = 1 << 62

#: Balancers see weights in hundredths, so that a weight of 1 can still start at one percent.
FULL_SHARE = 100

MAX_WEIGHT = 1000


class Health(Enum):
    """
    What active checks say. C{UNKNOWN} until the first result.
    """

    UP = "up"
    DOWN = "down"
    UNKNOWN = "unknown"


class AdminState(Enum):
    """
    What the operator says. C{DRAIN} serves only clients that already belong to the backend.
    """

    READY = "ready"
    DRAIN = "drain"
    MAINTENANCE = "maintenance"


@dataclass(frozen=True, slots=True)
class BackendSpec:
    """
    What was asked for: a backend without state.

    C{weight} is 0 to 1000 (0: only clients that belong to it), C{maxConnections} 0 for no limit,
    C{priority} 0 for the first choice and more for what stands behind it.
    """

    name: str
    address: Address
    weight: int = 1
    priority: int = 0
    maxConnections: int = 0
    zone: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.weight <= MAX_WEIGHT:
            raise ValueError(f"weight {self.weight} of {self.name}; wanted 0 to {MAX_WEIGHT}")
        if self.priority < 0 or self.maxConnections < 0:
            raise ValueError(f"priority and maxConnections of {self.name} cannot be negative")


class Backend:
    """
    One server in one pool. Two pools that name the same address have two backends.

    Who may change what: C{health} the checker, C{admin} and C{weight} the operator, C{ejected} the
    outlier detector, all through L{lbproxy.pool.pool.Pool}; the counters only leases and the pool.

    @ivar active: leases not yet released.
    @ivar total: leases ever given.
    @ivar failures: leases released with an outcome that was the backend's fault.
    @ivar limit: the number of active leases at which it counts as full, right now.
    @ivar scale: what an agent on the server makes of the weight; 1 unless it says otherwise.
    @ivar share: the weight in hundredths that counts right now; less while it starts slowly.
    @ivar reason: why its state is what it is, in words.
    """

    __slots__ = (
        "__weakref__",
        "active",
        "address",
        "admin",
        "ejected",
        "failures",
        "health",
        "limit",
        "maxConnections",
        "name",
        "pool",
        "priority",
        "reason",
        "scale",
        "share",
        "total",
        "weight",
        "zone",
    )

    def __init__(self, pool: str, spec: BackendSpec) -> None:
        self.pool = pool
        self.name = spec.name
        self.address = spec.address
        self.health = Health.UNKNOWN
        self.admin = AdminState.READY
        self.ejected = False
        self.reason = ""
        self.active = 0
        self.total = 0
        self.failures = 0
        self.scale = 1.0
        self.adopt(spec)

    def adopt(self, spec: BackendSpec) -> None:
        """
        Take over the settings of C{spec}; state and counters stay.
        """
        self.weight = spec.weight
        self.share = spec.weight * FULL_SHARE
        self.priority = spec.priority
        self.maxConnections = spec.maxConnections
        self.limit = spec.maxConnections or NO_LIMIT
        self.zone = spec.zone

    @property
    def reachable(self) -> bool:
        """
        May a client that belongs to it be sent there? True while it drains, too.
        """
        return (
            self.health is not Health.DOWN
            and self.admin is not AdminState.MAINTENANCE
            and not self.ejected
        )

    def __repr__(self) -> str:
        ejected = " ejected" if self.ejected else ""
        why = f": {self.reason}" if self.reason else ""
        return (
            f"<Backend {self.pool}/{self.name} {self.health.value} {self.admin.value}{ejected}, "
            f"{self.active} active, {self.total} total{why}>"
        )
