"""
A TCP relay without sockets: clients and backends are transports in memory, dials wait for the test.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.relayrecord import RelayRecord
from lbproxy.l4.tcprelay import RelaySettings, TCPRelay
from lbproxy.l4.tcproutes import TCPMatch, TCPRoute
from lbproxy.net.connector import Connector
from lbproxy.net.deadlines import Deadlines
from lbproxy.testing import buildPool
from tests.net.faketransport import FakeTransport, settle


class FakeDial:
    """
    A dial under way.
    """

    def __init__(self, name: str, protocol: Any, context: Any) -> None:
        self.name = name
        self.context = context
        self.cancelled = False
        self.transport = FakeTransport()
        self._protocol = protocol

    def cancel(self) -> None:
        self.cancelled = True

    def succeed(self) -> FakeTransport:
        self.transport.connect(self._protocol)
        return self.transport

    def fail(self, error: Exception | None = None) -> None:
        self._protocol.connectFailed(Failure(error or ConnectionRefusedError()))


class FakePort:
    """
    A listening socket.
    """

    accepting = True
    closed = False

    def pauseProducing(self) -> None:
        self.accepting = False

    def resumeProducing(self) -> None:
        self.accepting = True

    def stopListening(self) -> None:
        self.closed = True


class RelayTestCase(SynchronousTestCase):
    """
    Builds relays over one pool of two backends, and plays everybody around them.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        self.dials: list[FakeDial] = []
        self.records: list[RelayRecord] = []
        self.pool = buildPool("b1", "b2", seconds=self.clock.seconds)

    def buildRelay(self, *routes: TCPRoute, settings: Any = None, **more: Any) -> TCPRelay:
        """
        @param routes: none: everybody goes to the pool.
        """
        return TCPRelay(
            "edge",
            routes or [self.route("all")],
            self.deadlines,
            RelaySettings(**(settings or {})),
            log=self.records.append,
            rng=random.Random(1),
            **more,
        )

    def route(self, name: str, passthrough: bool = False, **match: Any) -> TCPRoute:
        target = Connector(self.pool, self.dial, 1)
        return TCPRoute(name, target, TCPMatch(**match), passthrough)

    def dial(self, backend: Any, protocol: Any, context: Any) -> FakeDial:
        self.dials.append(FakeDial(backend.name, protocol, context))
        return self.dials[-1]

    def accept(self, relay: TCPRelay, host: str = "192.0.2.1") -> FakeTransport:
        """
        A client comes, and is let in.
        """
        protocol = relay.buildProtocol(IPv4Address("TCP", host, 40000))
        assert protocol is not None, "refused at the door"
        client = FakeTransport(host=host)
        client.connect(protocol)
        return client

    def connected(self, relay: TCPRelay) -> tuple[FakeTransport, FakeTransport]:
        """
        A client and its backend.
        """
        client = self.accept(relay)
        return client, self.dials[-1].succeed()

    def assertOver(self, relay: TCPRelay, *codes: str) -> None:
        """
        All connections are over with these codes, and nothing is left behind.
        """
        self.assertEqual([record.code for record in self.records], list(codes))
        self.assertEqual((relay.active, len(relay.connections)), (0, 0))
        self.assertEqual(sum(backend.active for backend in self.pool.backends.values()), 0)
        self.assertEqual(len(self.deadlines), 0)


__all__ = ["FakeDial", "FakePort", "RelayTestCase", "settle"]
