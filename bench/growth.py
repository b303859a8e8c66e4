"""
How does a request's cost grow with the number of connections, routes and backends, and with the
size of its body? lbproxy alone, its access log on.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import clients
from bench.processes import PROXY_CORE, Server, freePorts
from bench.rounds import say
from bench.scenario import Ground, Load
from bench.scenarios.http import browserScript

CONNECTIONS = (1, 64, 1000, 8000)
ROUTES = (1, 50, 2000)
BACKENDS = (2, 100, 5000)
BODY = "body"
BODIES = {"1k": "1 KB", "100k": "100 KB", "10m": "10 MB"}
# Seconds that it takes to open thousands of connections, on either side, and then some.
_MANY = 4.0
# As many connections as clients may ask at once: else it is the price of connecting that grows.
_IDLE = 9000


@dataclass(frozen=True)
class Step:
    """
    One point of a curve: cost at this size.

    @ivar settling: seconds until all connections are open and busy.
    """

    curve: str
    size: str
    port: int
    client: Callable[[int, float], Load]
    settling: float = 1.0


@dataclass(frozen=True)
class Curve:
    """
    @ivar costs: seconds of CPU per request for each size, one for each round.
    """

    name: str
    costs: dict[str, list[float]]


def measureGrowth(ground: Ground, rounds: int) -> list[Curve]:
    """
    Start lbproxy with all these listeners, and ask each.
    """
    folder = ground.folder / "growth"
    folder.mkdir()
    names = ["plain", *(f"r{n}" for n in ROUTES), *(f"b{n}" for n in BACKENDS)]
    ports = dict(zip(names, freePorts(len(names)), strict=True))
    path = folder / "lbproxy.yaml"
    path.write_text(_configuration(ports, ground.peers.http, folder))
    command = [sys.executable, "-m", "lbproxy.cli", "run", str(path)]
    server = Server(command, PROXY_CORE, folder / "log", list(ports.values()))
    try:
        return _measure(ground, server, _steps(folder, ports), rounds)
    finally:
        server.stop()


def _measure(ground: Ground, server: Server, steps: list[Step], rounds: int) -> list[Curve]:
    curves: dict[str, Curve] = {}
    for step in steps:
        step.client(step.port, 0.5)
        curve = curves.setdefault(step.curve, Curve(step.curve, {}))
        curve.costs[step.size] = []
    for _ in range(rounds):
        for step in steps:
            found = _marginal(server, step, ground.seconds)
            curves[step.curve].costs[step.size].append(found)
        say(".")
    return list(curves.values())


def _marginal(server: Server, step: Step, seconds: float) -> float:
    """
    CPU seconds for one more request: a short run is taken off a longer one, and with it what it
    costs to open thousands of connections.
    """
    spent, units = [], []
    for length in (step.settling, step.settling + max(1.0, seconds)):
        before = server.cpuSeconds()
        units.append(step.client(step.port, length).units)
        spent.append(server.cpuSeconds() - before)
    return (spent[1] - spent[0]) / (units[1] - units[0])


def _steps(folder: Path, ports: dict[str, int]) -> list[Step]:
    def busy(count: int) -> Callable[[int, float], Load]:
        return lambda port, seconds: clients.wrk(f"http://127.0.0.1:{port}/", seconds, count)

    def routed(hosts: int) -> Callable[[int, float], Load]:
        def ask(port: int, seconds: float) -> Load:
            script = browserScript(folder, port, hosts)
            return clients.wrk(f"http://127.0.0.1:{port}/p/", seconds, script=str(script))

        return ask

    def body(name: str) -> Callable[[int, float], Load]:
        return lambda port, seconds: clients.wrk(f"http://127.0.0.1:{port}/{name}", seconds, 16)

    plain = ports["plain"]
    return [
        *(
            Step("connections", f"{n:,}", plain, busy(n), _MANY if n > 1000 else 1.0)
            for n in CONNECTIONS
        ),
        *(Step("routes", f"{n:,}", ports[f"r{n}"], routed(n)) for n in ROUTES),
        *(Step("backends", f"{n:,}", ports[f"b{n}"], busy(64)) for n in BACKENDS),
        *(Step(BODY, BODIES[name], plain, body(name)) for name in BODIES),
    ]


def _configuration(ports: dict[str, int], backend: int, folder: Path) -> str:
    log = f"accessLog: {{format: combined, file: {folder}/access.log}}"
    lines = ["listeners:"]
    for name, port in ports.items():
        lines += [f"  {name}:", f'    bind: "127.0.0.1:{port}"', "    protocol: http", f"    {log}"]
        if name.startswith("r"):
            lines.append("    routes:")
            lines += [
                f'      - {{match: {{host: "h{n}.example", pathPrefix: /p/}}, pool: web}}'
                for n in range(int(name[1:]))
            ]
        else:
            lines.append(f"    pool: {name if name.startswith('b') else 'web'}")
    address = f"127.0.0.1:{backend}"
    keep = f"keepAlive: {{idlePerBackend: {_IDLE}}}"
    lines += ["pools:", f'  web: {{backends: ["{address}"], {keep}}}']
    for count in BACKENDS:
        lines += [f"  b{count}:", "    backends:"]
        lines += [f'      - {{name: n{n}, address: "{address}"}}' for n in range(count)]
    return "\n".join(lines) + "\n"
