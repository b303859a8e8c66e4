"""
How C{twistd} launches it.
"""

from __future__ import annotations

import signal
import sys
from types import TracebackType
from typing import Any

from twisted.application.service import IService
from twisted.python import usage

from lbproxy.assembly import buildEdge
from lbproxy.config.load import loadConfiguration
from lbproxy.errors import CannotStart, ConfigError
from lbproxy.services.demo import Demo
from lbproxy.services.edge import EdgeService


class Options(usage.Options):
    """
    The options of C{twistd lbproxy}.
    """

    synopsis = "[options]"
    longdesc = (
        "A load balancer and protocol-aware proxy. Give it a configuration, or --demo to look "
        "around: three embedded backends behind HTTP, HTTPS, TCP and UDP listeners. "
        '"lbproxy check FILE" validates a configuration without starting it.'
    )
    optParameters = [["config", "c", None, "The configuration, a YAML file."]]
    optFlags = [["demo", None, "Serve embedded backends on loopback and say what to try."]]

    def postOptions(self) -> None:
        if bool(self["config"]) == bool(self["demo"]):
            raise usage.UsageError("wanted either --config FILE or --demo")


def makeService(options: Options) -> IService:
    """
    Build the service; a configuration that cannot be used ends the process with status 1, one line
    per problem.
    """
    from twisted.internet import reactor

    return build(reactor, options["config"], bool(options["demo"]))


def build(reactor: Any, config: str | None, demo: bool) -> EdgeService:
    """
    The edge for a configuration file or the demo, with signals taken care of.

    @raise SystemExit: 1, the problems are on stderr.
    """
    embedded = Demo(reactor) if demo else None
    path = embedded.prepare() if embedded is not None else config
    assert path is not None
    try:
        edge = buildEdge(reactor, loadConfiguration(path))
    except ConfigError as bad:
        for problem in bad.problems:
            print(problem, file=sys.stderr)
        raise SystemExit(1) from None
    except CannotStart as refused:
        print(f"lbproxy: {refused}", file=sys.stderr)
        raise SystemExit(1) from None
    if embedded is not None:
        embedded.attach(edge)
    # At once, for a stop that comes while ports open; and again when the reactor has put its own
    # handlers in place.
    _takeSignals(reactor, edge)
    reactor.callWhenRunning(_takeSignals, reactor, edge)
    _plainErrors()
    return edge


def _takeSignals(reactor: Any, edge: EdgeService) -> None:
    # Twisted would end the process by the signal again after the drain; an orderly stop is status
    # 0.
    def stop(number: int, frame: object) -> None:
        reactor.callFromThread(reactor.stop)

    def reopen(number: int, frame: object) -> None:
        reactor.callFromThread(edge.reopen)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGUSR1, reopen)


def _plainErrors() -> None:
    """
    What the system refuses at start is one sentence, not a traceback.
    """
    before = sys.excepthook

    def hook(
        kind: type[BaseException], value: BaseException, traceback: TracebackType | None
    ) -> None:
        if isinstance(value, CannotStart):
            print(f"lbproxy: {value}", file=sys.stderr)
        else:
            before(kind, value, traceback)

    sys.excepthook = hook
