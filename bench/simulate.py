"""
Which balancer does what? Every one of them, in good times and in bad, beside the ideal.

    python -m bench.simulate [--picks 100000] [--publish]

Runs a hundred simulated backends for each balancer and trouble (L{bench.simulation}), counts who
moves when a backend is added or fails, and prints the tables. With C{--publish} they go into
C{docs/balancing.md}, and the pictures beside it.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from bench.simulation import BACKENDS, TROUBLES, WEIGHTS, Tally, Trouble, World
from bench.simulationpicture import drawLoad, drawMoves, drawTrouble
from lbproxy.pool.backend import BackendSpec, Health
from lbproxy.pool.balancers.names import Surroundings, balancerMaker
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, picks, spec

DOCS = Path(__file__).parent.parent / "docs"

#: In the order of the tables. C{first} needs limits and is not about spreading.
BALANCERS = (
    "roundRobin",
    "leastConnections",
    "leastTime",
    "random",
    "staticRandom",
    "sourceHash",
    "ringHash",
    "maglev",
)
HASHING = ("sourceHash", "ringHash", "maglev")

_CLIENTS = 20_000


@dataclass(frozen=True, slots=True)
class Moves:
    """
    Which part of the clients goes elsewhere, against the least possible, when one of a hundred is
    added or fails.
    """

    added: float
    failed: float


def simulate(picked: int) -> dict[str, dict[str, Tally]]:
    """
    @param picked: clients in each run.
    @return: by trouble, by balancer.
    """
    runs = [(balancer, trouble.name, picked) for trouble in TROUBLES for balancer in BALANCERS]
    found: dict[str, dict[str, Tally]] = {trouble.name: {} for trouble in TROUBLES}
    with ProcessPoolExecutor() as processes:
        for (balancer, trouble, _), tally in zip(runs, processes.map(_run, runs), strict=True):
            found[trouble][balancer] = tally
    return found


def _run(run: tuple[str, str, int]) -> Tally:
    balancer, name, picked = run
    trouble = next(trouble for trouble in TROUBLES if trouble.name == name)
    return World(balancer, trouble).run(picked)


def moves(balancer: str) -> Moves:
    """
    Count the clients of C{balancer} that move.
    """
    around = Surroundings(lambda: 0.0, random.Random(1))
    options = {"loadBound": 0} if balancer == "ringHash" else {}
    pool = Pool(
        "moving",
        _specs(BACKENDS - 1),
        balancer=balancerMaker(balancer, around, **options),
        seconds=around.seconds,
        rng=around.rng,
    )
    before = _places(pool)
    pool.replaceBackends(_specs(BACKENDS))
    after = _places(pool)
    pool.setHealth(pool.backends["b50"], Health.DOWN)
    failed = _places(pool)
    return Moves(_differing(before, after), _differing(after, failed))


def _specs(count: int) -> list[BackendSpec]:
    return [spec(f"b{number}") for number in range(count)]


def _places(pool: Pool) -> Sequence[str]:
    clients = [FakeContext(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(_CLIENTS)]
    return picks(pool, _CLIENTS, clients)


def _differing(before: Sequence[str], after: Sequence[str]) -> float:
    moved = sum(was != now for was, now in zip(before, after, strict=True))
    return moved / _CLIENTS * BACKENDS


def loads(tally: Tally) -> list[float]:
    """
    What each backend served, against its weight's share: 1 is ideal.
    """
    weights = [WEIGHTS[n // 10 % len(WEIGHTS)] for n in range(BACKENDS)]
    total = sum(tally.served.values())
    return [
        served / total / (weight / sum(weights))
        for served, weight in zip(tally.served.values(), weights, strict=True)
    ]


def troubleTable(found: dict[str, dict[str, Tally]]) -> str:
    """
    Failures and latencies, in Markdown.
    """
    titles = [f"{_titled(trouble)}" for trouble in TROUBLES]
    lines = [
        "| balancer | " + " | ".join(titles) + " |",
        "|---" * (len(TROUBLES) + 1) + "|",
    ]
    for balancer in BALANCERS:
        cells = []
        for trouble in TROUBLES:
            tally = found[trouble.name][balancer]
            cells.append(
                f"{tally.latency(0.5) * 1e3:.0f} / {tally.latency(0.99) * 1e3:.0f} ms, "
                f"{tally.failed / tally.picks:.2%}"
            )
        lines.append(f"| {balancer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def loadTable(found: dict[str, Tally]) -> str:
    """
    How even the load is, in Markdown.
    """
    lines = ["| balancer | least | most |", "|---|---|---|"]
    for balancer, tally in found.items():
        load = loads(tally)
        lines.append(f"| {balancer} | {min(load):.2f} | {max(load):.2f} |")
    return "\n".join(lines)


def movesTable(found: dict[str, Moves]) -> str:
    """
    Who moves, in Markdown.
    """
    lines = [
        "| balancer | one of a hundred is added | one of a hundred fails |",
        "|---|---|---|",
    ]
    for balancer, moved in found.items():
        lines.append(f"| {balancer} | {moved.added:.2f} | {moved.failed:.2f} |")
    return "\n".join(lines)


def _titled(trouble: Trouble) -> str:
    return f"{trouble.name}: {trouble.title}"


def publish(tables: dict[str, str], pictures: dict[str, str]) -> None:
    """
    Put the tables between their markers in C{docs/balancing.md}, and write the pictures.
    """
    page = DOCS / "balancing.md"
    text = page.read_text()
    for name, table in tables.items():
        before, begin, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        assert begin and end, f"no place for {name} in {page}"
        text = "".join((before, begin, table, "\n", end, after))
    page.write_text(text)
    for name, picture in pictures.items():
        (DOCS / f"balancing-{name}.svg").write_text(picture)


def main() -> None:
    """
    Simulate, print, and publish if asked.
    """
    parser = argparse.ArgumentParser(description="Simulate every balancer.")
    parser.add_argument("--picks", type=int, default=100_000, help="clients in each run")
    parser.add_argument("--publish", action="store_true", help="into docs/, as well")
    arguments = parser.parse_args()
    found = simulate(arguments.picks)
    moved = {balancer: moves(balancer) for balancer in HASHING}
    tables = {
        "load": loadTable(found["calm"]),
        "trouble": troubleTable(found),
        "moves": movesTable(moved),
    }
    print("\n\n".join(tables.values()))
    if arguments.publish:
        calm = {balancer: loads(tally) for balancer, tally in found["calm"].items()}
        tails = {
            _titled(trouble): {
                balancer: tally.latency(0.99) for balancer, tally in found[trouble.name].items()
            }
            for trouble in TROUBLES
        }
        shown = {balancer: (each.added, each.failed) for balancer, each in moved.items()}
        publish(
            tables,
            {"load": drawLoad(calm), "trouble": drawTrouble(tails), "moves": drawMoves(shown)},
        )


if __name__ == "__main__":
    main()
