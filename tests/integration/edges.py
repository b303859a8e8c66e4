"""
A whole edge in the test's own process, with real sockets on ports of the kernel's choosing.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet import reactor as installedReactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import TestCase
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from lbproxy.assembly import buildEdge
from lbproxy.config.load import parseConfiguration
from lbproxy.services.edge import EdgeService

reactor: Any = installedReactor
T = TypeVar("T")


class EdgeCase(TestCase):
    """
    Starts edges and peers, and ends them.

    @ivar folder: a private one of this test.
    """

    timeout = 60

    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="lbproxy-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def edge(self, text: str, grace: float = 1.0) -> EdgeService:
        """
        Start an edge; it ends with the test.
        """
        name = os.path.join(self.folder, "edge.yaml")
        edge = buildEdge(reactor, parseConfiguration(text, name))
        edge.grace = grace
        edge.startService()
        self.addCleanup(edge.stopService)
        return edge

    def serve(self, resource: Resource) -> int:
        """
        A web server of Twisted's; returns its port.
        """
        site = Site(resource)
        port = reactor.listenTCP(0, site, interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        number: int = port.getHost().port
        return number

    def path(self, name: str) -> str:
        """
        A file in the test's folder.
        """
        return os.path.join(self.folder, name)

    async def shell(self, *command: str, environ: dict[str, str] | None = None) -> tuple[str, int]:
        """
        @return: what a command prints (its stderr behind its stdout), and its exit status.
        """
        program = shutil.which(command[0])
        assert program is not None, f"{command[0]} is not installed; .ci/run installs it"
        env = {**os.environ, **(environ or {})}
        out, err, status = await getProcessOutputAndValue(program, command[1:], env)
        return (out + err).decode("utf-8", "replace"), status

    def defer(self, work: Coroutine[Any, Any, T]) -> Deferred[T]:
        """
        Begin with something, to be awaited later.
        """
        return Deferred.fromCoroutine(work)

    async def until(self, condition: Callable[[], object]) -> None:
        """
        Let the reactor turn until something holds; the test's timeout bounds it.
        """
        while not condition():
            await later(0.02)


def later(seconds: float) -> Deferred[None]:
    """
    Fires after a while.
    """
    return deferLater(reactor, seconds)


def portOf(edge: EdgeService, name: str) -> int:
    """
    The port of a listener.
    """
    listener = next(each for each in edge.listeners if each.name == name)
    host: Any = listener.ports[0].getHost()
    number: int = host.port
    return number


def freePort() -> int:
    """
    A port that nobody has just now, for peers that cannot choose one themselves.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        number: int = found.getsockname()[1]
        return number


class Page(Resource):
    """
    Says its name, and what it was asked.
    """

    isLeaf = True

    def __init__(self, name: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.requests: list[Request] = []

    def render(self, request: Request) -> bytes:
        self.requests.append(request)
        body: bytes = request.content.read() if request.content is not None else b""
        return b"%s %s %s %d\n" % (self.name.encode(), request.method, request.uri, len(body))
