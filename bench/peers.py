"""
What stands behind the proxies? An nginx for HTTP, an echo for UDP, an iperf3 for bulk: all on the
client's core.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from bench.processes import CLIENT_CORE, Server, freePorts

SIZES = {"1k": 1000, "100k": 100_000, "10m": 10_000_000}


@dataclass(frozen=True)
class Peers:
    """
    The ports of what is behind, and the processes.
    """

    http: int
    udp: int
    iperf: int
    servers: tuple[Server, ...]

    def stop(self) -> None:
        """
        End them all.
        """
        for server in self.servers:
            server.stop()


def startPeers(folder: Path) -> Peers:
    """
    Start everything; C{folder} holds its files.
    """
    http, udp, iperf = freePorts(3)
    for name, size in SIZES.items():
        (folder / name).write_bytes(b"x" * size)
    conf = folder / "backend.conf"
    conf.write_text(f"""
worker_processes 1; daemon off; pid {folder}/backend.pid; error_log {folder}/backend.err;
worker_rlimit_nofile 19000;
events {{ worker_connections 9000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s; sendfile on; tcp_nodelay on;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{http} backlog=4096; root {folder};
    location = / {{ return 200 "0123456789012345678901234567890\\n"; }}
    location /p/ {{ return 200 "0123456789012345678901234567890\\n"; }}
  }}
}}
""")
    echo = [sys.executable, "-m", "bench.udpecho", str(udp)]
    servers = (
        Server(
            ["nginx", "-p", str(folder), "-c", str(conf)], CLIENT_CORE, folder / "nginx.log", [http]
        ),
        Server(echo, CLIENT_CORE, folder / "udp.log", []),
        Server(["iperf3", "-s", "-p", str(iperf)], CLIENT_CORE, folder / "iperf.log", [iperf]),
    )
    return Peers(http, udp, iperf, servers)
