"""
What was asked of a pool? Everything but its backends, its balancer and its affinity.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.breaker import BreakerSettings
from lbproxy.pool.budget import BudgetSettings
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.tiers import Spread


@dataclass(frozen=True, slots=True)
class Policy:
    """
    C{outliers} L{None}: nobody is ejected. C{breakers}: every one of them can keep work from a
    backend. C{slowStart} is in seconds, 0: everybody has its whole share at once.
    """

    spread: Spread = field(default_factory=Spread)
    queue: QueueSettings = field(default_factory=QueueSettings)
    outliers: OutlierSettings | None = None
    breakers: tuple[BreakerSettings, ...] = ()
    retries: BudgetSettings = field(default_factory=BudgetSettings)
    slowStart: float = 0.0

    def __post_init__(self) -> None:
        if self.slowStart < 0:
            raise ValueError("slowStart cannot be negative")
