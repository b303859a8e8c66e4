"""
Promises of L{lbproxy.health.stream} that no dialogue tests.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.health.conversation import Closed, Conversation, Dialogue, ProbeFailed, Want, line
from lbproxy.health.stream import StreamProbe
from lbproxy.health.target import Target
from lbproxy.health.tcp import TCPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend
from tests.health.doubles import DONE, REFUSED, FakeDialer, Visit, aBackend


class Lines:
    """
    Reads two lines, the second of which may be missing.
    """

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin.
        """
        first = yield from line(b"hello\n")
        try:
            second = yield from line()
        except Closed as closed:
            second = b"cut " + closed.data
        return f"{first!r} {second!r}"


class StreamProbeTests(SynchronousTestCase):
    """
    Conversations over connections.
    """

    def test_isAProbe(self) -> None:
        """
        It can be used wherever probes are.
        """
        verifyObject(IProbe, StreamProbe(FakeDialer(), TCPDialogue()))

    def test_goesWhereItIsTold(self) -> None:
        """
        Another port or host than the backend's own may be checked.
        """
        visit = Visit(TCPDialogue(), target=Target(9000, "192.0.2.9"))
        self.assertEqual(visit.dialer.addresses, [Address("192.0.2.9", 9000)])

    def test_sendsThePreambleFirst(self) -> None:
        """
        A backend that wants a PROXY header gets one.
        """
        visit = Visit(Lines(), preamble=b"PROXY UNKNOWN\r\n").connect()
        self.assertEqual(visit.sent, b"PROXY UNKNOWN\r\nhello\n")

    def test_readsSeveralWantsFromOneSegment(self) -> None:
        """
        What came too early is kept for when it is wanted.
        """
        visit = Visit(Lines()).connect()
        visit.hear(b"one\r\ntwo\nthree")
        self.assertEqual(visit.outcome.words, "b'one' b'two'")

    def test_letsTheConversationJudgeTheEnd(self) -> None:
        """
        A close may be an answer, and what came before it is part of it.
        """
        visit = Visit(Lines()).connect()
        visit.hear(b"one\ntw")
        visit.end()
        self.assertEqual(visit.outcome.words, "b'one' b'cut tw'")

    def test_cancelsTheAttempt(self) -> None:
        """
        A timeout while connecting gives the attempt up.
        """
        visit = Visit(Lines())
        visit.result.addErrback(lambda _: None)
        visit.result.cancel()
        self.assertTrue(visit.dialer.attempts[0].cancelled)

    def test_wantsNoConnectionOnceCancelled(self) -> None:
        """
        A connection that comes about all the same is dropped, and nobody is spoken to.
        """
        visit = Visit(Lines())
        visit.result.addErrback(lambda _: None)
        visit.result.cancel()
        visit.connect()
        self.assertEqual((visit.sent, visit.open), (b"", False))

    def test_dropsTheConnectionWhenCancelled(self) -> None:
        """
        A timeout while waiting leaves no socket behind, and what comes later is not heard.
        """
        probe = StreamProbe(dialer := FakeDialer(), Lines())
        result = probe.check(aBackend())
        visit = Visit(Lines())
        visit.protocol = dialer.protocols[0]
        visit.connect()
        result.cancel()
        self.failureResultOf(result, CancelledError)
        self.assertTrue(visit.transport.disconnected or visit.transport.disconnecting)
        visit.protocol.dataReceived(b"one\ntwo\n")
        visit.end()

    def test_survivesAFailureThatComesAtOnce(self) -> None:
        """
        A dialer may fail before it returns.
        """

        def dial(address: Address, protocol: Any) -> Any:
            protocol.connectFailed(REFUSED)

        result = StreamProbe(dial, Lines()).check(aBackend())
        self.assertEqual(
            self.failureResultOf(result, ProbeFailed).value.reason, "connection refused"
        )

    def test_tellsMistakesFromFailures(self) -> None:
        """
        An error in a dialogue is passed on as what it is, and the connection goes.
        """

        class Broken:
            def talk(self, backend: Backend) -> Conversation:
                yield Want(b"x")
                raise KeyError("oh")

        dialer = FakeDialer()
        result = StreamProbe(dialer, Broken()).check(aBackend())
        visit = Visit(Lines())
        visit.protocol = dialer.protocols[0]
        visit.connect().hear(b"y")
        self.failureResultOf(result, KeyError)
        self.assertFalse(visit.open)

    def test_failsWhenAskedForMoreAfterTheEnd(self) -> None:
        """
        A dialogue that goes on asking a peer that is gone fails.
        """

        class Stubborn:
            def talk(self, backend: Backend) -> Conversation:
                while True:
                    try:
                        yield Want(b"x")
                    except Closed:
                        pass

        visit = Visit(Stubborn()).connect()
        visit.end(DONE)
        self.assertEqual(visit.outcome.words, "closed at once")

    def test_inspectsTheConnectionFirst(self) -> None:
        """
        What the inspector refuses is not spoken to.
        """

        def inspect(backend: Backend, transport: Any) -> None:
            raise ProbeFailed(f"{backend.name} looks bad")

        visit = Visit(Lines(), inspect=inspect).connect()
        self.assertEqual(visit.outcome.words, "b2 looks bad")
        self.assertEqual(visit.sent, b"")
        self.assertFalse(visit.open)

    def test_readsExactSizes(self) -> None:
        """
        So many bytes and no more, however they come.
        """

        class Sizes:
            def talk(self, backend: Backend) -> Conversation:
                head = yield Want(size=2)
                return [head, (yield Want(size=3))]

        dialogue: Dialogue = Sizes()
        visit = Visit(dialogue).connect()
        for byte in (b"a", b"bc", b"de"):
            visit.hear(byte)
        self.assertEqual(visit.outcome.words, [b"ab", b"cde"])
