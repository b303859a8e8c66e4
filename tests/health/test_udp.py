"""
Promises of L{lbproxy.health.udp} and L{lbproxy.health.datagram}.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.health.conversation import Conversation, Want
from lbproxy.health.datagram import DatagramProbe, Link
from lbproxy.health.expected import Expected
from lbproxy.health.target import Target
from lbproxy.health.udp import UDPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.net.udp import AnswerReceiver
from lbproxy.pool.backend import Backend
from tests.health.doubles import Exchange, FakeLinker, Outcome, aBackend


class UDPTests(SynchronousTestCase):
    """
    One datagram there, one back.
    """

    def test_isAProbe(self) -> None:
        """
        It can be used wherever probes are.
        """
        verifyObject(IProbe, DatagramProbe(FakeLinker(), UDPDialogue(b"x")))

    def test_passesOnAnyAnswer(self) -> None:
        """
        Without an expectation whatever comes back is good, an empty datagram too.
        """
        for answer, words in ((b"pong", "answered 4 bytes"), (b"", "answered 0 bytes")):
            exchange = Exchange(UDPDialogue(b"ping"))
            self.assertEqual(exchange.link.sent, [b"ping"])
            exchange.hear(answer)
            self.assertEqual((exchange.outcome.passed, exchange.outcome.words), (True, words))
            self.assertTrue(exchange.link.closed)

    def test_looksForWhatIsExpected(self) -> None:
        """
        The answer must contain it, as bytes or as a regular expression.
        """
        for expected in (Expected(b"\xff\0"), Expected(regex=r"^a.*z$")):
            exchange = Exchange(UDPDialogue(b"ping", expected))
            exchange.hear(b"a \xff\0 z")
            self.assertIs(exchange.outcome.passed, True)

    def test_failsOnAnotherAnswer(self) -> None:
        """
        The reason shows the answer and what was wanted.
        """
        exchange = Exchange(UDPDialogue(b"ping", Expected(b"pong")))
        exchange.hear(b"\x1b[31mno")
        self.assertEqual(exchange.outcome.words, 'answered ".[31mno", wanted "pong"')
        self.assertTrue(exchange.link.closed)

    def test_failsAtOnceWhenRefused(self) -> None:
        """
        An ICMP error decides without waiting for the timeout.
        """
        exchange = Exchange(UDPDialogue(b"ping"))
        exchange.link.receiver.refused("Connection refused")
        self.assertEqual(
            (exchange.outcome.passed, exchange.outcome.words), (False, "connection refused")
        )
        self.assertTrue(exchange.link.closed)

    def test_waitsWhileThePeerIsSilent(self) -> None:
        """
        Silence is no answer; cancelling closes the socket.
        """
        exchange = Exchange(UDPDialogue(b"ping"))
        self.assertIsNone(exchange.outcome.passed)
        exchange.result.addErrback(lambda _: None)
        exchange.result.cancel()
        self.assertTrue(exchange.link.closed)

    def test_hearsNothingAfterItsEnd(self) -> None:
        """
        What comes late changes nothing.
        """
        exchange = Exchange(UDPDialogue(b"ping"))
        exchange.hear(b"pong")
        exchange.hear(b"pong")
        exchange.link.receiver.refused("Connection refused")
        self.assertIs(exchange.outcome.passed, True)

    def test_maySendNothing(self) -> None:
        """
        An empty datagram is one, too.
        """
        self.assertEqual(Exchange(UDPDialogue()).link.sent, [b""])

    def test_takesSilenceForLifeWhenToldTo(self) -> None:
        """
        A service that never answers is up as long as nothing is refused.
        """
        clock = Clock()
        exchange = Exchange(UDPDialogue(b"log"), patience=0.5, clock=clock)
        clock.advance(0.4)
        self.assertIsNone(exchange.outcome.passed)
        clock.advance(0.1)
        self.assertEqual((exchange.outcome.passed, exchange.outcome.words), (True, "not refused"))
        self.assertTrue(exchange.link.closed)

    def test_failsWithinItsPatience(self) -> None:
        """
        A refusal is heard while silence is waited for, and leaves no timer behind.
        """
        clock = Clock()
        exchange = Exchange(UDPDialogue(b"log"), patience=0.5, clock=clock)
        exchange.link.receiver.refused("Connection refused")
        self.assertIs(exchange.outcome.passed, False)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_goesWhereItIsTold(self) -> None:
        """
        Another port or host than the backend's own may be checked.
        """
        exchange = Exchange(UDPDialogue(b"x"), target=Target(port=53))
        self.assertEqual(exchange.link.address, Address("192.0.2.1", 53))

    def test_failsWithoutARoute(self) -> None:
        """
        A socket that cannot be connected is a failure with the system's reason.
        """

        def link(address: Address, receiver: AnswerReceiver) -> Link:
            raise OSError(101, "Network is unreachable")

        outcome = Outcome(DatagramProbe(link, UDPDialogue(b"x")).check(aBackend()))
        self.assertEqual((outcome.passed, outcome.words), (False, "network is unreachable"))

    def test_survivesARefusalWhileSending(self) -> None:
        """
        An error that sending brings to light ends the check once.
        """

        class Refusing:
            closed = False

            def __init__(self, receiver: AnswerReceiver) -> None:
                self.receiver = receiver

            def send(self, data: bytes) -> bool:
                self.receiver.refused("Connection refused")
                return False

            def close(self) -> None:
                self.closed = True

        class Chatty:
            def talk(self, backend: Backend) -> Conversation:
                yield Want(b"one", wait=False)
                yield Want(b"two")
                return "never"

        links: list[Refusing] = []

        def link(address: Address, receiver: AnswerReceiver) -> Link:
            links.append(Refusing(receiver))
            return links[0]

        outcome = Outcome(DatagramProbe(link, Chatty()).check(aBackend()))
        self.assertEqual((outcome.passed, outcome.words), (False, "connection refused"))
        self.assertTrue(links[0].closed)

    def test_boundsTheFlood(self) -> None:
        """
        A peer that floods us keeps one check busy for a bounded number of datagrams.
        """

        class Deaf:
            def talk(self, backend: Backend) -> Conversation:
                while True:
                    yield Want()

        exchange = Exchange(Deaf())
        for _ in range(17):
            exchange.hear(b"x")
        self.assertEqual(exchange.outcome.words, "more than 16 datagrams")
