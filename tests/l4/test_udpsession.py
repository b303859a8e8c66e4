"""
Tests for L{lbproxy.l4.udpsession}: a session's life.
"""

from __future__ import annotations

import os

from twisted.logger import capturedLogs

from lbproxy.config.address import Address
from lbproxy.errors import Outcome
from lbproxy.l4 import sessiontable
from lbproxy.l4.traffic import Traffic
from lbproxy.l4.udpsession import End
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
