"""
What does relaying UDP cost? Our relay and nginx in turn, several rounds, on one core.

By hand: C{python -m bench.udp [--rounds 3] [--total 50000]}. Prints the proxy's CPU time (user and
system) per question with its answer, and ours in parts of nginx's, for two ways to ask: C{session},
where 50 clients ask again and again, and C{once}, where each question comes from a new client and
ends its session with its answer (C{responses: 1}). A log line per session is written by both, but
with C{--no-log}. Needs nginx with its stream module (Debian: nginx-light, libnginx-mod-stream).
"""

from __future__ import annotations

import argparse
import functools
import gc
import select
import socket
import statistics
import sys
import tempfile
from pathlib import Path

from bench.processes import CLIENT_CORE, PROXY_CORE, Server, freePorts, run

_CLIENTS = 50
_SCENARIOS = ("session", "once")

_NGINX = """
worker_processes 1; daemon off; master_process off; pid {folder}/nginx.pid; error_log /dev/null;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{ worker_connections 9000; }}
stream {{
  log_format line '$remote_addr [$time_local] $bytes_sent $bytes_received $session_time '
                  '$upstream_addr';
  access_log {log};
  upstream ns {{ server 127.0.0.1:{backends[0]}; server 127.0.0.1:{backends[1]}; }}
  server {{ listen 127.0.0.1:{session} udp; proxy_pass ns; proxy_timeout 30s; }}
  server {{ listen 127.0.0.1:{once} udp; proxy_pass ns; proxy_timeout 30s; proxy_responses 1; }}
  server {{ listen 127.0.0.1:{ready}; return ok; }}
}}
"""


def load(port: int, total: int, fresh: bool) -> None:
    """
    Ask so many questions, 50 under way at a time; with C{fresh} each from a new socket.
    """
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}

    def ask() -> None:
        client = socket.socket(type=socket.SOCK_DGRAM)
        client.connect(("127.0.0.1", port))
        sockets[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
        client.send(b"q" * 40)

    for _ in range(_CLIENTS):
        ask()
    answers = lost = 0
    while answers < total:
        ready = poll.poll(0.5)
        if not ready:  # datagrams were lost: ask again
            lost += len(sockets)
            for client in sockets.values():
                client.send(b"q" * 40)
        for fd, _ in ready:
            sockets[fd].recv(2048)
            answers += 1
            if fresh:
                sockets.pop(fd).close()
                ask()
            else:
                sockets[fd].send(b"q" * 40)
    print(lost)


def serve(log: str, session: int, once: int, ready: int, *backends: int) -> None:
    """
    Our relay, on our reactor, with two backends.
    """
    from twisted.internet.main import installReactor
    from twisted.internet.protocol import Factory

    from lbproxy.config.address import Address
    from lbproxy.control.logfile import LogFile
    from lbproxy.control.relaylog import RelayLog
    from lbproxy.l4.udprecord import recorder
    from lbproxy.l4.udprelay import UDPRelay
    from lbproxy.l4.udpsettings import UDPRoute, UDPSettings
    from lbproxy.net.deadlines import Deadlines
    from lbproxy.net.reactor import LeanReactor
    from lbproxy.net.udp.targets import Targets
    from lbproxy.pool.backend import BackendSpec
    from lbproxy.pool.pool import Pool

    reactor = LeanReactor()
    installReactor(reactor)
    deadlines = Deadlines(reactor)
    deadlines.start()
    pool = Pool("ns", [BackendSpec(str(port), Address("127.0.0.1", port)) for port in backends])
    route = UDPRoute(pool, "all")
    record = None
    if log != "off":
        record = recorder("dns", RelayLog(LogFile(log, reactor)), reactor.seconds)
    gc.freeze()
    for port, responses in ((session, 0), (once, 1)):
        relay = UDPRelay(
            reactor,
            lambda context: route,
            UDPSettings(responses=responses),
            deadlines=deadlines,
            targets=Targets(reactor, reactor.seconds),
            record=record,
        )
        relay.listen(Address("127.0.0.1", port))
    reactor.listenTCP(ready, Factory(), interface="127.0.0.1")
    reactor.run()


def echo(port: int, ready: int) -> None:
    """
    A backend.
    """
    waiting = socket.create_server(("127.0.0.1", ready))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, waiting:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", port))
        while True:
            data, client = sock.recvfrom(65_536)
            sock.sendto(data, client)


def _nginx(folder: Path, ports: list[int], backends: list[int], logs: bool) -> list[str]:
    session, once, ready = ports
    conf = folder / "nginx.conf"
    log = f"{folder}/nginx.log line buffer=64k flush=1s" if logs else "off"
    values = {"session": session, "once": once, "ready": ready, "backends": backends}
    conf.write_text(_NGINX.format(folder=folder, log=log, **values))
    return ["/usr/sbin/nginx", "-c", str(conf)]


def _ours(folder: Path, ports: list[int], backends: list[int], logs: bool) -> list[str]:
    return _role("serve", folder / "lbproxy.log" if logs else "off", *ports, *backends)


def _role(*words: object) -> list[str]:
    return [sys.executable, "-m", "bench.udp", *map(str, words)]


def measure(folder: Path, rounds: int, total: int, logs: bool) -> None:
    """
    Start both, ask each in turn, print.
    """
    udp, tcp = freePorts(2), freePorts(2)
    started = [
        Server(_role("echo", *pair), CLIENT_CORE, folder / f"echo{pair[0]}.log", [pair[1]])
        for pair in zip(udp, tcp, strict=True)
    ]
    proxies: dict[str, tuple[Server, list[int]]] = {}
    try:
        for name, command in (("nginx", _nginx), ("lbproxy", _ours)):
            ports = freePorts(3)
            server = Server(
                command(folder, ports, udp, logs), PROXY_CORE, folder / f"{name}.out", ports[2:]
            )
            proxies[name] = server, ports
        for number, scenario in enumerate(_SCENARIOS):
            costs: dict[str, list[float]] = {name: [] for name in proxies}
            for _ in range(rounds):
                for name, (server, ports) in proxies.items():
                    before = server.cpuSeconds()
                    run(_role("load", ports[number], total, number))
                    costs[name].append((server.cpuSeconds() - before) / total * 1e6)
            _show(scenario, costs)
    finally:
        for server in [*started, *(server for server, _ in proxies.values())]:
            server.stop()


def _show(scenario: str, costs: dict[str, list[float]]) -> None:
    ratios = [ours / theirs for theirs, ours in zip(costs["nginx"], costs["lbproxy"], strict=True)]
    middle = {name: statistics.median(each) for name, each in costs.items()}
    print(
        f"{scenario:8} nginx {middle['nginx']:5.1f} us, lbproxy {middle['lbproxy']:5.1f} us, "
        f"ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        flush=True,
    )


def main() -> None:
    """
    Measure; or play one of the roles.
    """
    if sys.argv[1:2] == ["load"]:
        port, total, fresh = map(int, sys.argv[2:])
        load(port, total, bool(fresh))
    elif sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], *map(int, sys.argv[3:]))
    elif sys.argv[1:2] == ["echo"]:
        echo(*map(int, sys.argv[2:]))
    else:
        parser = argparse.ArgumentParser(description=__doc__)
        add = functools.partial(parser.add_argument, type=int)
        add("--rounds", default=3)
        add("--total", default=50_000, help="questions per round")
        parser.add_argument("--no-log", action="store_true")
        asked = parser.parse_args()
        with tempfile.TemporaryDirectory() as folder:
            measure(Path(folder), asked.rounds, asked.total, not asked.no_log)


if __name__ == "__main__":
    main()
