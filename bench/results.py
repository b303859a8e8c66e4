"""
What came of it? All raw numbers in one JSON document, and the ratios that are read from them.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.growth import Curve
from bench.rounds import Outcome
from bench.scenario import OURS, Scenario, Target

#: Between a number and what it is held against.
TIMES = "\N{MULTIPLICATION SIGN}"

FOLDER = Path(__file__).parent / "results"

#: A document as it is in the file.
Document = dict[str, Any]


def document(
    facts: Mapping[str, object], outcomes: Sequence[Outcome], curves: Sequence[Curve]
) -> Document:
    """
    All of it, as plain values. Figures are seconds or bytes.
    """
    return {
        **facts,
        "scenarios": {
            outcome.scenario.name: {
                name: [asdict(sample) for sample in samples]
                for name, samples in outcome.samples.items()
            }
            for outcome in outcomes
        },
        "growth": {curve.name: curve.costs for curve in curves},
    }


def save(found: Document) -> Path:
    """
    Write it to a file named by its date.
    """
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{found['date'].replace(':', '')}.json"
    path.write_text(json.dumps(found, indent=1) + "\n")
    return path


def load(path: Path | None = None) -> Document:
    """
    @param path: L{None} for the newest.
    """
    path = path or max(FOLDER.glob("*.json"))
    found: Document = json.loads(path.read_text())
    return found


class Figures:
    """
    What one scenario's samples say.
    """

    def __init__(self, scenario: Scenario, samples: Mapping[str, Sequence[Mapping[str, Any]]]):
        self.scenario = scenario
        self._samples = samples
        self.proxies = tuple(name for name, found in samples.items() if found)

    def values(self, proxy: str, field: str = "value") -> list[float]:
        """
        One proxy's, by round.
        """
        return [sample[field] for sample in self._samples[proxy] if sample[field] is not None]

    def median(self, proxy: str, field: str = "value") -> float | None:
        """
        L{None} where it was not measured.
        """
        found = self.values(proxy, field) if proxy in self.proxies else []
        return statistics.median(found) if found else None

    def spread(self, proxy: str) -> float:
        """
        Half the distance of the quartiles, in parts of the median.
        """
        low, middle, high = quartiles(self.values(proxy))
        return (high - low) / 2 / middle

    def ratios(self, other: str) -> list[float]:
        """
        Ours to another's, each within its round.
        """
        if other not in self.proxies or OURS not in self.proxies:
            return []
        pairs = zip(self.values(OURS), self.values(other), strict=False)
        return [ours / theirs for ours, theirs in pairs]

    def failed(self, proxy: str) -> int:
        """
        Units that went wrong, in all rounds.
        """
        return int(sum(self.values(proxy, "failed")))

    def verdict(self) -> str:
        """
        Whether the target is met; empty where there is none, or nothing to hold it against.
        """
        target = self.scenario.target
        if target is None or OURS not in self.proxies:
            return ""
        if self._within(target.dream):
            return "dream"
        return "met" if self._within(target.most) else "missed"

    def _within(self, most: Mapping[str, float]) -> bool:
        return all(self._parts(other) <= limit for other, limit in most.items())

    def _parts(self, other: str) -> float:
        if not other:
            return statistics.median(self.values(OURS)) * self.scenario.scale
        ratios = self.ratios(other)
        return statistics.median(ratios) if ratios else float("inf")


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """
    The lower one, the median and the upper one; of two values, these and what is between.
    """
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def wanted(scenario: Scenario) -> str:
    """
    The target in words.
    """
    target = scenario.target
    return "" if target is None else _inWords(scenario, target)


def _inWords(scenario: Scenario, target: Target) -> str:
    parts = [
        f"{limit:g} {TIMES} {other}" if other else f"{limit:g} {scenario.unit}"
        for other, limit in target.most.items()
    ]
    return "≤ " + ", ".join(parts)
