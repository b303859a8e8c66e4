"""
What does relaying TCP cost? Our relay and HAProxy in turn, several rounds, on one core.

By hand: C{python -m bench.relay [--rounds 3] [--seconds 2] [scenario...]}. Prints the proxy's CPU
time (user and system) per unit, and ours in parts of HAProxy's. Access logs and health checks are
on in both. Needs haproxy, nginx and wrk.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PROXY_CORE, _LOAD_CORE = "0", "1"

_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
    access_log off; sendfile on; keepalive_requests 1000000000;
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{backend} backlog=4096;
        location / {{ return 200 "thirty-two bytes of a small body"; }}
        location /bulk {{ root {folder}; }}
    }}
}}
"""

_HAPROXY = """
global
    maxconn 4000
    nbthread 1
    log stdout format raw local0
defaults
    mode tcp
    log global
    option tcplog
    option splice-request
    option splice-response
    timeout connect 5s
    timeout client 1h
    timeout server 1h
listen relay
    bind 127.0.0.1:{port} backlog 4096
    server b1 127.0.0.1:{backend} check inter 2s
"""


class Bench:
    """
    A backend, and one proxy at a time in front of it.
    """

    def __init__(self, folder: Path, seconds: int) -> None:
        self.folder = folder
        self.seconds = seconds
        self.backend, self.port = _freePort(), _freePort()
        (folder / "bulk").write_bytes(os.urandom(1 << 20) * 64)
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, backend=self.backend))
        self._nginx = self._start(_LOAD_CORE, "nginx", "-c", str(folder / "nginx.conf"))
        _await(self.backend)

    def close(self) -> None:
        """
        End the backend.
        """
        _end(self._nginx)

    def haproxy(self) -> subprocess.Popen[bytes]:
        """
        The one to compare with.
        """
        path = self.folder / "haproxy.cfg"
        path.write_text(_HAPROXY.format(port=self.port, backend=self.backend))
        return self._start(_PROXY_CORE, "haproxy", "-db", "-f", str(path))

    def lbproxy(self) -> subprocess.Popen[bytes]:
        """
        Ours: the relay alone, as the assembly would put it together.
        """
        return self._start(
            _PROXY_CORE,
            sys.executable,
            "-m",
            "bench.relayserver",
            str(self.port),
            str(self.backend),
        )

    def _start(self, core: str, *command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ["taskset", "-c", core, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def measure(self, start: Callable[[], subprocess.Popen[bytes]], scenario: str) -> float:
        """
        @return: the proxy's CPU time per unit, in microseconds, or seconds per GB for bulk.
        """
        proxy = start()
        try:
            _await(self.port)
            self._load(scenario, 1)
            before = _cpu(proxy.pid)
            units = self._load(scenario, self.seconds)
            time.sleep(0.15)  # what is written late counts, too
            return (_cpu(proxy.pid) - before) / units
        finally:
            _end(proxy)

    def _load(self, scenario: str, seconds: int) -> float:
        url = f"http://127.0.0.1:{self.port}/"
        if scenario == "connection":
            return self._wrk(seconds, "-c", "32", "-H", "Connection: close", url) / 1e6
        if scenario == "bulk":
            return self._wrk(seconds, "-c", "2", url + "bulk") * (64 << 20) / 1e9
        return self._wrk(seconds, "-c", "64", url) / 1e6

    def _wrk(self, seconds: int, *arguments: str) -> float:
        command = ["taskset", "-c", _LOAD_CORE, "wrk", "-t", "1", "-d", f"{seconds}s", *arguments]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = re.search(r"(\d+) requests in", out)
        assert found and int(found[1]), out
        return int(found[1])


def _freePort() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _await(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


def _cpu(pid: int) -> float:
    """
    Seconds of user and system time of a process and its children.
    """
    pids = [pid]
    for each in pids:
        for task in Path(f"/proc/{each}/task").iterdir():
            pids += map(int, (task / "children").read_text().split())
    total = 0
    for each in pids:
        for task in Path(f"/proc/{each}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _report(scenario: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    unit = "s/GB" if scenario == "bulk" else "us"
    ratios = sorted(a / b for a, b in zip(ours, theirs, strict=True))
    print(
        f"{scenario:10}  lbproxy {statistics.median(ours):7.2f} {unit}"
        f"  haproxy {statistics.median(theirs):7.2f} {unit}"
        f"  ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def main() -> None:
    """
    Run the rounds, interleaved.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("scenario", nargs="*", default=["exchange", "connection", "bulk"])
    options = parser.parse_args()
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
    folder.chmod(0o755)
    bench = Bench(folder, options.seconds)
    try:
        for scenario in options.scenario:
            ours, theirs = [], []
            for _ in range(options.rounds):
                ours.append(bench.measure(bench.lbproxy, scenario))
                theirs.append(bench.measure(bench.haproxy, scenario))
            _report(scenario, ours, theirs)
    finally:
        bench.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
