"""
Tests for L{lbproxy.l4.udpsession} where backends are not there.
"""

from __future__ import annotations

import errno
import socket
from typing import Any

from twisted.logger import capturedLogs

from lbproxy.config.address import Address
from lbproxy.errors import Outcome
from lbproxy.l4 import udpsession
from lbproxy.l4.udpsession import End
from lbproxy.net.udp import connectDatagrams
from lbproxy.net.udp.targets import Target, Waiter
from lbproxy.pool.backend import AdminState, BackendSpec, Health
from tests.l4.udpfixture import RelayTestCase, received


class FailoverTests(RelayTestCase):
    """
    Backends that are not there.
    """

    def test_refused(self) -> None:
        """
        The question that a closed port refused goes to another backend; the client notices nothing.
        """
        self.build("ab")
        self.backends["a"].close()
        client = self.client()
        self.assertEqual(self.ask(client), b"b:?")
        self.assertEqual((self.relay.refused, self.relay.failovers), (1, 1))
        self.assertEqual(self.pool.outcomes, [("a", Outcome.CONNECT_FAILED)])
        self.assertEqual(self.ended[0].ended, End.REFUSED)

    def test_severalInHand(self) -> None:
        """
        All that was not answered goes there, in order, each once.
        """
        self.build("ab")
        self.backends["a"].close()
        client = self.client()
        for data in (b"1", b"2", b"3"):
            client.send(data)
        self.loop.turnAll()
        self.answer()
        self.assertEqual([received(client) for _ in range(4)], [b"b:1", b"b:2", b"b:3", b""])
        self.assertEqual(self.relay.dropped, 0)

    def test_andBack(self) -> None:
        """
        Who could not serve once may later, when the one that took over fails.
        """
        self.build("ab")
        where = self.backends["a"].getsockname()
        self.backends["a"].close()
        client = self.client()
        self.assertEqual(self.ask(client), b"b:?")
        self.backends["a"] = self.bound(*where)
        self.backends["b"].close()
        self.assertEqual(self.ask(client), b"a:?")

    def test_onlyOneLeft(self) -> None:
        """
        Backend after backend is tried, none twice.
        """
        self.build("abcdef")
        for name in "abcde":
            self.backends[name].close()
        client = self.client()
        self.assertEqual(self.ask(client), b"f:?")
        self.assertEqual([name for name, _ in self.pool.outcomes], list("abcde"))

    def test_nobodyLeft(self) -> None:
        """
        When all refuse the datagram is dropped, counted and, once a minute, logged. The listener
        lives on.
        """
        self.build("ab")
        where = {name: backend.getsockname() for name, backend in self.backends.items()}
        for backend in self.backends.values():
            backend.close()
        client = self.client()
        with capturedLogs() as events:
            for _ in range(5):
                self.assertEqual(self.ask(client), b"")
        self.assertEqual((self.relay.unserved, len(self.relay)), (5, 0))
        self.assertEqual(len(events), 1)
        self.assertIn("tried", events[0]["reason"])
        self.backends["b"] = self.bound(*where["b"])
        self.assertEqual(self.ask(client), b"b:?")

    def test_attemptsAreBounded(self) -> None:
        """
        A datagram is not offered to a hundred dead backends.
        """
        self.build("a")
        dead = self.bound()
        self.pool.replaceBackends(
            BackendSpec(f"d{number}", Address(*dead.getsockname())) for number in range(100)
        )
        dead.close()
        self.ask(self.client())
        self.assertEqual(self.relay.refused, 8)
        self.assertEqual(self.relay.unserved, 1)

    def test_diesLater(self) -> None:
        """
        A session whose backend dies moves with the question that was refused.
        """
        self.build("ab")
        client = self.client()
        self.assertEqual(self.ask(client), b"a:?")
        self.backends["a"].close()
        self.assertEqual(self.ask(client), b"b:?")
        self.assertEqual(self.ask(client), b"b:?")

    def test_onlyTheLatest(self) -> None:
        """
        Where nothing is ever answered (syslog) a backend that dies is not followed by what it had
        long before.
        """
        self.build("ab")
        client = self.client()
        for number in range(101):
            client.send(b"%d" % number)
            self.loop.turnAll()
        self.backends["a"].close()
        client.send(b"101")
        self.loop.turnAll()
        got = []
        while data := received(self.backends["b"]):
            got.append(data)
        self.assertEqual(got[-1], b"101")
        self.assertLessEqual(len(got), 4)

    def test_down(self) -> None:
        """
        A backend that went silent and then down loses the sessions whose questions it did not
        answer, and they find one that does.
        """
        self.build("ab")
        client = self.client()
        client.send(b"1")
        self.loop.turnAll()
        self.backends["a"].recvfrom(100)
        self.pool.setHealth(self.pool.backends["a"], Health.DOWN, "no answer")
        client.send(b"2")
        self.loop.turnAll()
        self.assertEqual(self.answer(), ["b", "b"])
        self.assertEqual((received(client), received(client)), (b"b:1", b"b:2"))
        self.assertEqual(self.ended[0].ended, End.UNREACHABLE)

    def test_downButAnswering(self) -> None:
        """
        Who answers keeps its sessions, whatever a check says.
        """
        self.build("ab")
        client = self.client()
        self.ask(client)
        self.pool.setHealth(self.pool.backends["a"], Health.DOWN, "check")
        self.assertEqual((self.ask(client), self.ask(client)), (b"a:?", b"a:?"))

    def test_drainingBackend(self) -> None:
        """
        A backend that drains keeps its sessions and gets no new ones.
        """
        self.build("ab")
        client = self.client()
        client.send(b"1")
        self.loop.turnAll()
        self.pool.setAdmin(self.pool.backends["a"], AdminState.DRAIN)
        self.assertEqual(self.ask(client, b"2"), b"a:1")
        self.assertEqual([self.ask(self.client()) for _ in range(3)], [b"b:?"] * 3)

    def test_heldIsBounded(self) -> None:
        """
        What is kept for another backend is bounded; beyond it datagrams are sent all the same.
        """
        self.build("ab")
        self.relay.heldLimit = 1000
        clients = [self.client() for _ in range(10)]
        for client in clients:
            client.send(b"x" * 600)
        self.loop.turnAll()
        self.assertLess(self.relay.heldBytes, 1000 + 600)
        self.assertEqual(len(self.answer()), 10)
        self.assertEqual([len(received(client)) for client in clients], [602] * 10)
        self.assertEqual(self.relay.heldBytes, 0)

    def test_noDescriptors(self) -> None:
        """
        When there are no descriptors left the datagram is lost, not the backend's reputation, and
        the listener lives on.
        """
        self.build("a")

        def exhausted(*arguments: object) -> None:
            raise OSError(errno.EMFILE, "Too many open files")

        patched = self.patch(udpsession, "connectDatagrams", exhausted)
        client = self.client()
        with capturedLogs() as events:
            self.assertEqual((self.ask(client), self.ask(client)), (b"", b""))
        self.assertEqual(self.pool.outcomes, [("a", Outcome.CLIENT_LEFT)] * 2)
        self.assertEqual(self.ended[0].ended, End.NO_SOCKET)
        self.assertEqual(len(events), 1)
        patched.restore()
        self.assertEqual(self.ask(client), b"a:?")

    def test_roomForNewClients(self) -> None:
        """
        When descriptors or ports run out a new client takes the place of the one that was idle
        longest.
        """
        self.build("a")
        old, new = self.client(), self.client()
        self.ask(old)
        real, failing = connectDatagrams, [errno.EMFILE]

        def exhausted(*arguments: Any) -> Any:
            if failing:
                raise OSError(failing.pop(), "Too many open files")
            return real(*arguments)

        self.patch(udpsession, "connectDatagrams", exhausted)
        with capturedLogs() as events:
            self.assertEqual(self.ask(new), b"a:?")
        self.assertEqual((self.ended[0].ended, self.relay.evicted), (End.EVICTED, 1))
        self.assertEqual(events[0]["reason"], "Too many open files")
        self.assertEqual(self.ask(old), b"a:?")

    def test_noRoute(self) -> None:
        """
        A backend that cannot even be connected to is passed over.
        """
        self.build("b", addresses={"x": Address("255.255.255.255", 9)})
        self.assertEqual([self.ask(self.client()) for _ in range(4)], [b"b:?"] * 4)
        self.assertIn(("x", Outcome.CONNECT_FAILED), self.pool.outcomes)

    def test_transparent(self) -> None:
        """
        A backend may see the client's own address.
        """
        # Where this needs a privilege and where not is the kernel's; loopback is anybody's.
        harmless = (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.patch(udpsession, "transparency", lambda host: harmless)
        self.build("a", host="0.0.0.0", transparent=True)
        client = self.bound("127.0.0.5")
        client.connect(self.where)
        client.send(b"?")
        self.loop.turnAll()
        _, seen = self.backends["a"].recvfrom(10)
        self.assertEqual(seen[0], "127.0.0.5")
        self.backends["a"].sendto(b"!", seen)
        self.loop.turnAll()
        self.assertEqual(received(client), b"!")

    def test_mayNotBeTransparent(self) -> None:
        """
        Where it may not, the log says so, and the backend is not blamed.
        """

        def forbidden(*arguments: object) -> None:
            raise PermissionError(errno.EPERM, "Operation not permitted")

        self.patch(udpsession, "connectDatagrams", forbidden)
        self.build("a", transparent=True)
        with capturedLogs() as events:
            self.assertEqual(self.ask(self.client()), b"")
        self.assertIn("not permitted", events[0]["reason"])
        self.assertEqual(self.pool.outcomes, [("a", Outcome.CLIENT_LEFT)])

    def test_transparentToAnotherFamily(self) -> None:
        """
        An IPv6 client has no address that an IPv4 backend could see.
        """
        self.build("a", host="::", transparent=True)
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.connect(("::1", self.where[1]))
        with capturedLogs() as events:
            client.send(b"?")
            self.loop.turnAll()
        self.assertIn("no AF_INET for a client at ::1", events[0]["reason"])
        self.assertEqual(self.ended[0].ended, End.NO_SOCKET)

    def test_kernelDrops(self) -> None:
        """
        What the kernel does not take for other reasons is counted as dropped; the session lives.
        """
        self.build("a", proxyHeader=True)
        client = self.client()
        client.send(b"x" * 65_500)
        self.loop.turnAll()
        self.assertEqual((self.relay.dropped, len(self.relay)), (1, 1))
        client.send(b"x")
        self.loop.turnAll()
        self.assertEqual(self.answer(), ["a"])


class FakeNames:
    """
    Names are resolved when a test says so.
    """

    def __init__(self) -> None:
        self.waiting: list[Waiter] = []

    def find(self, address: Address) -> Target | None:
        if address.family is None:
            return None
        return socket.AF_INET, (address.host, address.port)

    def resolve(self, address: Address, waiter: Waiter) -> None:
        self.waiting.append(waiter)


class NameTests(RelayTestCase):
    """
    Backends with names.
    """

    def test_resolved(self) -> None:
        """
        Datagrams wait for the name to be resolved, in order.
        """
        self.build("", addresses={"n": Address("ns.example", 53)})
        waiting = self.resolver()
        client = self.client()
        client.send(b"1")
        client.send(b"2")
        self.loop.turnAll()
        self.backends["n"] = self.bound()
        waiting.pop()((socket.AF_INET, self.backends["n"].getsockname()))
        self.assertEqual(self.answer(), ["n", "n"])
        self.assertEqual((received(client), received(client)), (b"n:1", b"n:2"))

    def test_unknown(self) -> None:
        """
        When it does not resolve another backend is taken.
        """
        self.build("b", addresses={"n": Address("ns.example", 53)})
        waiting = self.resolver()
        self.ask(self.client())
        client = self.client()
        client.send(b"?")
        self.loop.turnAll()
        waiting.pop()(None)
        self.assertEqual(self.answer(), ["b"])
        self.assertEqual(self.pool.outcomes, [("n", Outcome.CONNECT_FAILED)])

    def test_endsMeanwhile(self) -> None:
        """
        A session that ended meanwhile does not come back.
        """
        self.build("", addresses={"n": Address("ns.example", 53)}, idleTimeout=5.0)
        waiting = self.resolver()
        self.client().send(b"?")
        self.loop.turnAll()
        self.loop.advance(6)
        waiting.pop()((socket.AF_INET, ("127.0.0.1", 9)))
        self.assertEqual((len(self.relay), len(self.loop.readers)), (0, 1))

    def test_tooMuchMeanwhile(self) -> None:
        """
        What cannot be kept while the name is looked up is dropped and counted.
        """
        self.build("", addresses={"n": Address("ns.example", 53)})
        self.relay.heldLimit = 0
        self.resolver()
        self.client().send(b"?")
        self.loop.turnAll()
        self.assertEqual(self.relay.dropped, 1)

    def resolver(self) -> list[Waiter]:
        """
        @return: where those are who wait for a name.
        """
        names = FakeNames()
        self.relay.targets = names  # type: ignore[assignment]
        return names.waiting
