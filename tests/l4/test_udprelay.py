"""
Tests for L{lbproxy.l4.udprelay}.
"""

from __future__ import annotations

import errno
import os
import socket

from twisted.logger import capturedLogs

from lbproxy.config.address import Address
from lbproxy.errors import Outcome
from lbproxy.l4 import sessiontable, udpsession
from lbproxy.l4.traffic import Traffic
from lbproxy.l4.udpsession import End
from lbproxy.l4.udpsettings import UDPRoute
from lbproxy.net.udp.targets import Target, Waiter
from lbproxy.pool.backend import AdminState, BackendSpec, Health
from lbproxy.pool.pool import Pool
from tests.l4.udpfixture import RelayTestCase, received


class SessionTests(RelayTestCase):
    """
    A client and its backend.
    """

    def test_thereAndBack(self) -> None:
        """
        A client's datagrams go to one backend, whose answers come from the address that was asked.
        """
        self.build()
        client = self.client()
        self.assertEqual(self.ask(client, b"1"), b"a:1")
        self.assertEqual(self.ask(client, b"2"), b"a:2")
        self.assertEqual(self.relay.opened, 1)

    def test_balanced(self) -> None:
        """
        Each client has a backend of its own.
        """
        self.build()
        first, second = self.client(), self.client()
        self.assertEqual((self.ask(first), self.ask(second)), (b"a:?", b"b:?"))
        self.assertEqual((self.ask(second), self.ask(first)), (b"b:?", b"a:?"))

    def test_largest(self) -> None:
        """
        The largest datagrams pass whole, both ways.
        """
        self.build("a")
        client, data = self.client(), os.urandom(65_507)
        client.send(data)
        self.loop.turnAll()
        got, us = self.backends["a"].recvfrom(65_536)
        self.assertEqual(got, data)
        self.backends["a"].sendto(data[::-1], us)
        self.loop.turnAll()
        self.assertEqual(received(client), data[::-1])

    def test_empty(self) -> None:
        """
        A datagram without a byte passes, too.
        """
        self.build("a")
        client = self.client()
        client.send(b"")
        self.loop.turnAll()
        self.assertEqual(self.answer(), ["a"])
        self.assertEqual(received(client), b"a:")

    def test_manyAnswers(self) -> None:
        """
        A backend may say as much as it wants, and speak without having been asked anew.
        """
        self.build("a")
        client = self.client()
        self.ask(client)
        us = self.relay._table.oldest()._link.localAddress()  # type: ignore[union-attr]
        for number in range(40):
            self.backends["a"].sendto(b"%d" % number, us)
        self.loop.turnAll()
        self.assertEqual(
            [received(client) for _ in range(41)], [*(b"%d" % n for n in range(40)), b""]
        )

    def test_wildcard(self) -> None:
        """
        A client that asks two addresses of ours has two sessions, and each answer comes from the
        address that was asked.
        """
        self.build("a", host="0.0.0.0")
        one, other = self.client("127.0.0.1"), self.client("127.0.0.2")
        self.assertEqual((self.ask(one), self.ask(other)), (b"a:?", b"a:?"))
        one.connect(("127.0.0.3", self.where[1]))
        self.assertEqual(self.ask(one), b"a:?")
        self.assertEqual(self.relay.opened, 3)

    def test_severalAddresses(self) -> None:
        """
        A listener may have several addresses; sessions are counted together.
        """
        self.build("a", maxSessions=2)
        second = self.relay.listen(Address("127.0.0.1", 0))
        self.addCleanup(second.stopListening)
        client = self.client()
        self.assertEqual(self.ask(client), b"a:?")
        client.connect(("127.0.0.1", second.getHost().port))
        self.assertEqual(self.ask(client), b"a:?")
        self.assertEqual(len(self.relay), 2)
        self.ask(self.client())
        self.assertEqual((len(self.relay), self.relay.evicted), (2, 1))

    def test_inheritedSocket(self) -> None:
        """
        A socket that somebody else bound serves as well.
        """
        self.build("a")
        port = self.relay.adopt(self.bound())
        self.addCleanup(port.stopListening)
        client = self.bound()
        client.connect(("127.0.0.1", port.getHost().port))
        self.assertEqual(self.ask(client), b"a:?")

    def test_counted(self) -> None:
        """
        Datagrams and bytes are counted both ways.
        """
        self.build("a")
        client = self.client()
        self.ask(client, b"123")
        self.ask(client, b"4")
        relay = self.relay
        self.assertEqual(relay.traffic(), Traffic(2, 2, 4, 8))
        self.assertEqual((relay.dropped, relay.truncated, relay.overflowed), (0, 0, 0))
        relay.abortAll()
        self.assertEqual(relay.traffic(), Traffic(2, 2, 4, 8))

    def test_context(self) -> None:
        """
        The pool is asked with the client's address, and the ID of its QUIC connection.
        """
        self.build("a")
        client = self.client()
        self.ask(client, b"\xc0\0\0\0\1\x04dest\x00" + bytes(40))
        self.assertEqual(self.pool.seen, [("127.0.0.1", b"dest")])

    def test_record(self) -> None:
        """
        A session that ended is told of, with all that is known.
        """
        self.build("a", idleTimeout=10.0)
        client = self.client()
        client.send(b"12")
        self.loop.turnAll()
        self.loop.advance(0.25)
        self.answer()
        self.loop.advance(11)
        (session,) = self.ended
        self.assertEqual(session.client.clientIP, "127.0.0.1")
        self.assertEqual(session.lease.backend.name, "a")
        self.assertEqual((session.questions, session.answers), (1, 1))
        self.assertEqual((session.bytesUp, session.bytesDown), (2, 4))
        self.assertEqual((session.latency, session.ended), (0.25, End.IDLE))
        self.assertEqual(self.pool.latencies, [0.25])
        self.assertIn("1 questions", repr(session))


class EndTests(RelayTestCase):
    """
    How long sessions last.
    """

    def test_idle(self) -> None:
        """
        A session ends C{idleTimeout} after its last datagram, its lease and socket with it.
        """
        self.build("a", idleTimeout=30.0)
        self.ask(self.client())
        self.loop.advance(29.5)
        self.assertEqual(len(self.relay), 1)
        self.loop.advance(1)
        self.assertEqual(len(self.relay), 0)
        self.assertEqual(self.pool.outcomes, [("a", Outcome.OK)])
        self.assertEqual(len(self.loop.readers), 1)

    def test_bothWaysCount(self) -> None:
        """
        Questions and answers both keep a session alive.
        """
        self.build("a", idleTimeout=30.0)
        client = self.client()
        self.ask(client)
        for _ in range(10):
            self.loop.advance(20)
            client.send(b"!")
            self.loop.turnAll()
            self.loop.advance(20)
            self.answer()
        self.assertEqual((self.relay.opened, len(self.relay)), (1, 1))

    def test_idleInOrder(self) -> None:
        """
        Each session has its own time.
        """
        self.build("a", idleTimeout=30.0)
        first, second = self.client(), self.client()
        self.ask(first)
        self.loop.advance(10)
        self.ask(second)
        self.loop.advance(15)
        self.ask(first)
        self.loop.advance(16)
        self.assertEqual([s.client.address for s in self.ended], [second.getsockname()])
        self.loop.advance(15)
        self.assertEqual(len(self.relay), 0)

    def test_neverIdle(self) -> None:
        """
        With 0 no silence ends a session.
        """
        self.build("a", idleTimeout=0)
        self.ask(self.client())
        self.loop.advance(1e6)
        self.assertEqual(len(self.relay), 1)

    def test_manyAtOnce(self) -> None:
        """
        When very many become idle at the same time they end in portions, so that others get theirs.
        """
        self.build("a", idleTimeout=30.0)
        clients = [self.client() for _ in range(30)]
        for client in clients:
            client.send(b"x")
        self.loop.turnAll()
        self.patch(sessiontable, "_SWEEP", 10)
        self.loop.advance(30.2)
        self.assertEqual(len(self.relay), 20)
        self.loop.advance(0.2)
        self.assertEqual(len(self.relay), 10)
        self.loop.advance(0.2)
        self.assertEqual(len(self.relay), 0)

    def test_responses(self) -> None:
        """
        With C{responses} the session ends as soon as its question is answered.
        """
        self.build("ab", responses=1)
        client = self.client()
        self.assertEqual(self.ask(client), b"a:?")
        self.assertEqual((len(self.relay), self.ended[0].ended), (0, End.ANSWERED))
        self.assertEqual(self.ask(client), b"b:?")
        self.assertEqual(self.pool.outcomes, [("a", Outcome.OK), ("b", Outcome.OK)])

    def test_responsesOfSeveralQuestions(self) -> None:
        """
        A client that asks twice before the first answer, as resolvers do, gets both answers.
        """
        self.build("ab", responses=1)
        client = self.client()
        client.send(b"A")
        client.send(b"AAAA")
        self.loop.turnAll()
        self.assertEqual(self.answer(), ["a", "a"])
        self.assertEqual((received(client), received(client)), (b"a:A", b"a:AAAA"))
        self.assertEqual(len(self.relay), 0)

    def test_severalResponses(self) -> None:
        """
        There may be more than one answer to a question.
        """
        self.build("a", responses=2)
        client = self.client()
        self.ask(client)
        self.assertEqual(len(self.relay), 1)
        us = self.relay._table.oldest()._link.localAddress()  # type: ignore[union-attr]
        self.backends["a"].sendto(b"more", us)
        self.loop.turnAll()
        self.assertEqual(len(self.relay), 0)
        self.assertEqual(received(client), b"more")

    def test_lateAnswer(self) -> None:
        """
        An answer to a session that is over reaches nobody, least of all another client.
        """
        self.build("a", responses=1)
        client = self.client()
        client.send(b"1")
        self.loop.turnAll()
        _, us = self.backends["a"].recvfrom(100)
        self.backends["a"].sendto(b"first", us)
        self.loop.turnAll()
        self.backends["a"].sendto(b"second", us)
        other = self.client()
        self.assertEqual(self.ask(other), b"a:?")
        self.assertEqual((received(client), received(client)), (b"first", b""))

    def test_silentWhereAnswersAreDue(self) -> None:
        """
        Where answers are due, none at all is the backend's fault.
        """
        self.build("a", responses=1, idleTimeout=5.0)
        self.client().send(b"?")
        self.loop.turnAll()
        self.loop.advance(6)
        self.assertEqual(self.pool.outcomes, [("a", Outcome.TIMED_OUT)])

    def test_tooMany(self) -> None:
        """
        Over C{maxSessions} the session that was idle longest ends, and the log says so.
        """
        self.build("a", maxSessions=3)
        clients = [self.client() for _ in range(4)]
        with capturedLogs() as events:
            for client in clients[:3]:
                self.ask(client)
                self.loop.advance(2)
            self.ask(clients[0])
            self.loop.advance(2)
            self.ask(clients[3])
        self.assertEqual(self.ended[0].client.address, clients[1].getsockname())
        self.assertEqual((self.ended[0].ended, self.relay.evicted), (End.EVICTED, 1))
        self.assertEqual(len(events), 1)
        self.assertEqual(events[0]["reason"], "3 sessions are the most")

    def test_flood(self) -> None:
        """
        A flood of new clients is served within the bound, with one line in the log per minute.
        """
        self.build("a", maxSessions=10, idleTimeout=0)
        with capturedLogs() as events:
            for _ in range(100):
                client = self.client()
                self.assertEqual(self.ask(client), b"a:?")
                client.close()
            self.loop.advance(61)
            self.ask(self.client())
        self.assertEqual((self.relay.evicted, len(self.relay)), (91, 10))
        self.assertEqual([event["count"] for event in events], [1, 90])

    def test_drain(self) -> None:
        """
        While draining old sessions go on, new ones do not begin; it is over when the last ended.
        """
        self.build("a", idleTimeout=30.0)
        old, new = self.client(), self.client()
        self.ask(old)
        drained = self.relay.drain()
        self.assertEqual((self.ask(new), self.ask(old)), (b"", b"a:?"))
        self.assertEqual(self.relay.turnedAway, 1)
        self.loop.advance(20)
        self.assertEqual(self.ask(old), b"a:?")
        self.assertNoResult(drained)
        self.loop.advance(31)
        self.successResultOf(drained)

    def test_failoverWhileDraining(self) -> None:
        """
        An old client whose backend dies while draining is not lost.
        """
        self.build("ab")
        client = self.client()
        self.ask(client)
        self.relay.drain()
        self.backends["a"].close()
        self.assertEqual(self.ask(client), b"b:?")

    def test_drainNobody(self) -> None:
        """
        Without sessions it is over at once.
        """
        self.build("a")
        self.successResultOf(self.relay.drain())

    def test_abortAll(self) -> None:
        """
        All sessions can be ended at once.
        """
        self.build("ab")
        for _ in range(3):
            self.ask(self.client())
        drained = self.relay.drain()
        self.relay.abortAll()
        self.successResultOf(drained)
        self.assertEqual({session.ended for session in self.ended}, {End.DRAINED})
        self.assertEqual(len(self.pool.outcomes), 3)
        self.assertEqual(len(self.loop.readers), 1)

    def test_noGrowth(self) -> None:
        """
        A thousand sessions come and go and leave nothing: no descriptor, no lease, no timer.
        """
        self.build("ab", responses=1, idleTimeout=5.0)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(1000):
            client = self.bound()
            client.connect(self.where)
            self.assertNotEqual(self.ask(client), b"")
            client.close()
        self.loop.advance(6)
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
        self.assertEqual(sum(backend.active for backend in self.pool.backends.values()), 0)
        self.assertEqual((len(self.loop.readers), self.loop.getDelayedCalls()), (1, []))
        self.assertEqual((self.relay.heldBytes, self.relay._table.deadline), (0, 0.0))


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


class QUICTests(RelayTestCase):
    """
    QUIC connections stay on their backend.
    """

    def handshake(self, client: socket.socket) -> str:
        """
        A client's first packet and the server's, which names the ID C{server-1}.

        @return: the backend's name.
        """
        client.send(b"\xc3\0\0\0\1\x08original\x02me" + bytes(1180))
        self.loop.turnAll()
        for name, backend in self.backends.items():
            try:
                _, us = backend.recvfrom(2000)
            except BlockingIOError:
                continue
            backend.sendto(b"\xc3\0\0\0\1\x02me\x08server-1" + bytes(100), us)
            self.loop.turnAll()
            self.assertNotEqual(received(client), b"")
            return name
        raise AssertionError("nobody was asked")

    def test_addressChanges(self) -> None:
        """
        A client whose address changed goes on with the same backend, which sees a new address, too,
        and answers to it; the connection is still one lease.
        """
        self.build("abc")
        old, new = self.client(), self.client()
        name = self.handshake(old)
        us = self.relay._table.oldest()._link.localAddress()  # type: ignore[union-attr]
        new.send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        _, path = self.backends[name].recvfrom(2000)
        self.assertNotEqual(path, us)
        self.backends[name].sendto(b"\x41me", path)
        self.loop.turnAll()
        self.assertEqual((received(new), received(old)), (b"\x41me", b""))
        self.assertEqual(self.pool.backends[name].active, 1)
        self.assertEqual(self.pool.backends[name].total, 1)

    def test_again(self) -> None:
        """
        And again, also when the first session is long over; the lease ends with the last.
        """
        self.build("abc", idleTimeout=10.0)
        name = self.handshake(self.client())
        for _ in range(3):
            self.loop.advance(6)
            self.client().send(b"\x41server-1" + bytes(30))
            self.loop.turnAll()
            self.assertEqual(self.answer(), [name])
        self.assertEqual(self.pool.outcomes, [])
        self.loop.advance(11)
        self.assertEqual(self.pool.outcomes, [(name, Outcome.OK)])
        assert self.relay.connectionIDs is not None
        self.assertEqual(self.relay.connectionIDs.sessions, {})

    def test_handshakeGoesOn(self) -> None:
        """
        The address may change during the handshake.
        """
        self.build("abc")
        name = self.handshake(self.client())
        self.client().send(b"\xe3\0\0\0\1\x08server-1\x02me" + bytes(100))
        self.loop.turnAll()
        self.assertEqual(self.answer(), [name])

    def test_draining(self) -> None:
        """
        A connection follows its client on a backend that drains, too.
        """
        self.build("abc")
        name = self.handshake(self.client())
        self.pool.setAdmin(self.pool.backends[name], AdminState.DRAIN)
        self.client().send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        self.assertEqual(self.answer(), [name])

    def test_down(self) -> None:
        """
        Not to one that is down.
        """
        self.build("ab")
        name = self.handshake(self.client())
        self.pool.setHealth(self.pool.backends[name], Health.DOWN)
        self.client().send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        self.assertNotEqual(self.answer(), [name])

    def test_refused(self) -> None:
        """
        When the backend is gone the new session looks for another, as any does.
        """
        self.build("ab")
        name = self.handshake(self.client())
        self.backends[name].close()
        self.client().send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        self.assertNotEqual(self.answer(), [])

    def test_unknownID(self) -> None:
        """
        Others' datagrams are balanced as ever.
        """
        self.build("abc")
        self.handshake(self.client())
        answered = set()
        for _ in range(3):
            self.client().send(b"\x41server-2" + bytes(30))
            self.loop.turnAll()
            answered.update(self.answer())
        self.assertEqual(answered, {"a", "b", "c"})

    def test_off(self) -> None:
        """
        It can be turned off.
        """
        self.build("abc", followQUIC=False)
        self.handshake(self.client())
        answered = set()
        for _ in range(3):
            self.client().send(b"\x41server-1" + bytes(30))
            self.loop.turnAll()
            answered.update(self.answer())
        self.assertEqual(answered, {"a", "b", "c"})


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
