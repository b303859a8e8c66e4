"""
How long does the slowest of a hundred requests take when a thousand clients are there, and the
proxy is busy but not overloaded?
"""

from __future__ import annotations

from collections.abc import Sequence

from bench import clients
from bench.scenario import Ground, Measure, Running, Sample, Scenario, Target

_CLIENTS = 1000
# Of what the slowest of the proxies can do: all get the same rate.
_LOAD = 0.7


def _begin(ground: Ground, running: Sequence[Running]) -> Measure:
    capacities = [_capacity(each.ports.http) for each in running]
    rate = _LOAD * min(capacities)

    def measure(ground: Ground, running: Running) -> Sample:
        url = f"http://127.0.0.1:{running.ports.http}/"
        log = ground.folder / "h2load.log"
        load = clients.h2load(url, ground.seconds, _CLIENTS, rate, log)
        assert load.p99 is not None
        return Sample(
            load.p99,
            load.units / load.seconds,
            load.p50,
            load.p99,
            running.server.rss(),
            load.failed,
        )

    return measure


def _capacity(port: int) -> float:
    """
    Requests per second; a quiet second counts more than a disturbed one.
    """
    url = f"http://127.0.0.1:{port}/"
    loads = [clients.wrk(url, 1, _CLIENTS) for _ in range(3)]
    return max(load.units / load.seconds for load in loads)


SCENARIO = Scenario(
    "latency",
    "1 000 clients at 70 % load: p99",
    "http",
    "ms",
    1e3,
    _begin,
    Target({"nginx": 1.5}, {"nginx": 1.0}),
    beside=False,  # the rate is more than the others can bear
)
