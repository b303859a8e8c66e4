"""
What do all that is assembled share? One of each per process, given by whoever launches.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from lbproxy.config.configuration import Configuration
from lbproxy.health.checks import Rota
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.systemd import InheritedSockets
from lbproxy.net.udp.targets import Targets
from lbproxy.pool.registry import Registry


@dataclass(frozen=True, slots=True)
class Parts:
    """
    The surroundings of a configuration that becomes objects.
    """

    reactor: Any
    configuration: Configuration
    deadlines: Deadlines
    registry: Registry
    rota: Rota
    kernelPipes: KernelPipes
    targets: Targets
    inherited: InheritedSockets
    rng: random.Random

    @classmethod
    def make(cls, reactor: Any, configuration: Configuration) -> Parts:
        """
        Parts for one process.
        """
        rng = random.Random()
        return cls(
            reactor,
            configuration,
            Deadlines(reactor),
            Registry(),
            Rota(reactor, rng),
            KernelPipes(),
            Targets(reactor, reactor.seconds),
            InheritedSockets(),
            rng,
        )
