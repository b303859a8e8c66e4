"""
What is measured? A scenario, its figure, and what is wanted of it.
"""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.peers import Peers
from bench.processes import Server
from bench.proxies import Ports, Proxy

#: The proxies that every scenario has, and against which ours is held.
OURS, NGINX, HAPROXY = "lbproxy", "nginx", "haproxy"
MAIN = (OURS, NGINX, HAPROXY)


@dataclass(frozen=True, slots=True)
class Load:
    """
    What a client got done.

    @ivar units: requests, connections, answers or gigabytes.
    @ivar p50: seconds.
    @ivar p99: seconds.
    @ivar failed: units that went wrong.
    """

    units: float
    seconds: float
    p50: float | None = None
    p99: float | None = None
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """
    One measurement of one proxy.

    @ivar value: the scenario's figure: seconds (of CPU time or latency) or bytes.
    @ivar rate: units per second.
    @ivar rss: resident bytes of the proxy after it.
    """

    value: float
    rate: float | None
    p50: float | None
    p99: float | None
    rss: int
    failed: int = 0


@dataclass(frozen=True)
class Ground:
    """
    Where it happens.

    @ivar seconds: how long one measurement takes.
    """

    folder: Path
    peers: Peers
    seconds: float
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def start(self, proxy: Proxy) -> Running:
        """
        Start C{proxy}, with files of its own.
        """
        folder = self.folder / f"{proxy.name}-{next(self._numbers)}"
        folder.mkdir()
        for name in ("edge.pem", "edge.key"):
            shutil.copy(self.folder / name, folder)
        server, ports = proxy.start(folder, self.peers)
        return Running(proxy, server, ports)


@dataclass(frozen=True)
class Running:
    """
    A proxy at work.
    """

    proxy: Proxy
    server: Server
    ports: Ports


Client = Callable[[Ground, int, float], Load]
Measure = Callable[[Ground, Running], Sample]


@dataclass(frozen=True)
class Target:
    """
    What is wanted: at most so many parts of another proxy's figure. The name C{""} stands for a
    figure by itself.
    """

    most: Mapping[str, float]
    dream: Mapping[str, float]


@dataclass(frozen=True)
class Scenario:
    """
    @ivar port: the field of L{Ports} that it is about.
    @ivar unit: of the figure as shown, which is the sample's value times C{scale}.
    @ivar begin: looks at all proxies that run, and gives what measures one of them.
    @ivar rounds: at most so many, where more would tell nothing new; 0: as many as asked for.
    @ivar beside: whether other proxies than the three take part.
    """

    name: str
    title: str
    port: str
    unit: str
    scale: float
    begin: Callable[[Ground, Sequence[Running]], Measure]
    target: Target | None = None
    rounds: int = 0
    beside: bool = True


def cost(port: str, client: Client) -> Callable[[Ground, Sequence[Running]], Measure]:
    """
    CPU time per unit while C{client} is busy at C{port}.
    """

    def measure(ground: Ground, running: Running) -> Sample:
        server = running.server
        number = getattr(running.ports, port)
        before = server.cpuSeconds()
        load = client(ground, number, ground.seconds)
        time.sleep(0.05)  # the last log lines
        spent = server.cpuSeconds() - before
        if not load.units:
            raise RuntimeError(f"{running.proxy.name}: nothing came through")
        return Sample(
            spent / load.units,
            load.units / load.seconds,
            load.p50,
            load.p99,
            server.rss(),
            load.failed,
        )

    def begin(ground: Ground, running: Sequence[Running]) -> Measure:
        for each in running:  # connections to backends, branch predictors, memos
            client(ground, getattr(each.ports, port), min(0.5, ground.seconds))
        return measure

    return begin
