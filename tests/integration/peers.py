"""
Real servers for tests: started on free ports of loopback, in the test's folder, ended by the test.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.integration.edges import EdgeCase, freePort, later

reactor: Any = installedReactor


class Peer(ProcessProtocol):
    """
    A running server.

    @ivar output: what it printed.
    @ivar status: its exit status, once it has ended; L{None} for one that a signal ended.
    """

    def __init__(self) -> None:
        self.output = b""
        self.ended: Deferred[None] = Deferred()
        self.running = True
        self.status: int | None = None

    def outReceived(self, data: bytes) -> None:
        self.output += data

    errReceived = outReceived

    def processEnded(self, reason: Failure) -> None:
        self.running = False
        self.status = getattr(reason.value, "exitCode", None)
        self.ended.callback(None)

    def stop(self, name: str = "TERM") -> Deferred[None]:
        """
        End it; harmless when it has ended.
        """
        if self.running:
            assert self.transport is not None
            os.kill(self.transport.pid, getattr(signal, "SIG" + name))
        return self.ended


async def start(
    case: EdgeCase, *command: str, port: int = 0, environ: dict[str, str] | None = None
) -> Peer:
    """
    Start a server, and wait until it accepts connections on C{port}, if there is one.
    """
    program = shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    assert program is not None, f"{command[0]} is not installed; .ci/run installs it"
    peer = Peer()
    reactor.spawnProcess(
        peer, program, [command[0], *command[1:]], {**os.environ, **(environ or {})}, case.folder
    )
    case.addCleanup(peer.stop, "KILL")
    while port and not accepts(port):
        assert peer.running, peer.output.decode("utf-8", "replace")
        await later(0.05)
    return peer


def accepts(port: int) -> bool:
    """
    Whether somebody listens there.
    """
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def nginx(case: EdgeCase, body: str, port: int = 0) -> tuple[Peer, int]:
    """
    An nginx whose one server block holds C{body}.

    @return: the process, and its port.
    """
    port = port or freePort()
    path = case.path(f"nginx-{port}.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""
worker_processes 1; daemon off; master_process off;
pid {case.path(f"nginx-{port}.pid")}; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; client_max_body_size 0;
  client_body_temp_path {case.folder}; proxy_temp_path {case.folder};
  fastcgi_temp_path {case.folder}; uwsgi_temp_path {case.folder}; scgi_temp_path {case.folder};
  server {{ listen 127.0.0.1:{port} backlog=1024; {body} }}
}}
""")
    return await start(case, "nginx", "-p", case.folder, "-c", path, port=port), port
