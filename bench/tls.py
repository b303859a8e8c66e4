"""
What does TLS cost a server? Ours, the least possible around OpenSSL, Twisted's own, and nginx.

By hand: C{python -m bench.tls [--rounds 3] [--seconds 2] [--servers lbproxy,bare] [scenario...]}.
Prints the lowest and the median CPU time (user and system) of the server per unit, each server in
turn on one core with the load on another. C{request}: keep-alive, 64 connections. C{full},
C{resumed}: a new connection with one request each. C{idle}: resident KiB per connection after its
first request. Needs nginx and wrk.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import ssl
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench import clients
from bench.processes import PROXY_CORE, Server, freePorts
from tests.certs import Authority

_SERVERS = "lbproxy,bare,stock,nginx"
_SCENARIOS = ["request", "full", "resumed", "idle"]
_IDLE = 300

_NGINX = """
master_process off; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000; client_body_temp_path {folder};
    proxy_temp_path {folder}; fastcgi_temp_path {folder}; uwsgi_temp_path {folder};
    scgi_temp_path {folder};
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096; ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate {cert}; ssl_certificate_key {key};
        location / {{ return 200 "thirty-two bytes of a small body"; }}
    }}
}}
"""


class Bench:
    """
    One server at a time, and what is done to it.
    """

    def __init__(self, folder: Path, seconds: float) -> None:
        self._folder = folder
        self._seconds = seconds
        [self._port] = freePorts(1)
        self._cert, self._key = Authority().issue("localhost", "127.0.0.1").write(str(folder))

    def measure(self, name: str, scenario: str) -> float:
        """
        @return: microseconds of CPU per unit, or KiB per idle connection.
        """
        server = Server(self._command(name), PROXY_CORE, self._folder / "log", [self._port])
        try:
            if scenario == "idle":
                return self._idle(server)
            self._load(scenario, 1)
            before = server.cpuSeconds()
            units = self._load(scenario, self._seconds)
            time.sleep(0.1)
            return (server.cpuSeconds() - before) / units * 1e6
        finally:
            server.stop()

    def _command(self, name: str) -> list[str]:
        if name != "nginx":
            program = [sys.executable, "-m", "bench.tlsserver", name]
            return [*program, str(self._port), self._cert, self._key]
        conf = self._folder / "nginx.conf"
        values = {"folder": self._folder, "port": self._port, "cert": self._cert, "key": self._key}
        conf.write_text(_NGINX.format(**values))
        return ["nginx", "-c", str(conf)]

    def _load(self, scenario: str, seconds: float) -> float:
        if scenario == "request":
            load = clients.wrk(f"https://127.0.0.1:{self._port}/", seconds)
        else:
            load = clients.tls(self._port, seconds, scenario == "resumed")
        assert load.units and not load.failed, load
        return load.units

    def _idle(self, server: Server) -> float:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        opened = [self._ask(context) for _ in range(20)]
        before = server.rss()
        opened += [self._ask(context) for _ in range(_IDLE)]
        time.sleep(0.2)
        grown = server.rss() - before
        for connection in opened:
            connection.close()
        return grown / _IDLE / 1024

    def _ask(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        connection = context.wrap_socket(socket.create_connection(("127.0.0.1", self._port)))
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.recv(1000)
        return connection


def main() -> None:
    """
    Run the rounds, interleaved.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--servers", default=_SERVERS)
    parser.add_argument("scenario", nargs="*", default=_SCENARIOS)
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
