"""
Tests for L{lbproxy.l4.udprelay}: who is served, and datagram by datagram.
"""

from __future__ import annotations

from lbproxy.l4.udpsettings import UDPRoute
from lbproxy.pool.pool import Pool
from tests.l4.udpfixture import RelayTestCase


class AdmissionTests(RelayTestCase):
    """
    Who is served.
    """

    def test_denied(self) -> None:
        """
        Clients that may not are not answered, and counted.
        """
        self.build("a", allowed=lambda ip: ip != "127.0.0.1")
        self.assertEqual(self.ask(self.client()), b"")
        self.assertEqual((self.relay.denied, self.relay.opened), (1, 0))

    def test_noRoute(self) -> None:
        """
        A datagram that no route wants is dropped.
        """
        self.build("a")
        self.route = None
        self.assertEqual(self.ask(self.client()), b"")
        self.assertEqual(self.relay.unrouted, 1)

    def test_noBackend(self) -> None:
        """
        A pool without backends drops, until it has some.
        """
        self.build("a")
        self.route = UDPRoute(Pool("empty"))
        self.assertEqual(self.ask(self.client()), b"")
        self.assertEqual(self.relay.unserved, 1)


class PerDatagramTests(RelayTestCase):
    """
    With C{perDatagram} each datagram finds a backend of its own.
    """

    def test_balanced(self) -> None:
        """
        One client's datagrams go to all backends, over one session for each.
        """
        self.build("abc", perDatagram=True)
        client = self.client()
        answers = sorted(self.ask(client) for _ in range(9))
        self.assertEqual(answers, [b"a:?"] * 3 + [b"b:?"] * 3 + [b"c:?"] * 3)
        self.assertEqual((self.relay.opened, len(self.relay)), (3, 3))
        self.assertEqual([backend.active for backend in self.pool.backends.values()], [1, 1, 1])

    def test_refused(self) -> None:
        """
        A refused datagram goes to another backend.
        """
        self.build("ab", perDatagram=True)
        self.backends["a"].close()
        client = self.client()
        self.assertEqual([self.ask(client) for _ in range(4)], [b"b:?"] * 4)

    def test_idle(self) -> None:
        """
        Its sessions end as others do.
        """
        self.build("ab", perDatagram=True, idleTimeout=10.0)
        client = self.client()
        self.ask(client)
        self.ask(client)
        self.loop.advance(11)
        self.assertEqual(len(self.relay), 0)
        self.assertEqual([backend.active for backend in self.pool.backends.values()], [0, 0])
