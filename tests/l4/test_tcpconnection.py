"""
What happens to one client of a TCP listener.
"""

from __future__ import annotations

from twisted.internet.error import TimeoutError as ConnectTimedOut
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol
from zope.interface.verify import verifyObject

from lbproxy.l4.tcpconnection import TCPConnection
from tests.l4.tcpfixture import RelayTestCase, settle
from tests.net.faketransport import FakeTransport


class ConnectingTests(RelayTestCase):
    """
    Until there is a backend.
    """

    def test_interfaces(self) -> None:
        """
        A transport finds what it expects.
        """
        verifyObject(IHalfCloseableProtocol, TCPConnection(self.buildRelay()))
        verifyObject(IProtocol, TCPConnection(self.buildRelay()))

    def test_theClientWaitsForTheBackend(self) -> None:
        """
        Nothing is read from a client before its backend has answered.
        """
        client = self.accept(self.buildRelay())
        self.assertFalse(client.reading)
        self.dials[0].succeed()
        self.assertTrue(client.reading)

    def test_bytesPass(self) -> None:
        """
        Then the two talk, and it is written down who talked how much.
        """
        relay = self.buildRelay()
        client, backend = self.connected(relay)
        client.receive(b"question")
        backend.receive(b"answer")
        self.assertEqual((relay.bytesUp, relay.bytesDown), (8, 6))
        self.clock.advance(2)
        client.finish()
        backend.finish()
        settle(client, backend)
        self.assertOver(relay, "clientClosed")
        record = self.records[0]
        self.assertEqual(
            (record.client, record.listener, record.route, record.pool, record.backend),
            ("192.0.2.1", "edge", "all", "web", "b1"),
        )
        self.assertEqual((record.bytesUp, record.bytesDown, record.duration), (8, 6, 2.0))
        self.assertEqual((relay.bytesUp, relay.bytesDown, relay.total), (8, 6, 1))

    def test_anotherBackendIsTried(self) -> None:
        """
        The client does not notice that the first backend is dead.
        """
        relay = self.buildRelay()
        client = self.accept(relay)
        self.dials[0].fail()
        backend = self.dials[1].succeed()
        client.receive(b"hello")
        self.assertEqual(backend.written, b"hello")
        self.assertNotEqual(self.dials[0].name, self.dials[1].name)

    def test_nobodyAnswers(self) -> None:
        """
        When all fails the client is closed, and the log says why.
        """
        relay = self.buildRelay()
        client = self.accept(relay)
        self.dials[0].fail()
        self.dials[1].fail(ConnectTimedOut())
        self.assertTrue(client.ending)
        settle(client)
        self.assertOver(relay, "connectTimeout")
        self.assertIn(self.dials[1].name, self.records[0].detail)

    def test_nobodyIsThere(self) -> None:
        """
        An empty pool closes the client at once.
        """
        self.pool.replaceBackends([])
        relay = self.buildRelay()
        client = self.accept(relay)
        settle(client)
        self.assertOver(relay, "noBackend")

    def test_theClientLeavesMeanwhile(self) -> None:
        """
        A client that leaves before its backend answers takes the dial with it.
        """
        relay = self.buildRelay()
        client = self.accept(relay)
        client.reset()
        self.assertTrue(self.dials[0].cancelled)
        self.assertOver(relay, "clientLeft")

    def test_earlyWords(self) -> None:
        """
        What TLS had already decrypted when reading was paused is not lost, nor is its end.
        """
        client = self.accept(self.buildRelay())
        client.protocol.dataReceived(b"early ")
        client.protocol.dataReceived(b"bird")
        client.protocol.readConnectionLost()
        backend = self.dials[0].succeed()
        self.assertEqual(backend.written, b"early bird")
        self.assertTrue(backend.halfClosed)

    def test_aBackendThatResets(self) -> None:
        """
        A reset by the backend is the backend's failure, one by the client is not.
        """
        relay = self.buildRelay()
        client, backend = self.connected(relay)
        backend.reset()
        settle(client)
        client, backend = self.connected(relay)
        client.reset()
        settle(backend)
        self.assertOver(relay, "backendReset", "clientReset")
        self.assertEqual(sum(each.failures for each in self.pool.backends.values()), 1)


class RoutingTests(RelayTestCase):
    """
    Routes by what is known from the accept.
    """

    def test_bySource(self) -> None:
        """
        Routes by source need not look at any byte.
        """
        inside = self.route("inside", source="10.0.0.1".__eq__)
        relay = self.buildRelay(inside, self.route("rest"))
        for host in "10.0.0.1", "192.0.2.1":
            client = self.accept(relay, host)
            self.dials[-1].succeed()
            client.reset()
            settle(self.dials[-1].transport)
        self.assertEqual([record.route for record in self.records], ["inside", "rest"])

    def test_noRoute(self) -> None:
        """
        Whom no route takes is closed.
        """
        relay = self.buildRelay(self.route("inside", source="10.0.0.1".__eq__))
        settle(self.accept(relay))
        named = self.buildRelay(
            self.route("inside", source="10.0.0.1".__eq__, serverNames=["a.example"])
        )
        settle(self.accept(named))
        self.assertOver(relay, "noRoute", "noRoute")

    def test_byWhatTLSAgreedOn(self) -> None:
        """
        Where the listener ends TLS, the handshake's name and protocol choose the route.
        """
        relay = self.buildRelay(
            self.route("a", serverNames=["a.example"], alpn=frozenset([b"h2"])),
            self.route("rest"),
        )
        for name, agreed in ("a.example", b"h2"), ("a.example", None), ("b.example", b"h2"):
            client = FakeTransport(isSecure=True)
            client.serverName, client.negotiatedProtocol = name, agreed
            client.connect(relay.buildProtocol(client.getPeer()))
            context = self.dials[-1].context
            self.assertEqual((context.serverName, context.secure), (name, True))
            client.reset()
        self.assertEqual([record.route for record in self.records], ["a", "rest", "rest"])


class AgeTests(RelayTestCase):
    """
    Connections that have lived for long enough.
    """

    def test_maxAge(self) -> None:
        """
        A connection ends in peace when it is old, a little earlier or later than others.
        """
        relay = self.buildRelay(settings={"maxAge": 100.0})
        pairs = [self.connected(relay) for _ in range(20)]
        ages = {}
        for second in range(101):
            self.clock.advance(1)
            ages.update({n: second for n, (client, _) in enumerate(pairs) if client.ending})
            if second == 88:
                self.assertEqual(ages, {})
        for pair in pairs:
            settle(*pair)
        self.assertEqual(len(ages), 20)
        self.assertOver(relay, *["maxAge"] * 20)

    def test_maxAgeWhileConnecting(self) -> None:
        """
        A life may end before it has really begun.
        """
        relay = self.buildRelay(settings={"maxAge": 1.0})
        client = self.accept(relay)
        self.clock.advance(1.2)
        self.assertTrue(self.dials[0].cancelled)
        settle(client)
        self.assertOver(relay, "maxAge")

    def test_idle(self) -> None:
        """
        Silence ends a connection, where it is asked for.
        """
        relay = self.buildRelay(settings={"idleTimeout": 10.0})
        client, backend = self.connected(relay)
        self.clock.pump([1.0] * 14)
        settle(client, backend)
        self.assertOver(relay, "idle")
