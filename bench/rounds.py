"""
Who is measured when? Rounds in which each proxy has its turn, so that what disturbs the machine
disturbs them all.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.scenario import MAIN, Ground, Running, Sample, Scenario

# Those that are only shown beside are slow, and nothing is held against them: fewer rounds will do.
_ROUNDS_BESIDE = 2


@dataclass(frozen=True)
class Outcome:
    """
    What a scenario gave: the samples of each proxy, by round.
    """

    scenario: Scenario
    samples: Mapping[str, Sequence[Sample]]


def play(ground: Ground, scenario: Scenario, running: Sequence[Running], rounds: int) -> Outcome:
    """
    Measure all that can be asked for C{scenario}.
    """
    able = [
        each
        for each in running
        if scenario.port in each.proxy.speaks and (scenario.beside or each.proxy.name in MAIN)
    ]
    measure = scenario.begin(ground, able)
    samples: dict[str, list[Sample]] = {each.proxy.name: [] for each in able}
    for number in range(min(rounds, scenario.rounds) if scenario.rounds else rounds):
        # Every other round goes the other way, so that nobody always follows the same one.
        for each in able if number % 2 == 0 else reversed(able):
            name = each.proxy.name
            if name not in MAIN and number >= _ROUNDS_BESIDE:
                continue
            samples[name].append(measure(ground, each))
        say(".")
    return Outcome(scenario, samples)


def say(text: str) -> None:
    """
    Tell whoever waits how far it is.
    """
    sys.stderr.write(text)
    sys.stderr.flush()
