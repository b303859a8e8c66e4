"""
Which processes run, on which core, and what have they cost?
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PROXY_CORE = 0
CLIENT_CORE = 1


class Server:
    """
    A process pinned to a core, with all its children.
    """

    def __init__(self, command: Sequence[str], core: int, log: Path, ports: Sequence[int]) -> None:
        self._name = command[0]
        with open(log, "wb") as out:
            self._process = subprocess.Popen(
                ["taskset", "-c", str(core), *command], stdout=out, stderr=subprocess.STDOUT
            )
        for port in ports:
            self._await(port, log)

    def _await(self, port: int, log: Path) -> None:
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self._name}: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def pids(self) -> list[int]:
        """
        The process and its descendants.
        """
        found, todo = [], [self._process.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += map(int, task.read_text().split())
        return found

    def cpuSeconds(self) -> float:
        """
        User and system time so far of all its processes, and of their children that are gone.
        """
        return sum(map(_cpuSeconds, self.pids()))

    def rss(self) -> int:
        """
        Resident bytes, shared pages counted once per process.
        """
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self) -> None:
        """
        End it, by its id.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(12)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def _cpuSeconds(pid: int) -> float:
    # clock_getcpuclockid(3): nanoseconds where /proc/PID/stat has hundredths; threads that are gone
    # are in it. Children that are gone are in /proc only.
    own = time.clock_gettime((~pid << 3) | 2)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return own + sum(map(int, fields[13:15])) / TICK


def run(command: Sequence[str], timeout: float = 120) -> str:
    """
    Run a client on its core; returns what it printed.
    """
    done = subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), *command],
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def freePorts(count: int) -> list[int]:
    """
    Ports that nobody has just now.
    """
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
