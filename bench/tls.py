"""
What does TLS cost a server? Ours, the least possible around OpenSSL, Twisted's own, and nginx.

By hand: C{python -m bench.tls [--rounds 3] [--seconds 2] [--servers lbproxy,bare] [scenario...]}.
Prints the lowest and the median CPU time (user and system) of the server per unit, each server in
turn on one core with the load on another. C{request}: keep-alive, 64 connections. C{full},
C{resumed}: a new connection with one request each. C{idle}: resident KiB per connection after its
first request. Needs nginx, wrk and openssl.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.relay import _await, _cpu, _end, _freePort
from tests.certs import Authority

_SERVER_CORE, _LOAD_CORE = "0", "1"
_SERVERS = ("lbproxy", "bare", "stock", "nginx")
_IDLE = 300

_NGINX = """
master_process off; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
    proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        ssl_protocols TLSv1.2 TLSv1.3; ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{ return 200 "thirty-two bytes of a small body"; }}
    }}
}}
"""


class Bench:
    """
    One server at a time, and what is done to it.
    """

    def __init__(self, folder: Path, seconds: int) -> None:
        self.folder = folder
        self.seconds = seconds
        self.port = _freePort()
        self.cert, self.key = Authority().issue("localhost", "127.0.0.1").write(str(folder))

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """
        Start a server by its name.
        """
        if name == "nginx":
            conf = self.folder / "nginx.conf"
            values = {"folder": self.folder, "port": self.port, "cert": self.cert, "key": self.key}
            conf.write_text(_NGINX.format(**values))
            command = ["nginx", "-c", str(conf)]
        else:
            command = [sys.executable, "-m", "bench.tlsserver", name]
            command += [str(self.port), self.cert, self.key]
        return subprocess.Popen(
            ["taskset", "-c", _SERVER_CORE, *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def measure(self, name: str, scenario: str) -> float:
        """
        @return: microseconds of CPU per unit, or KiB per idle connection.
        """
        server = self.start(name)
        try:
            _await(self.port)
            if scenario == "idle":
                return self._idle(server.pid)
            self._load(scenario, 1)
            before = _cpu(server.pid)
            units = self._load(scenario, self.seconds)
            time.sleep(0.1)
            return (_cpu(server.pid) - before) / units * 1e6
        finally:
            _end(server)

    def _load(self, scenario: str, seconds: int) -> int:
        if scenario == "request":
            return self._count(
                r"(\d+) requests in",
                [
                    "wrk",
                    "-t",
                    "1",
                    "-c",
                    "64",
                    "-d",
                    f"{seconds}s",
                    f"https://127.0.0.1:{self.port}/",
                ],
            )
        reuse = "-reuse" if scenario == "resumed" else "-new"
        command = ["openssl", "s_time", "-connect", f"127.0.0.1:{self.port}", "-www", "/", reuse]
        return self._count(r"(\d+) connections in \d+ real", [*command, "-time", str(seconds)])

    def _count(self, pattern: str, command: list[str]) -> int:
        done = subprocess.run(
            ["taskset", "-c", _LOAD_CORE, *command], capture_output=True, text=True, check=False
        )
        found = re.search(pattern, done.stdout)
        assert found and int(found[1]), done.stdout + done.stderr
        return int(found[1])

    def _idle(self, pid: int) -> float:
        context = ssl.create_default_context(cafile=None)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        opened = [self._ask(context) for _ in range(20)]
        before = _resident(pid)
        opened += [self._ask(context) for _ in range(_IDLE)]
        time.sleep(0.2)
        grown = _resident(pid) - before
        for connection in opened:
            connection.close()
        return grown / _IDLE

    def _ask(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port)))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1000)
        return connection


def _resident(pid: int) -> int:
    """
    KiB.
    """
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1])


def main() -> None:
    """
    Run the rounds, interleaved.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--servers", default=",".join(_SERVERS))
    parser.add_argument("scenario", nargs="*", default=["request", "full", "resumed", "idle"])
    options = parser.parse_args()
    servers = options.servers.split(",")
    folder = Path(tempfile.mkdtemp())
    bench = Bench(folder, options.seconds)
    try:
        for scenario in options.scenario:
            found: dict[str, list[float]] = {name: [] for name in servers}
            for _ in range(options.rounds):
                for name in servers:
                    found[name].append(bench.measure(name, scenario))
            unit = "KiB" if scenario == "idle" else "us"
            for name in servers:
                low, middle = min(found[name]), statistics.median(found[name])
                print(f"{scenario:8} {name:8} {low:7.1f} {middle:7.1f} {unit}", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
