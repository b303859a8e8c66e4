"""
Doubles for the tests of health checks: peers that say what a test says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.health.conversation import Dialogue, ProbeFailed
from lbproxy.health.datagram import DatagramProbe
from lbproxy.health.stream import StreamProbe
from lbproxy.interfaces import IProbe
from lbproxy.net.udp import AnswerReceiver
from lbproxy.pool.backend import Backend, BackendSpec

DONE = Failure(error.ConnectionDone())
LOST = Failure(error.ConnectionLost())
REFUSED = Failure(error.ConnectionRefusedError())

#: One answer of a peer, or what makes it of all that was sent so far.
Answer = bytes | Callable[[bytes], bytes]


def aBackend(address: str = "192.0.2.1:80", name: str = "b2") -> Backend:
    """
    C{web/b2}, unless a test wants another.
    """
    return Backend("web", BackendSpec(name, Address.parse(address)))


class Attempt:
    """
    A connection attempt that remembers being cancelled.
    """

    cancelled = False

    def cancel(self) -> None:
        """
        Remember.
        """
        self.cancelled = True


class FakeDialer:
    """
    Connects to nowhere; the test plays the peer.
    """

    def __init__(self) -> None:
        self.addresses: list[Address] = []
        self.protocols: list[Any] = []
        self.attempts: list[Attempt] = []

    def __call__(self, address: Address, protocol: IProtocol) -> Attempt:
        self.addresses.append(address)
        self.protocols.append(protocol)
        self.attempts.append(Attempt())
        return self.attempts[-1]


class FakeLink:
    """
    A datagram socket to nowhere.
    """

    def __init__(self, address: Address, receiver: AnswerReceiver) -> None:
        self.address = address
        self.receiver = receiver
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, data: bytes) -> bool:
        """
        Remember.
        """
        self.sent.append(data)
        return True

    def close(self) -> None:
        """
        Remember.
        """
        self.closed = True


class FakeLinker:
    """
    Opens fake links.
    """

    def __init__(self) -> None:
        self.links: list[FakeLink] = []

    def __call__(self, address: Address, receiver: AnswerReceiver) -> FakeLink:
        self.links.append(FakeLink(address, receiver))
        return self.links[-1]


class Outcome:
    """
    How a check ended.

    @ivar passed: L{None} while it runs.
    @ivar words: what was seen, or why it failed.
    """

    def __init__(self, result: Deferred[Any]) -> None:
        self.passed: bool | None = None
        self.words: Any = ""
        result.addCallbacks(self._passed, self._failed)

    def _passed(self, seen: object) -> None:
        self.passed = True
        self.words = seen

    def _failed(self, failure: Failure) -> None:
        self.passed = False
        # Anything else is a mistake in the probe, which must not pass for a bad answer.
        assert isinstance(failure.value, ProbeFailed), failure
        self.words = failure.value.reason


class Visit:
    """
    One check over a stream, connected to a peer that the test plays.
    """

    def __init__(self, dialogue: Dialogue, backend: Backend | None = None, **more: Any) -> None:
        self.dialer = FakeDialer()
        probe = StreamProbe(self.dialer, dialogue, **more)
        self.result = probe.check(backend or aBackend())
        self.outcome = Outcome(self.result)
        self.protocol = self.dialer.protocols[0]
        self.transport = StringTransport()

    def connect(self) -> Visit:
        """
        The connection comes about.
        """
        self.protocol.makeConnection(self.transport)
        return self

    @property
    def sent(self) -> bytes:
        """
        All that the check said.
        """
        sent: bytes = self.transport.value()
        return sent

    @property
    def open(self) -> bool:
        """
        Does the check still hold its connection?
        """
        return not self.transport.disconnecting

    def hear(self, data: bytes) -> None:
        """
        The peer says something, if there is still somebody to hear it.
        """
        if self.open and data:
            self.protocol.dataReceived(data)

    def end(self, reason: Failure = DONE) -> None:
        """
        The connection ends.
        """
        self.protocol.connectionLost(reason)


if TYPE_CHECKING:
    _Case = SynchronousTestCase
else:
    # Nothing that trial would find and run here.
    _Case = object


class DialoguePromises(_Case):
    """
    What every dialogue over a stream promises. Subclasses say what a good peer answers.
    """

    #: What a good peer says: one item after each thing that the check says.
    answers: Sequence[Answer] = ()
    #: Bytes of that after which the peer may close; L{None}: all of them.
    enough: int | None = None
    #: What the check says it saw.
    seen: str = ""

    def dialogue(self) -> Dialogue:
        """
        A fresh dialogue.
        """
        raise NotImplementedError

    def talk(self, piece: int = 1 << 30, limit: int = 1 << 30) -> Visit:
        """
        A check against a good peer.

        @param piece: bytes per segment.
        @param limit: bytes after which the peer says no more.
        """
        visit = Visit(self.dialogue()).connect()
        for answer in self.answers:
            data = answer(visit.sent) if callable(answer) else answer
            data, limit = data[:limit], limit - len(data[:limit])
            for at in range(0, len(data), piece):
                visit.hear(data[at : at + piece])
        return visit

    def size(self) -> int:
        """
        How many bytes a good peer sends.
        """
        sent = self.talk().sent
        return sum(len(a(sent) if callable(a) else a) for a in self.answers)

    def test_passesWhenTheAnswerIsGood(self) -> None:
        """
        A good peer passes, and its connection is closed.
        """
        visit = self.talk()
        self.assertEqual((visit.outcome.passed, visit.outcome.words), (True, self.seen))
        self.assertFalse(visit.open)

    def test_passesWhenTheAnswerComesByteByByte(self) -> None:
        """
        How an answer is cut into segments makes no difference.
        """
        self.assertIs(self.talk(piece=1).outcome.passed, True)

    def test_failsWhenTheAnswerIsCutShort(self) -> None:
        """
        A peer that closes before it said everything fails, wherever it stopped.
        """
        size = self.size()
        enough = size if self.enough is None else self.enough
        for cut in range(size):
            visit = self.talk(limit=cut)
            if visit.outcome.passed is None:
                visit.end()
            self.assertIs(visit.outcome.passed, cut >= enough, f"cut at {cut} of {size}")

    def test_failsWhenTheConnectionIsReset(self) -> None:
        """
        A reset before the answer is a failure with that reason.
        """
        visit = Visit(self.dialogue()).connect()
        visit.end(LOST)
        self.assertEqual(visit.outcome.words, "connection reset")

    def test_failsWhenNobodyListens(self) -> None:
        """
        A refused connection is a failure with that reason.
        """
        visit = Visit(self.dialogue())
        visit.protocol.connectFailed(REFUSED)
        self.assertEqual((visit.outcome.passed, visit.outcome.words), (False, "connection refused"))

    def test_waitsWhileThePeerIsSilent(self) -> None:
        """
        Silence is no answer; cancelling, as the timeout does, drops the connection.
        """
        visit = Visit(self.dialogue()).connect()
        self.assertIsNone(visit.outcome.passed)
        self.assertTrue(visit.open)
        self.cancel(visit)
        self.assertTrue(visit.transport.disconnected or visit.transport.disconnecting)

    def cancel(self, visit: Visit) -> None:
        """
        What the checker does when time is up.
        """
        visit.result.addErrback(lambda _: None)
        visit.result.cancel()

    def test_failsWhenTheAnswerIsEndless(self) -> None:
        """
        A peer that never stops talking is cut off after a bounded number of bytes.
        """
        for filler in (b"A", b"\n", b"\0", b"HTTP/1.1 100 Continue\r\n\r\n"):
            visit = Visit(self.dialogue()).connect()
            fed = 0
            while visit.open:
                visit.hear(filler * (65536 // len(filler)))
                fed += 65536
                self.assertLess(fed, 1 << 22, filler)
            self.assertIs(visit.outcome.passed, False)

    def test_failsWhenTheAnswerIsGarbage(self) -> None:
        """
        Whatever comes, the check ends with a reason, never with an error of ours.
        """

        @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
        @given(st.binary(min_size=1, max_size=300), st.integers(0, 400))
        def tryOne(garbage: bytes, good: int) -> None:
            visit = self.talk(limit=good)
            visit.hear(garbage)
            if visit.outcome.passed is None:
                visit.end()
            assert visit.outcome.passed is not None
            assert not isinstance(visit.outcome.words, str) or visit.outcome.words.isprintable()

        tryOne()


@implementer(ILogObserver)
class LogLines:
    """
    What is logged while a test runs.
    """

    def __init__(self, case: SynchronousTestCase) -> None:
        self.lines: list[str] = []
        self.levels: list[LogLevel] = []
        globalLogPublisher.addObserver(self)
        case.addCleanup(globalLogPublisher.removeObserver, self)

    def __call__(self, event: LogEvent) -> None:
        self.lines.append(formatEvent(event))
        self.levels.append(event["log_level"])


class Exchange:
    """
    One check over UDP, with a peer that the test plays.
    """

    def __init__(self, dialogue: Dialogue, backend: Backend | None = None, **more: Any) -> None:
        self.linker = FakeLinker()
        self.probe = DatagramProbe(self.linker, dialogue, **more)
        self.result = self.probe.check(backend or aBackend())
        self.outcome = Outcome(self.result)
        self.link = self.linker.links[0]

    def hear(self, data: bytes) -> None:
        """
        The peer sends a datagram.
        """
        self.link.receiver.answerReceived(data)


@implementer(IProbe)
class FakeProbe:
    """
    Does what the test tells it to; a Deferred per check.
    """

    def __init__(self) -> None:
        self.checks: list[Deferred[Any]] = []
        self.backends: list[Backend] = []
        self.cancelled = 0

    def check(self, backend: Backend) -> Deferred[Any]:
        """
        Remember, and wait for the test.
        """
        self.backends.append(backend)
        self.checks.append(Deferred(self._cancel))
        return self.checks[-1]

    def _cancel(self, check: Deferred[Any]) -> None:
        self.cancelled += 1

    def passes(self, seen: str | None = "HTTP 200") -> None:
        """
        The check under way passes.
        """
        self.checks[-1].callback(seen)

    def fails(self, reason: str = "HTTP 503, wanted 200-399") -> None:
        """
        The check under way fails.
        """
        self.checks[-1].errback(ProbeFailed(reason))
