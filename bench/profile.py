"""
Where does the time go? System calls per unit, and the functions that take most of the time, for one
scenario: C{python -m bench.profile [SCENARIO] [--proxy nginx]}, or C{make profile}.

Python's part comes from py-spy where it is installed (it looks from outside, and slows nothing),
else from cProfile, which makes calls look dearer than they are.
"""

from __future__ import annotations

import argparse
import collections
import os
import pstats
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.__main__ import prepared
from bench.processes import CLIENT_CORE
from bench.proxies import Proxy, available
from bench.scenario import OURS, Ground, Measure, Running, Scenario
from bench.scenarios import ALL
from bench.table import table
from bench.tools import NEEDED, ToolMissing, requireCores, requireTools

_TOP = 30


def main() -> None:
    """
    Print both tables.
    """
    names = [each.name for each in ALL]
    parser = argparse.ArgumentParser(prog="bench.profile", description=__doc__)
    parser.add_argument("scenario", nargs="?", choices=names, default="httpKeepAlive")
    parser.add_argument("--proxy", default=OURS, help="another one's system calls")
    parser.add_argument("--seconds", type=float, default=3.0)
    asked = parser.parse_args()
    try:
        requireCores()
        requireTools([*NEEDED, "strace"])
    except ToolMissing as problem:
        sys.exit(f"bench: {problem}")
    os.sched_setaffinity(0, {CLIENT_CORE})
    scenario = ALL[names.index(asked.scenario)]
    proxy = next(each for each in available() if each.name == asked.proxy)
    with prepared(asked.seconds) as ground:
        print(f"{proxy.name}, {scenario.title}\n")
        print(systemCalls(ground, scenario, proxy), "\n")
        if proxy.name == OURS:
            print(functions(ground, scenario, proxy))


def _started(ground: Ground, scenario: Scenario, proxy: Proxy) -> tuple[Running, Measure]:
    running = ground.start(proxy)
    return running, scenario.begin(ground, [running])


# System calls


def systemCalls(ground: Ground, scenario: Scenario, proxy: Proxy) -> str:
    """
    A table of system calls per unit; tracing slows the proxy, but it makes the same calls.
    """
    running, measure = _started(ground, scenario, proxy)
    report = ground.folder / "strace"
    command = ["strace", "-c", "-f", "-o", str(report)]
    for pid in running.server.pids():
        command += ["-p", str(pid)]
    strace = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        sample = measure(ground, running)
    finally:
        strace.send_signal(signal.SIGINT)
        strace.wait(20)
        running.server.stop()
    assert sample.rate is not None
    return _callTable(report.read_text(), sample.rate * ground.seconds)


def _callTable(report: str, units: float) -> str:
    rows = []
    for line in report.splitlines():
        fields = line.split()
        if len(fields) >= 5 and fields[3].isdigit() and fields[-1] != "total":
            calls, errors = int(fields[3]), int(fields[4]) if len(fields) > 5 else 0
            if calls / units >= 0.005:
                rows.append([fields[-1], f"{calls / units:.2f}", f"{errors / units:.2f}"])
    rows.sort(key=lambda row: -float(row[1]))
    return table(["system call", "per unit", "in vain"], rows)


# Functions


def functions(ground: Ground, scenario: Scenario, proxy: Proxy) -> str:
    """
    A table of the functions in which most time is spent.
    """
    spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if spy is not None:
        return _spied(ground, scenario, proxy, spy)
    return "py-spy is missing (pip install py-spy): with cProfile\n\n" + _traced(
        ground, scenario, proxy
    )


def _spied(ground: Ground, scenario: Scenario, proxy: Proxy, spy: str) -> str:
    running, measure = _started(ground, scenario, proxy)
    report = ground.folder / "stacks"
    command = [spy, "record", "-p", str(running.server.pids()[0]), "-o", str(report)]
    command += ["-d", str(round(ground.seconds)), "-r", "400", "-f", "raw", "--nonblocking"]
    watching = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        measure(ground, running)
        watching.wait(60)
    finally:
        running.server.stop()
    return _stackTable(report.read_text().splitlines())


def _stackTable(lines: Sequence[str]) -> str:
    """
    @param lines: C{frame;frame;frame count} each, the innermost last.
    """
    own: collections.Counter[str] = collections.Counter()
    cumulative: collections.Counter[str] = collections.Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        # Without the line within the function.
        frames = [frame.rpartition(":")[0] for frame in stack.split(";")]
        own[frames[-1]] += int(count)
        for frame in set(frames):
            cumulative[frame] += int(count)
    total = sum(own.values())
    rows = [
        [f"`{frame}`", f"{count / total:.1%}", f"{cumulative[frame] / total:.1%}"]
        for frame, count in own.most_common(_TOP)
    ]
    return table(["function", "itself", "with callees"], rows)


def _traced(ground: Ground, scenario: Scenario, proxy: Proxy) -> str:
    stats = ground.folder / "stats"

    def configure(*arguments: object) -> list[str]:
        python, *command = proxy.configure(*arguments)  # type: ignore[arg-type]
        return [python, "-m", "cProfile", "-o", str(stats), *command]

    running, measure = _started(ground, scenario, replace(proxy, configure=configure))
    try:
        sample = measure(ground, running)
    finally:
        running.server.stop()
    assert sample.rate is not None
    return _profileTable(pstats.Stats(str(stats)))


def _profileTable(stats: pstats.Stats) -> str:
    found = stats.get_stats_profile().func_profiles
    total = stats.get_stats_profile().total_tt
    rows = [
        [
            f"`{name} ({profile.file_name}:{profile.line_number})`",
            f"{profile.tottime / total:.1%}",
            f"{profile.cumtime / total:.1%}",
        ]
        for name, profile in sorted(found.items(), key=lambda item: -item[1].tottime)[:_TOP]
    ]
    return table(["function", "itself", "with callees"], rows)


if __name__ == "__main__":
    main()
