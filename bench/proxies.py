"""
Which proxies are measured, and what are they told? The same job for each: access logs and health
checks on.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from bench.peers import Peers
from bench.processes import PROXY_CORE, Server, freePorts
from bench.tools import STREAM_MODULE, versionOf

ROUTES = 50


@dataclass(frozen=True)
class Ports:
    """
    Where a proxy listens.
    """

    http: int
    routed: int
    https: int
    tcp: int
    bulk: int
    udp: int


@dataclass(frozen=True)
class Proxy:
    """
    A proxy to be measured.

    @ivar configure: writes its files, and gives the command that starts it.
    @ivar speaks: what it can be asked for: names of L{Ports}' fields.
    """

    name: str
    version: str
    configure: Callable[[Path, Ports, Peers], list[str]]
    speaks: frozenset[str]

    def start(self, folder: Path, peers: Peers) -> tuple[Server, Ports]:
        """
        Start it on its core.
        """
        ports = Ports(*freePorts(6))
        command = self.configure(folder, ports, peers)
        names = self.speaks - {"udp", "bulk"}
        listening = [getattr(ports, name) for name in names]
        return Server(command, PROXY_CORE, folder / f"{self.name}.log", listening), ports


def _lbproxy(folder: Path, ports: Ports, peers: Peers) -> list[str]:
    routes = "\n".join(
        f'      - {{match: {{host: "h{n}.example", pathPrefix: /p/}}, pool: sticky}}'
        for n in range(ROUTES)
    )
    log = f"accessLog: {{format: combined, file: {folder}/lbproxy-access.log}}"
    backend = f'backends: ["127.0.0.1:{peers.http}"]'
    check = "healthCheck: {http: {path: /}, interval: 2s}"
    path = folder / "lbproxy.yaml"
    path.write_text(f"""
listeners:
  http: {{bind: "127.0.0.1:{ports.http}", protocol: http, pool: web, {log}}}
  https:
    bind: "127.0.0.1:{ports.https}"
    protocol: http
    pool: web
    {log}
    tls: {{certificates: [{{cert: {folder}/edge.pem, key: {folder}/edge.key}}]}}
  routed:
    bind: "127.0.0.1:{ports.routed}"
    protocol: http
    {log}
    routes:
{routes}
      - {{pool: sticky}}
  tcp: {{bind: "127.0.0.1:{ports.tcp}", protocol: tcp, pool: raw, {log}}}
  bulk: {{bind: "127.0.0.1:{ports.bulk}", protocol: tcp, pool: bulk, {log}}}
  udp: {{bind: "127.0.0.1:{ports.udp}", protocol: udp, pool: udp, {log}}}
pools:
  web: {{{backend}, {check}}}
  sticky: {{{backend}, {check}, affinity: {{cookie: {{name: LBID, secret: bench}}}}}}
  raw: {{{backend}, healthCheck: {{tcp: {{}}, interval: 2s}}}}
  bulk: {{backends: ["127.0.0.1:{peers.iperf}"]}}
  udp: {{backends: ["127.0.0.1:{peers.udp}"]}}
""")
    return [sys.executable, "-m", "lbproxy.cli", "run", str(path)]


def _nginx(folder: Path, ports: Ports, peers: Peers) -> list[str]:
    # nginx-light has no cookie affinity: its routed server does without.
    headers = """
    proxy_pass http://web; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Request-ID $request_id;"""
    servers = "\n".join(
        f"server {{ listen 127.0.0.1:{ports.routed}; server_name h{n}.example; "
        f"location /p/ {{ {headers} }} }}"
        for n in range(ROUTES)
    )
    path = folder / "nginx.conf"
    path.write_text(f"""
load_module {STREAM_MODULE};
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
worker_rlimit_nofile 19900;
events {{ worker_connections 19000; }}
http {{
  access_log {folder}/nginx-access.log combined buffer=64k flush=1s;
  keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  upstream web {{ server 127.0.0.1:{peers.http}; keepalive 64; keepalive_requests 100000000; }}
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:s:10m;
  server {{ listen 127.0.0.1:{ports.http} backlog=4096; location / {{ {headers} }} }}
  server {{ listen 127.0.0.1:{ports.https} ssl backlog=4096;
    ssl_certificate {folder}/edge.pem; ssl_certificate_key {folder}/edge.key;
    location / {{ {headers} }} }}
  server {{ listen 127.0.0.1:{ports.routed} backlog=4096 default_server;
    location / {{ {headers} }} }}
  {servers}
}}
stream {{
  log_format relay '$remote_addr [$time_local] $protocol $status $bytes_sent $bytes_received '
                   '$session_time';
  access_log {folder}/nginx-stream.log relay buffer=64k flush=1s;
  server {{ listen 127.0.0.1:{ports.tcp} backlog=4096; proxy_pass 127.0.0.1:{peers.http}; }}
  server {{ listen 127.0.0.1:{ports.bulk} backlog=4096; proxy_pass 127.0.0.1:{peers.iperf}; }}
  server {{ listen 127.0.0.1:{ports.udp} udp; proxy_pass 127.0.0.1:{peers.udp};
    proxy_timeout 30s; }}
}}
""")
    return ["nginx", "-p", str(folder), "-c", str(path)]


def _haproxy(folder: Path, ports: Ports, peers: Peers) -> list[str]:
    pem = folder / "haproxy.pem"
    pem.write_bytes((folder / "edge.pem").read_bytes() + (folder / "edge.key").read_bytes())
    rules = "\n".join(
        f"  use_backend sticky if {{ hdr(host) -i h{n}.example }} {{ path_beg /p/ }}"
        for n in range(ROUTES)
    )
    identified = """\
  unique-id-format %{+X}o%ci%cp%fi%fp%Ts%rt%pid
  unique-id-header X-Request-ID"""
    path = folder / "haproxy.cfg"
    path.write_text(f"""
global
  nbthread 1
  maxconn 9800
  maxpipes 32
  log stdout format raw local0
  tune.bufsize 16384
defaults
  mode http
  log global
  option splice-auto
  timeout connect 3s
  timeout client 300s
  timeout server 300s
  timeout http-keep-alive 300s
  maxconn 9800
frontend http
  bind 127.0.0.1:{ports.http} backlog 4096
{identified}
  option httplog
  default_backend web
frontend https
  bind 127.0.0.1:{ports.https} backlog 4096 ssl crt {pem} ssl-min-ver TLSv1.2
{identified}
  option httplog
  default_backend web
frontend routed
  bind 127.0.0.1:{ports.routed} backlog 4096
{identified}
  option httplog
{rules}
  default_backend sticky
backend web
  option forwardfor
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  option httpchk GET /
  http-reuse always
  server b1 127.0.0.1:{peers.http} check inter 2s
backend sticky
  option forwardfor
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  option httpchk GET /
  http-reuse always
  cookie LBID insert indirect nocache
  server b1 127.0.0.1:{peers.http} check inter 2s cookie b1
listen tcp
  mode tcp
  option tcplog
  bind 127.0.0.1:{ports.tcp} backlog 4096
  server b1 127.0.0.1:{peers.http} check inter 2s
listen bulk
  mode tcp
  option tcplog
  bind 127.0.0.1:{ports.bulk} backlog 4096
  server b1 127.0.0.1:{peers.iperf}
""")
    return ["haproxy", "-db", "-f", str(path)]


def _caddy(folder: Path, ports: Ports, peers: Peers) -> list[str]:
    path = folder / "Caddyfile"
    path.write_text(f"""{{
  admin off
  auto_https off
}}
http://127.0.0.1:{ports.http} {{
  log {{
    output file {folder}/caddy-access.log
  }}
  reverse_proxy 127.0.0.1:{peers.http}
}}
""")
    return [
        "env",
        "GOMAXPROCS=1",
        f"HOME={folder}",
        "caddy",
        "run",
        "--config",
        str(path),
        "--adapter",
        "caddyfile",
    ]


def _twisted(folder: Path, ports: Ports, peers: Peers) -> list[str]:
    return [
        sys.executable,
        "-m",
        "bench.twistedproxies",
        str(ports.http),
        str(ports.tcp),
        str(peers.http),
    ]


def available() -> list[Proxy]:
    """
    The proxies that this machine has; lbproxy first.
    """
    everything = frozenset(Ports.__dataclass_fields__)
    known = [
        Proxy("lbproxy", version("lbproxy"), _lbproxy, everything),
        Proxy("nginx", "", _nginx, everything),
        Proxy("haproxy", "", _haproxy, everything - {"udp"}),
        Proxy("caddy", "", _caddy, frozenset({"http"})),
        Proxy("twisted", version("twisted"), _twisted, frozenset({"http", "tcp"})),
    ]
    versions = {
        "nginx": ("nginx", "-v"),
        "haproxy": ("haproxy", "-v"),
        "caddy": ("caddy", "version"),
    }
    found = []
    for proxy in known:
        command = versions.get(proxy.name)
        if command is None:
            found.append(proxy)
        elif shutil.which(command[0]):
            found.append(Proxy(proxy.name, versionOf(*command), proxy.configure, proxy.speaks))
    return found
