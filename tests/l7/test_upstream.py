"""
Tests for L{lbproxy.l7.upstream}: idle connections, and new ones.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionRefusedError
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.client import HTTPClientProtocol
from lbproxy.l7.upstream import Upstream, UpstreamSettings
from lbproxy.pool.backend import Backend, Health
from tests.l7.doubles import GET, LOST, OK, Stage, Wire


class IdleTests(SynchronousTestCase):
    """
    Connections that wait.
    """

    def play(self, settings: UpstreamSettings, *backends: str) -> None:
        """
        Set the stage.
        """
        self.stage = Stage(backends or ("b1",), upstream=settings)

    def ask(self, count: int) -> None:
        """
        That many requests at a time, all answered.
        """
        wires = [self.stage.connect() for _ in range(count)]
        for protocol, _ in wires:
            protocol.dataReceived(GET)
        for dialed in self.stage.dials:
            if dialed.wire.protocol is None and not dialed.accepted:
                dialed.accept()
        for dialed in self.stage.dials:
            if dialed.protocol.exchange is not None:
                dialed.answer(OK)
        for _, wire in wires:
            wire.lose()

    def idle(self, name: str = "b1") -> list[HTTPClientProtocol]:
        """
        Those that wait for a backend.
        """
        backend: Backend = self.stage.pool.backends[name]
        return list(self.stage.upstream.idle.get(backend, ()))

    def test_bounded(self) -> None:
        """
        No more wait than were agreed on; the others are closed.
        """
        self.play(UpstreamSettings(idlePerBackend=3))
        self.ask(5)
        self.assertEqual(len(self.idle()), 3)
        closed = [dialed for dialed in self.stage.dials if dialed.wire.disconnecting]
        self.assertEqual(len(closed), 2)

    def test_none(self) -> None:
        """
        None at all, if that is wanted.
        """
        self.play(UpstreamSettings(idlePerBackend=0))
        self.ask(1)
        self.ask(1)
        self.assertEqual(len(self.stage.dials), 2)

    def test_lastUsedFirst(self) -> None:
        """
        The one used last serves next: few stay warm, the others time out.
        """
        self.play(UpstreamSettings(keepAliveTimeout=10))
        self.ask(3)
        for _ in range(4):
            self.stage.advance(3)
            self.ask(1)
        self.assertEqual(len(self.idle()), 1)
        self.assertIs(self.idle()[0], self.stage.dials[2].protocol)

    def test_shortKeepAlive(self) -> None:
        """
        A time shorter than anything else is kept, too.
        """
        self.play(UpstreamSettings(keepAliveTimeout=1))
        self.stage.advance(7)
        self.ask(1)
        self.stage.advance(0.8)
        self.assertEqual(len(self.idle()), 1)
        self.stage.advance(0.4)
        self.assertEqual(self.idle(), [])

    def test_maxRequests(self) -> None:
        """
        A connection that has served its share is closed.
        """
        self.play(UpstreamSettings(maxRequests=2))
        for _ in range(4):
            self.ask(1)
        self.assertEqual(len(self.stage.dials), 2)
        self.assertTrue(self.stage.dials[0].wire.disconnecting)

    def test_eachBackendItsOwn(self) -> None:
        """
        A connection serves requests for its own backend only.
        """
        self.play(UpstreamSettings(), "b1", "b2")
        for _ in range(4):
            self.ask(1)
        self.assertEqual([dialed.backend.name for dialed in self.stage.dials], ["b1", "b2"])
        self.assertEqual([len(self.idle("b1")), len(self.idle("b2"))], [1, 1])

    def test_forget(self) -> None:
        """
        When a backend is down its connections are closed; others stay.
        """
        self.play(UpstreamSettings(), "b1", "b2")
        self.ask(2)
        self.stage.upstream.forget(self.stage.pool.backends["b1"])
        self.assertEqual([len(self.idle("b1")), len(self.idle("b2"))], [0, 1])
        self.assertTrue(self.stage.dials[0].wire.disconnecting)
        self.stage.pool.setHealth(self.stage.pool.backends["b2"], Health.DOWN)
        self.ask(1)
        self.assertEqual(len(self.stage.dials), 3)

    def test_forgetWhileBusy(self) -> None:
        """
        A connection that was busy when its backend went down ends with its response.
        """
        self.play(UpstreamSettings())
        protocol, _ = self.stage.connect()
        protocol.dataReceived(GET)
        dialed = self.stage.dials[-1]
        dialed.accept()
        self.stage.upstream.forget(dialed.backend)
        self.assertFalse(dialed.wire.disconnecting)
        dialed.answer(OK)
        self.assertEqual((self.idle(), dialed.wire.disconnecting), ([], True))
        self.assertEqual([record.status for record in self.stage.records], [200])
        self.ask(1)
        self.assertEqual(len(self.idle()), 1)

    def test_stop(self) -> None:
        """
        At the end all are closed.
        """
        self.play(UpstreamSettings(), "b1", "b2")
        self.ask(4)
        self.stage.upstream.stop()
        self.assertTrue(all(dialed.wire.disconnecting for dialed in self.stage.dials))
        self.assertEqual(self.idle("b1") + self.idle("b2"), [])


class DialTests(SynchronousTestCase):
    """
    New connections, also from dialers that answer at once.
    """

    def upstream(self, answer: Any) -> Stage:
        """
        A stage whose dials are answered before they return.
        """
        stage = Stage(("b1", "b2"))
        upstream = Upstream(
            stage.pool,
            lambda backend, protocol: answer(protocol),
            stage.deadlines,
            stage.clock.seconds,
            UpstreamSettings(),
        )
        stage.plan.upstream = upstream
        return stage

    def test_connectedAtOnce(self) -> None:
        """
        A connection that stands at once is used, and not waited for.
        """
        wires: list[Wire] = []

        def connected(protocol: HTTPClientProtocol) -> Wire:
            wire = Wire()
            wire.protocol = protocol
            wires.append(wire)
            protocol.makeConnection(wire)
            return wire

        stage = self.upstream(connected)
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        self.assertTrue(wires[0].value().startswith(b"GET / "))
        self.assertEqual(stage.plan.upstream._dialing, {})
        wire.lose(LOST)
        self.assertTrue(wires[0].aborted)
        self.assertEqual(stage.pool.active, 0)

    def test_nothingIsKeptOfDials(self) -> None:
        """
        A dial that is over, either way, is forgotten.
        """
        stage = Stage(("b1", "b2"))
        protocol, _ = stage.connect()
        protocol.dataReceived(GET)
        self.assertEqual(len(stage.upstream._dialing), 1)
        stage.dials[0].refuse()
        self.assertEqual(len(stage.upstream._dialing), 1)
        stage.dials[1].accept()
        self.assertEqual(stage.upstream._dialing, {})

    def test_refusedAtOnce(self) -> None:
        """
        One that is refused at once fails as any other: the next backend, and then 502.
        """
        tried: list[str] = []

        def refused(protocol: HTTPClientProtocol) -> None:
            tried.append(protocol.backend.name)
            protocol.connectFailed(Failure(ConnectionRefusedError("refused")))

        stage = self.upstream(refused)
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        self.assertTrue(wire.value().startswith(b"HTTP/1.1 502 "))
        self.assertEqual(sorted(tried), ["b1", "b2"])
        self.assertEqual(stage.plan.upstream._dialing, {})
        self.assertEqual(stage.pool.active, 0)
        protocol.dataReceived(GET)
        self.assertEqual(len(stage.records), 2)

    def test_cancelled(self) -> None:
        """
        A dial that nobody waits for any more is called off, once.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        wire.lose(LOST)
        dialed = stage.dials[0]
        self.assertTrue(dialed.cancelled)
        dialed.refuse()
        self.assertEqual(len(stage.records), 1)


class SettingsTests(SynchronousTestCase):
    """
    What settings mean together.
    """

    def upstream(self, settings: UpstreamSettings) -> Upstream:
        return Stage(upstream=settings).upstream

    def test_perTryTimeout(self) -> None:
        """
        A limit for each try counts where it is shorter, and wants another try after it.
        """
        plain = self.upstream(UpstreamSettings(headTimeout=60))
        self.assertEqual(plain.headTimeout, 60)
        self.assertNotIn("timeout", plain.retryOn)
        for perTry, expected in ((5, 5), (90, 60)):
            limited = self.upstream(UpstreamSettings(headTimeout=60, perTryTimeout=perTry))
            self.assertEqual(limited.headTimeout, expected)
            self.assertIn("timeout", limited.retryOn)
