"""
What do slow attackers cost? Honest clients' latency without and with five hundred of them, and
memory per stuck connection.

Run by hand: C{python -m bench.attack [CONNECTIONS]}. A third sends a head byte by byte, a third a
body, a third doesn't read its large response.
"""

from __future__ import annotations

import re
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

from bench.peers import startPeers
from bench.processes import PROXY_CORE, Server, freePorts, run

_SECONDS = 3
_ROUNDS = 7
_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


class Attackers:
    """
    Sockets that are slow in three ways, until stopped.
    """

    def __init__(self, port: int, count: int) -> None:
        self._sockets = [self._open(port, number % 3) for number in range(count)]
        self._running = True
        self._thread = threading.Thread(target=self._trickle)
        self._thread.start()

    def _open(self, port: int, kind: int) -> tuple[socket.socket, int]:
        client = socket.socket()
        if kind == 2:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", port))
        if kind == 0:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        elif kind == 1:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        else:
            client.sendall(b"GET /10m HTTP/1.1\r\nHost: x\r\n\r\n")
        return client, kind

    def _trickle(self) -> None:
        while self._running:
            for client, kind in self._sockets:
                # Spread over half a second: attackers far away don't keep step.
                time.sleep(0.5 / len(self._sockets))
                if kind < 2:
                    try:
                        client.send(b"x")
                    except OSError:
                        continue

    def stop(self) -> None:
        """
        Close them all.
        """
        self._running = False
        self._thread.join()
        for client, _ in self._sockets:
            client.close()


def honest(port: int) -> tuple[float, float]:
    """
    @return: the honest clients' p99 in milliseconds, and their requests per second.
    """
    report = run(["wrk", "-t1", "-c16", f"-d{_SECONDS}", "--latency", f"http://127.0.0.1:{port}/"])
    p99 = re.search(r"99%\s+([0-9.]+)(us|ms|s)\b", report)
    rate = re.search(r"Requests/sec:\s+(\S+)", report)
    assert p99 is not None and rate is not None, report
    return float(p99.group(1)) * _UNITS[p99.group(2)], float(rate.group(1))


def words(figures: list[tuple[float, float]]) -> str:
    """
    @param figures: as L{honest} returns them.
    """
    p99s = sorted(p99 for p99, _ in figures)
    rate = median(rate for _, rate in figures)
    return f"p99 {median(p99s):.2f} ms ({p99s[0]:.2f}-{p99s[-1]:.2f}), {rate:.0f}/s"


def main() -> None:
    """
    Print the figures.
    """
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        peers = startPeers(folder)
        (port,) = freePorts(1)
        (folder / "edge.yaml").write_text(f"""
listeners: {{web: {{bind: "127.0.0.1:{port}", protocol: http, pool: web, accessLog: off}}}}
pools: {{web: {{backends: ["127.0.0.1:{peers.http}"]}}}}
""")
        command = [sys.executable, "-m", "lbproxy.cli", "run", str(folder / "edge.yaml")]
        edge = Server(command, PROXY_CORE, folder / "edge.log", [port])
        try:
            honest(port)
            alone, attacked, stuck = [], [], []
            # By turns, so that both see the same machine.
            for _ in range(_ROUNDS):
                alone.append(honest(port))
                before = edge.rss()
                attackers = Attackers(port, count)
                time.sleep(1)
                stuck.append((edge.rss() - before) / count)
                attacked.append(honest(port))
                attackers.stop()
            print(f"honest alone: {words(alone)}")
            print(f"with {count} slow ones: {words(attacked)}")
            print(f"{stuck[0] / 1024:.1f} KiB of RSS per stuck connection")
        finally:
            edge.stop()
            peers.stop()


if __name__ == "__main__":
    main()
