"""
Promises of L{lbproxy.health.tcp}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.expected import Expected
from lbproxy.health.tcp import Step, TCPDialogue
from tests.health.doubles import REFUSED, DialoguePromises, Visit


class ConnectTests(SynchronousTestCase):
    """
    A check without a script.
    """

    def test_passesOnceConnected(self) -> None:
        """
        A connection is all that is asked for; nothing is sent.
        """
        visit = Visit(TCPDialogue())
        self.assertIsNone(visit.outcome.passed)
        visit.connect()
        self.assertEqual((visit.outcome.passed, visit.outcome.words), (True, "connected"))
        self.assertEqual(visit.sent, b"")
        self.assertFalse(visit.open)

    def test_failsWhenNobodyListens(self) -> None:
        """
        A refused connection is a failure with that reason.
        """
        visit = Visit(TCPDialogue())
        visit.protocol.connectFailed(REFUSED)
        self.assertEqual((visit.outcome.passed, visit.outcome.words), (False, "connection refused"))


class ScriptTests(DialoguePromises, SynchronousTestCase):
    """
    A script of several steps.
    """

    answers = (b"220 hello\r\n", b"250 yes\r\n")
    seen = "answered as expected"
    # Without the very last byte.
    enough = 19

    def dialogue(self) -> TCPDialogue:
        return TCPDialogue(
            [
                Step(expect=Expected(b"220")),
                Step(send=b"HELO\r\n"),
                Step(send=b"EHLO\r\n", expect=Expected(regex=r"\n250 \w+\r")),
            ]
        )

    def test_saysEachThingInItsTurn(self) -> None:
        """
        Nothing is sent before what comes first was heard.
        """
        visit = Visit(self.dialogue()).connect()
        self.assertEqual(visit.sent, b"")
        visit.hear(b"220 hello\r\n")
        self.assertEqual(visit.sent, b"HELO\r\nEHLO\r\n")

    def test_expectsAfterWhatWasExpectedBefore(self) -> None:
        """
        An answer counts once: what a later step wants must come after what an earlier one had.
        """
        ping = Step(send=b"PING\n", expect=Expected(b"PONG"))
        visit = Visit(TCPDialogue([ping, ping])).connect()
        visit.hear(b"PONG")
        self.assertIsNone(visit.outcome.passed)
        visit.hear(b"PONG")
        self.assertIs(visit.outcome.passed, True)

    def test_saysWhatCameInstead(self) -> None:
        """
        The reason shows the answer and what it should have held.
        """
        visit = Visit(TCPDialogue([Step(b"PING\r\n", Expected(b"+PONG"))])).connect()
        visit.hear(b"-ERR no\r\n")
        visit.end()
        self.assertEqual(visit.outcome.words, 'got "-ERR no..", wanted "+PONG"')

    def test_passesWithoutAnAnswerToTheLastStep(self) -> None:
        """
        A last step that only sends passes once it has sent.
        """
        visit = Visit(TCPDialogue([Step(b"bye")])).connect()
        self.assertIs(visit.outcome.passed, True)
        self.assertEqual(visit.sent, b"bye")
