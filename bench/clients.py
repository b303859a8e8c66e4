"""
How are the proxies kept busy? The clients, and what they report.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.processes import run
from bench.scenario import Load

_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
# What a shared machine does to the first moments of a run with many connections.
_UNSETTLED = 0.4


def wrk(
    url: str, seconds: float, connections: int = 64, more: Sequence[str] = (), script: str = ""
) -> Load:
    """
    Closed loop: each connection asks again when it was answered.

    @param more: further arguments, such as header fields.
    @param script: a Lua file.
    """
    command = ["wrk", "-t1", f"-c{connections}", f"-d{_whole(seconds)}s", "--latency"]
    command += ["--timeout", "20", *more]
    if script:
        command += ["-s", script]
    said = run([*command, url])
    found = re.search(r"(\d+) requests in ([\d.]+)(ms|s|m)", said)
    if found is None:
        raise RuntimeError(said)
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    failed = sum(map(int, errors.groups())) if errors else 0
    return Load(
        int(found[1]),
        float(found[2]) * _UNITS[found[3]],
        _percentile(said, 50),
        _percentile(said, 99),
        failed + (int(refused[1]) if refused else 0),
    )


def _whole(seconds: float) -> str:
    # wrk and iperf3 count whole ones.
    return str(max(1, round(seconds)))


def _percentile(said: str, which: int) -> float:
    found = re.search(rf"^\s+{which}%\s+([\d.]+)(us|ms|s|m)$", said, re.MULTILINE)
    return float(found[1]) * _UNITS[found[2]] if found else 0.0


def h2load(url: str, seconds: float, clients: int, rate: float, log: Path) -> Load:
    """
    Open loop over HTTP/1.1: C{clients} ask C{rate} times per second in all, evenly spread.
    """
    each = rate / clients
    total = int(rate * (seconds + _UNSETTLED))
    # Without a rate of connecting all clients would ask at the very same moments.
    perBatch = max(1, round(clients * each / 1000))
    command = ["h2load", "--h1", "-t1", f"-c{clients}", f"-n{total}", f"--rps={each:.4f}"]
    command += ["-r", str(perBatch), "--rate-period=1ms", f"--log-file={log}", url]
    log.unlink(missing_ok=True)
    said = run(command)
    if not log.exists():
        raise RuntimeError(said)
    rows = [tuple(map(int, line.split()[:3])) for line in log.read_text().splitlines()]
    begun = min(start for start, _, _ in rows) + _UNSETTLED * 1e6
    settled = [(start, status, took) for start, status, took in rows if start >= begun]
    times = sorted(took / 1e6 for _, _, took in settled)
    lasted = (max(start for start, _, _ in settled) - begun) / 1e6
    failed = total - sum(status == 200 for _, status, _ in rows)
    return Load(len(times), lasted, times[len(times) // 2], times[len(times) * 99 // 100], failed)


def iperf3(port: int, seconds: float) -> Load:
    """
    One stream, client to server; the unit is a gigabyte (1e9 bytes).
    """
    said = run(["iperf3", "-c", "127.0.0.1", "-p", str(port), "-t", _whole(seconds), "-J"])
    report = json.loads(said)
    if "error" in report:
        raise RuntimeError(report["error"])
    received = report["end"]["sum_received"]
    return Load(received["bytes"] / 1e9, received["seconds"])


def udp(port: int, seconds: float, sockets: int) -> Load:
    """
    Questions with their answers.
    """
    return _ours("bench.udpload", port, seconds, sockets)


def tls(port: int, seconds: float, resumed: bool) -> Load:
    """
    Connections with one request each.
    """
    return _ours("bench.tlsload", port, seconds, "resumed" if resumed else "full")


def _ours(module: str, *arguments: object) -> Load:
    said = run([sys.executable, "-m", module, *map(str, arguments)])
    try:
        return Load(**json.loads(said))
    except (ValueError, TypeError) as e:
        raise RuntimeError(said) from e
