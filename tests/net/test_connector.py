"""
The way of a relay to a backend that answers.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectBindError, ConnectionRefusedError
from twisted.internet.error import TimeoutError as ConnectTimedOut
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable, Outcome, UpstreamError
from lbproxy.net.connector import Attempt, Connector
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.context import PlainContext
from lbproxy.pool.lease import Lease
from lbproxy.pool.policy import Policy
from lbproxy.testing import buildPool, spec
from tests.net.faketransport import FakeTransport


class FakeDial:
    """
    A dial that waits for the test to say how it ends.
    """

    def __init__(self, name: str, attempt: Attempt) -> None:
        self.name = name
        self.attempt = attempt
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def succeed(self) -> FakeTransport:
        transport = FakeTransport()
        transport.connect(self.attempt)
        return transport

    def fail(self, error: Exception | None = None) -> None:
        self.attempt.connectFailed(Failure(error or ConnectionRefusedError()))


class Recorder:
    """
    A caller that keeps what it was told.
    """

    def __init__(self) -> None:
        self.transport: Any = None
        self.lease: Lease | None = None
        self.latency = 0.0
        self.errors: list[UpstreamError | NoBackendAvailable] = []

    def connected(self, transport: Any, lease: Lease, latency: float) -> None:
        self.transport, self.lease, self.latency = transport, lease, latency

    def connectFailed(self, error: UpstreamError | NoBackendAvailable) -> None:
        self.errors.append(error)


class ConnectorTests(SynchronousTestCase):
    """
    A pool of real leases, and dials that do as they are told.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.dials: list[FakeDial] = []
        self.outcomes: list[tuple[str, Outcome]] = []
        self.caller = Recorder()
        self.now: Any = None

    def connect(self, *backends: str | BackendSpec, retries: int = 3, **settings: Any) -> Attempt:
        self.pool = buildPool(*backends, seconds=self.clock.seconds, **settings)
        settle = self.pool.settle
        self.pool.watching = True

        def recording(backend: Any, outcome: Outcome, latency: float) -> None:
            self.outcomes.append((backend.name, outcome))
            settle(backend, outcome, latency)

        self.patch(type(self.pool), "settle", lambda pool, *args: recording(*args))
        attempt = Connector(self.pool, self.dial, retries, self.now).connect(
            PlainContext("192.0.2.1"), self.caller
        )
        assert attempt is not None
        return attempt

    def dial(self, backend: Any, attempt: Attempt, context: Any) -> FakeDial:
        self.dials.append(FakeDial(backend.name, attempt))
        return self.dials[-1]

    def assertNoLease(self) -> None:
        self.assertEqual(sum(backend.active for backend in self.pool.backends.values()), 0)

    def test_firstBackendAnswers(self) -> None:
        """
        The caller gets the connection, the lease, and how long it took.
        """
        self.connect("b1", "b2")
        self.clock.advance(0.25)
        transport = self.dials[0].succeed()
        self.assertIs(self.caller.transport, transport)
        self.assertEqual(self.caller.latency, 0.25)
        assert self.caller.lease is not None
        self.assertFalse(self.caller.lease.released)

    def test_anotherIsTriedNeverTheSame(self) -> None:
        """
        Who cannot be reached is not asked twice, and is blamed once.
        """
        self.connect("b1", "b2", "b3")
        self.dials[0].fail()
        self.dials[1].fail(ConnectTimedOut())
        self.dials[2].succeed()
        self.assertEqual(sorted(dial.name for dial in self.dials), ["b1", "b2", "b3"])
        self.assertEqual(
            [outcome for _, outcome in self.outcomes],
            [Outcome.CONNECT_FAILED, Outcome.TIMED_OUT],
        )
        self.assertEqual(self.caller.errors, [])

    def test_attemptsAreBounded(self) -> None:
        """
        After so many others the client is told, although there would be more.
        """
        self.connect("b1", "b2", "b3", "b4", retries=1)
        self.dials[0].fail()
        self.dials[1].fail()
        self.assertEqual(len(self.dials), 2)
        self.assertEqual([str(error)[:13] for error in self.caller.errors], ["connectFailed"])
        self.assertNoLease()

    def test_threeOthersByDefault(self) -> None:
        """
        Of many backends four are asked.
        """
        self.connect(*(f"b{number}" for number in range(9)))
        for number in range(4):
            self.dials[number].fail()
        self.assertEqual((len(self.dials), len(self.caller.errors)), (4, 1))

    def test_theLastReasonIsTold(self) -> None:
        """
        When nobody is left, what went wrong last says more than that nobody is left.
        """
        self.connect("b1")
        self.dials[0].fail(ConnectTimedOut())
        (error,) = self.caller.errors
        assert isinstance(error, UpstreamError)
        self.assertIs(error.outcome, Outcome.TIMED_OUT)
        self.assertIn("b1", error.detail)
        self.assertNoLease()

    def test_nobodyThere(self) -> None:
        """
        An empty pool is told at once.
        """
        self.connect()
        (error,) = self.caller.errors
        self.assertIsInstance(error, NoBackendAvailable)

    def test_ourOwnTroubleIsNotTheBackends(self) -> None:
        """
        Running out of ports is nobody else's fault.
        """
        self.connect("b1")
        self.dials[0].fail(ConnectBindError(99, "no address"))
        self.assertEqual(self.outcomes, [("b1", Outcome.CLIENT_LEFT)])
        self.assertEqual(self.pool.backends["b1"].failures, 0)

    def test_cancelWhileDialing(self) -> None:
        """
        A caller that lost interest leaves no dial and no lease, and hears nothing.
        """
        attempt = self.connect("b1", "b2")
        attempt.cancel()
        self.assertTrue(self.dials[0].cancelled)
        self.assertNoLease()
        self.assertEqual(self.outcomes[0][1], Outcome.CLIENT_LEFT)
        attempt.cancel()
        self.assertEqual(self.caller.errors, [])

    def test_dialThatFailsAtOnce(self) -> None:
        """
        A dial may fail before it returns.
        """
        self.patch(FakeDial, "__init__", self._failingDial)
        attempt = self.connect("b1", "b2")
        self.assertEqual(len(self.caller.errors), 1)
        self.assertNoLease()
        attempt.cancel()

    @staticmethod
    def _failingDial(dial: FakeDial, name: str, attempt: Attempt) -> None:
        dial.name = name
        attempt.connectFailed(Failure(ConnectionRefusedError()))

    def queueing(self) -> Policy:
        return Policy(queue=QueueSettings(size=5, timeout=2.0))

    def test_waitsForRoom(self) -> None:
        """
        Where all are full and the pool has a queue, a client waits for its turn.
        """
        self.connect(spec("b1", maxConnections=1), policy=self.queueing())
        first, self.caller = self.caller, Recorder()
        Connector(self.pool, self.dial).connect(PlainContext("192.0.2.2"), self.caller)
        self.assertEqual(len(self.dials), 1)
        self.dials[0].succeed()
        assert first.lease is not None
        first.lease.release(Outcome.OK)
        self.assertEqual(len(self.dials), 2)
        self.dials[1].succeed()
        self.assertIsNotNone(self.caller.transport)

    def test_waitsInVain(self) -> None:
        """
        Who has waited for too long is told.
        """
        self.connect(spec("b1", maxConnections=1), policy=self.queueing())
        waiting = Recorder()
        Connector(self.pool, self.dial).connect(PlainContext("192.0.2.2"), waiting)
        self.clock.advance(3)
        self.pool.tick()
        self.assertEqual(len(waiting.errors), 1)

    def test_cancelWhileWaiting(self) -> None:
        """
        Who left the queue is not served.
        """
        self.connect(spec("b1", maxConnections=1), policy=self.queueing())
        waiting = Recorder()
        attempt = Connector(self.pool, self.dial).connect(PlainContext("192.0.2.2"), waiting)
        assert attempt is not None
        attempt.cancel()
        self.dials[0].fail()
        self.assertEqual(len(self.dials), 1)
        self.assertNoLease()

    def test_connectedNow(self) -> None:
        """
        Where a backend can be had without waiting, the caller is answered at once; nothing is left
        to cancel, and the lease is held.
        """
        pool = buildPool("b1", seconds=self.clock.seconds)
        transport = FakeTransport()
        protocols: list[Any] = []

        def now(backend: Any, protocol: Any) -> FakeTransport:
            protocols.append(protocol)
            self.clock.advance(0.25)
            return transport

        connector = Connector(pool, self.dial, now=now)
        self.assertIsNone(connector.connect(PlainContext("192.0.2.1"), self.caller))
        self.assertIs(self.caller.transport, transport)
        self.assertEqual((self.caller.latency, self.dials), (0.25, []))
        self.assertEqual(pool.active, 1)
        # Who aborts it before it has another protocol does no harm.
        protocols[0].connectionLost(Failure(ConnectionRefusedError()))

    def test_notConnectedNow(self) -> None:
        """
        Where it has to wait after all, it is dialed, and others are tried, as ever.
        """
        self.now = lambda backend, protocol: None
        self.connect("b1", "b2")
        self.dials[0].fail()
        self.dials[1].succeed()
        self.assertEqual(sorted(dial.name for dial in self.dials), ["b1", "b2"])
        self.assertIsNotNone(self.caller.transport)
        self.assertEqual(self.pool.active, 1)

    def test_nobodyNow(self) -> None:
        """
        Nobody is dialed where there is nobody; where waiting can help, that is waited for.
        """
        self.now = lambda backend, protocol: self.fail("there is nobody to connect to")
        self.connect()
        self.assertEqual(len(self.caller.errors), 1)
        self.caller = Recorder()
        self.pool.pause()
        attempt = Connector(self.pool, self.dial, now=self.now).connect(
            PlainContext("192.0.2.1"), self.caller
        )
        self.assertEqual(self.caller.errors, [])
        self.assertIsNotNone(attempt)
