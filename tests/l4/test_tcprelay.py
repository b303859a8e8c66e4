"""
What the connections of one TCP listener share.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IProtocolFactory
from zope.interface.verify import verifyObject

from tests.l4.tcpfixture import FakePort, RelayTestCase, settle


class DoorTests(RelayTestCase):
    """
    Who may come in.
    """

    def knock(self, relay: object, host: str) -> bool:
        address = IPv4Address("TCP", host, 40000)
        return relay.buildProtocol(address) is not None  # type: ignore[attr-defined]

    def test_interfaces(self) -> None:
        """
        A port finds what it expects.
        """
        verifyObject(IProtocolFactory, self.buildRelay())

    def test_allowed(self) -> None:
        """
        Whom the lists do not allow is refused at the door, and counted.
        """
        relay = self.buildRelay(allowed=lambda clientIP: clientIP.startswith("10."))
        self.assertTrue(self.knock(relay, "10.0.0.1"))
        self.assertFalse(self.knock(relay, "192.0.2.1"))
        self.assertEqual((relay.refused, relay.total), (1, 0))

    def test_tooOften(self) -> None:
        """
        Connections over the rate are refused; one that is denied anyway is not counted as coming.
        """
        came: list[str] = []

        def limited(clientIP: str) -> bool:
            came.append(clientIP)
            return len(came) > 2

        relay = self.buildRelay(allowed=lambda clientIP: clientIP != "denied", limited=limited)
        self.assertFalse(self.knock(relay, "denied"))
        answers = [self.knock(relay, "192.0.2.1") for _ in range(3)]
        self.assertEqual(answers, [True, True, False])

    def test_perIP(self) -> None:
        """
        One address has only so many at a time; others are not touched, and who leaves makes room.
        """
        relay = self.buildRelay(settings={"maxConnectionsPerIP": 2})
        first = self.accept(relay, "192.0.2.1")
        self.accept(relay, "192.0.2.1")
        self.assertFalse(self.knock(relay, "192.0.2.1"))
        self.assertTrue(self.knock(relay, "192.0.2.2"))
        first.reset()
        self.assertTrue(self.knock(relay, "192.0.2.1"))

    def test_perIPForgetsWhoLeft(self) -> None:
        """
        Nothing is kept of addresses without connections.
        """
        relay = self.buildRelay(settings={"maxConnectionsPerIP": 2})
        for number in range(50):
            self.accept(relay, f"192.0.2.{number}").reset()
        self.assertEqual(relay._perIP, {})

    def test_unixClients(self) -> None:
        """
        Clients over a UNIX socket have no address, and are welcome.
        """
        relay = self.buildRelay(settings={"maxConnectionsPerIP": 2})
        self.assertIsNotNone(relay.buildProtocol(UNIXAddress(b"")))


class CrowdTests(RelayTestCase):
    """
    So many at a time.
    """

    def test_othersWaitInTheBacklog(self) -> None:
        """
        With all places taken the ports accept nobody, until one is free.
        """
        relay = self.buildRelay(settings={"maxConnections": 2})
        ports = [FakePort(), FakePort()]
        for port in ports:
            relay.addPort(port)
        clients = [self.accept(relay), self.accept(relay)]
        self.assertEqual([port.accepting for port in ports], [False, False])
        late = FakePort()
        relay.addPort(late)
        self.assertFalse(late.accepting)
        clients[0].reset()
        self.assertEqual([port.accepting for port in (*ports, late)], [True, True, True])


class EndTests(RelayTestCase):
    """
    Stopping.
    """

    def test_drain(self) -> None:
        """
        The ports close, connections go on, and one is told when the last has ended.
        """
        relay, port = self.buildRelay(), FakePort()
        relay.addPort(port)
        client, backend = self.connected(relay)
        waiting = self.accept(relay)
        self.successResultOf(relay.stopAccepting())
        self.assertTrue(port.closed)
        idle = relay.whenIdle()
        self.assertNoResult(idle)
        client.receive(b"still here")
        self.assertEqual(backend.written, b"still here")
        waiting.reset()
        client.reset()
        self.assertNoResult(idle)
        settle(backend)
        self.successResultOf(idle)
        self.successResultOf(relay.whenIdle())

    def test_cancelledWaiting(self) -> None:
        """
        Whoever gave up waiting does not disturb the others.
        """
        relay = self.buildRelay()
        client = self.accept(relay)
        impatient, patient = relay.whenIdle(), relay.whenIdle()
        impatient.cancel()
        self.failureResultOf(impatient)
        client.reset()
        self.successResultOf(patient)

    def test_abortAll(self) -> None:
        """
        At the end of patience everybody is reset, in whatever state.
        """
        relay = self.buildRelay()
        piped = self.connected(relay)
        dialing = self.accept(relay)
        relay.abortAll()
        self.assertTrue(piped[0].aborted and piped[1].aborted)
        self.assertTrue(self.dials[-1].cancelled)
        settle(*piped, dialing)
        self.assertOver(relay, "drained", "drained")

    def test_closeAll(self) -> None:
        """
        Or closed in peace.
        """
        relay = self.buildRelay()
        piped = self.connected(relay)
        piped[0].receive(b"last words")
        relay.closeAll()
        self.assertTrue(piped[0].ending and piped[1].ending)
        settle(*piped)
        self.assertEqual(piped[1].written, b"last words")
        self.assertOver(relay, "drained")

    def test_stopDuringADial(self) -> None:
        """
        A dial that succeeds after the end of patience finds nobody.
        """
        relay = self.buildRelay()
        client = self.accept(relay)
        relay.abortAll()
        settle(client)
        self.assertTrue(self.dials[0].cancelled)
        self.assertOver(relay, "drained")


class RouteChangeTests(RelayTestCase):
    """
    A new configuration.
    """

    def test_newConnectionsTakeNewRoutes(self) -> None:
        """
        Those there are stay where they are.
        """
        relay = self.buildRelay()
        client, backend = self.connected(relay)
        relay.replaceRoutes([self.route("new")])
        client.receive(b"as before")
        self.assertEqual(backend.written, b"as before")
        later = self.accept(relay)
        later.reset()
        client.reset()
        settle(backend)
        self.assertEqual([record.route for record in self.records], ["new", "all"])


class BandwidthTests(RelayTestCase):
    """
    Limits on bytes per second.
    """

    def test_perConnectionAndAltogether(self) -> None:
        """
        A connection is held back by its own limit, and by what all have together.
        """
        relay = self.buildRelay(settings={"up": 1000, "totalDown": 1000})
        first, second = self.connected(relay), self.connected(relay)
        first[0].receive(bytes(10_000))
        self.assertEqual([pair[0].reading for pair in (first, second)], [False, True])
        first[1].receive(bytes(10_000))
        second[1].receive(b"!")
        self.assertEqual([pair[1].reading for pair in (first, second)], [False, False])
