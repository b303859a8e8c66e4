"""
Tests for L{lbproxy.l7.factory}: what all connections of a listener share.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.factory import HTTPSettings
from tests.l7.doubles import GET, LOST, OK, Stage, Wire


class PausingPort:
    """
    A port that shows whether it accepts.
    """

    def __init__(self) -> None:
        self.accepting = True

    def pauseProducing(self) -> None:
        """
        No more.
        """
        self.accepting = False

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self.accepting = True


class LimitTests(SynchronousTestCase):
    """
    Too many connections.
    """

    def test_maxConnections(self) -> None:
        """
        When the listener has all it may have, new connections wait outside until one has gone.
        """
        stage = Stage(settings=HTTPSettings(maxConnections=2))
        ports = [PausingPort(), PausingPort()]
        for port in ports:
            stage.factory.addPort(port)
        _, first = stage.connect()
        self.assertEqual([port.accepting for port in ports], [True, True])
        _, second = stage.connect()
        self.assertEqual([port.accepting for port in ports], [False, False])
        first.lose()
        self.assertEqual([port.accepting for port in ports], [True, True])
        stage.connect()
        self.assertFalse(ports[0].accepting)
        second.lose()
        self.assertTrue(ports[0].accepting)

    def test_noLimit(self) -> None:
        """
        Without a limit nothing ever waits.
        """
        stage = Stage()
        port = PausingPort()
        stage.factory.addPort(port)
        for _ in range(100):
            stage.connect()
        self.assertTrue(port.accepting)

    def test_perIP(self) -> None:
        """
        A client with too many connections is told so on the next one; others aren't concerned.
        """
        stage = Stage(settings=HTTPSettings(maxConnectionsPerIP=2))
        wires = [stage.connect()[1] for _ in range(2)]
        third, wire = stage.connect()
        self.assertEqual(wire.value(), b"")
        third.dataReceived(GET)
        self.assertTrue(wire.value().startswith(b"HTTP/1.1 429 Too Many Requests\r\n"))
        self.assertTrue(wire.disconnecting or wire.ended)
        record = stage.records[0]
        self.assertEqual((record.code, record.detail), ("tooManyConnections", "192.0.2.7"))
        other, _ = stage.connect("192.0.2.8")
        other.dataReceived(GET)
        self.assertEqual(len(stage.dials), 1)
        for each in (*wires, wire):
            each.lose()
        again, _ = stage.connect()
        again.dataReceived(GET)
        self.assertEqual(len(stage.dials), 2)

    def test_silentOneTooMany(self) -> None:
        """
        One too many that says nothing doesn't keep its place for as long as others.
        """
        stage = Stage(settings=HTTPSettings(maxConnectionsPerIP=1))
        stage.connect()
        _, wire = stage.connect()
        stage.advance(10.2)
        self.assertTrue(wire.disconnecting)

    def test_nobodyIsForgotten(self) -> None:
        """
        When all are gone nothing is kept of them.
        """
        stage = Stage(settings=HTTPSettings(maxConnectionsPerIP=2))
        for at in range(300):
            _, wire = stage.connect(f"192.0.2.{at % 256}")
            wire.lose()
        self.assertEqual(stage.factory.active, 0)
        self.assertEqual(stage.factory._perIP, {})

    def test_overloaded(self) -> None:
        """
        While the loop is late requests are turned away at once.
        """
        stage = Stage()
        stage.factory.overloaded = True
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        self.assertTrue(wire.value().startswith(b"HTTP/1.1 503 "))
        self.assertEqual((stage.records[0].code, stage.dials), ("overloaded", []))
        stage.factory.overloaded = False
        protocol, _ = stage.connect()
        protocol.dataReceived(GET)
        self.assertEqual(len(stage.dials), 1)


class CountingTests(SynchronousTestCase):
    """
    What a listener has done.
    """

    def test_counters(self) -> None:
        """
        Connections, requests, and statuses by their first digit; 0 for clients that left before.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        for status in (b"200", b"404", b"404", b"500"):
            protocol.dataReceived(GET)
            dialed = stage.dials[0]
            if not dialed.accepted:
                dialed.accept()
            dialed.answer(OK.replace(b"200", status))
        protocol.dataReceived(GET)
        wire.lose(LOST)
        stage.connect()
        counters = stage.factory.counters
        self.assertEqual((counters.connections, counters.requests), (2, 5))
        self.assertEqual(counters.statuses[:6], [1, 0, 1, 0, 2, 1])

    def test_recordOfEach(self) -> None:
        """
        Each exchange is recorded once, when it is over, with all that the log wants to know.
        """
        stage = Stage()
        protocol, _ = stage.connect()
        protocol.dataReceived(GET)
        self.assertEqual(stage.records, [])
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        self.assertEqual([record.status for record in stage.records], [200])

    def test_nobodyRecords(self) -> None:
        """
        Without a log nothing is recorded.
        """
        stage = Stage()
        stage.factory._record = None
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        self.assertTrue(wire.value().startswith(b"HTTP/1.1 200 "))

    def test_failuresAreLogged(self) -> None:
        """
        A backend that fails is named in the log, with the reason.
        """
        stage = Stage(("b1", "b2"))
        logged: list[dict[str, object]] = []

        class Log:
            def warn(self, form: str, **values: object) -> None:
                logged.append(values)

        stage.factory.log = Log()  # type: ignore[assignment]
        protocol, _ = stage.connect()
        protocol.dataReceived(GET)
        stage.dials[0].refuse()
        self.assertEqual(len(logged), 1)
        self.assertEqual((logged[0]["backend"], logged[0]["code"]), ("web/b1", "connectFailed"))
        self.assertIn("refused", str(logged[0]["detail"]))

    def test_failuresDoNotFloodTheLog(self) -> None:
        """
        A backend that fails again and again is told of once a second for each reason.
        """
        stage = Stage(("b1",))
        logged: list[object] = []

        class Log:
            def warn(self, form: str, **values: object) -> None:
                logged.append(values["backend"])

        stage.factory.log = Log()  # type: ignore[assignment]

        def fails() -> None:
            protocol, _ = stage.connect()
            protocol.dataReceived(GET)
            stage.dials[-1].refuse()

        fails()
        fails()
        self.assertEqual(len(logged), 1)
        stage.clock.advance(1)
        fails()
        self.assertEqual(len(logged), 2)


class DrainTests(SynchronousTestCase):
    """
    The end of a listener; what it means for each connection is tested with the server.
    """

    def test_nothingToWaitFor(self) -> None:
        """
        Without connections it is over at once.
        """
        over: list[object] = []
        Stage().factory.drain().addCallback(over.append)
        self.assertEqual(len(over), 1)

    def test_waitsForTheLast(self) -> None:
        """
        It is over when the last connection is gone.
        """
        stage = Stage()
        wires: list[Wire] = []
        for _ in range(3):
            protocol, wire = stage.connect()
            protocol.dataReceived(GET)
            wires.append(wire)
        over: list[object] = []
        stage.factory.drain().addCallback(over.append)
        for wire in wires:
            self.assertEqual(over, [])
            wire.lose()
        self.assertEqual(len(over), 1)

    def test_newcomers(self) -> None:
        """
        A connection that came in just before the port closed has one request.
        """
        stage = Stage()
        stage.factory.drain()
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        self.assertIn(b"Connection: close\r\n", wire.value())
        self.assertTrue(wire.disconnecting)


class NamesTests(SynchronousTestCase):
    """
    Names of requests.
    """

    def test_uniqueAmongProcesses(self) -> None:
        """
        Two listeners, or two processes, give different names.
        """
        names = {Stage().factory.nextRequestID() for _ in range(20)}
        self.assertEqual(len(names), 20)
