"""
Promises of L{lbproxy.health.report}.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.report import AgentDialogue, Report, parseReport
from lbproxy.pool.backend import AdminState, Health
from tests.health.doubles import Visit


class ReportTests(SynchronousTestCase):
    """
    What an agent's line means.
    """

    def test_readsEveryWord(self) -> None:
        """
        Each word says one thing, and nothing about the others.
        """
        up, down = Health.UP, Health.DOWN
        drain, maintenance = AdminState.DRAIN, AdminState.MAINTENANCE
        for line, report in (
            (b"up", Report('"up"', health=up)),
            (b"down", Report('"down"', health=down)),
            (b"fail", Report('"fail"', health=down)),
            (b"failed", Report('"failed"', health=down)),
            (b"stopped", Report('"stopped"', health=down)),
            (b"ready", Report('"ready"', admin=AdminState.READY)),
            (b"drain", Report('"drain"', admin=drain)),
            (b"maint", Report('"maint"', admin=maintenance)),
            (b"75%", Report('"75%"', share=0.75)),
            (b"150%", Report('"150%"', share=1.5)),
            (b"99999%", Report('"99999%"', share=10.0)),
            (b"0%", Report('"0%"', share=0.0)),
            (b"weight:10", Report('"weight:10"', weight=10)),
            (b"weight:99999", Report('"weight:99999"', weight=1000)),
            (b"maxconn:30", Report('"maxconn:30"')),
            (b"UP", Report('"UP"', health=up)),
        ):
            self.assertEqual(parseReport(line), report)

    def test_readsSeveralWords(self) -> None:
        """
        Blanks, tabs and commas stand between words; unknown words are passed over.
        """
        self.assertEqual(
            parseReport(b"up\t ready,50% later"),
            Report('"up. ready,50% later"', Health.UP, AdminState.READY, 0.5),
        )

    def test_readsNothingIntoTheReason(self) -> None:
        """
        What follows the # is for people.
        """
        report = parseReport(b"down #disk full, 99%, ready for maint")
        self.assertEqual((report.health, report.admin, report.share), (Health.DOWN, None, None))
        self.assertEqual(report.text, '"down #disk full, 99%, ready for maint"')

    def test_refusesWhatIsNoReport(self) -> None:
        """
        A line without any known word is no agent's.
        """
        for line in (b"", b"HTTP/1.1 400 Bad Request", b"#up", b"%", b"-5%", b"weight:", b"\xff"):
            self.assertRaises(ProbeFailed, parseReport, line)

    @given(st.binary(max_size=100))
    def test_survivesGarbage(self, line: bytes) -> None:
        """
        Any bytes are a report or a failure.
        """
        try:
            parseReport(line)
        except ProbeFailed as failed:
            self.assertTrue(failed.reason.isprintable())


class AgentDialogueTests(SynchronousTestCase):
    """
    How the line is got.
    """

    def test_readsALine(self) -> None:
        """
        The connection needs not be closed for it.
        """
        for end in (b"\n", b"\r\n"):
            visit = Visit(AgentDialogue(b"state?\n")).connect()
            self.assertEqual(visit.sent, b"state?\n")
            visit.hear(b"up 50%")
            self.assertIsNone(visit.outcome.passed)
            visit.hear(end)
            self.assertEqual(visit.outcome.words, Report('"up 50%"', Health.UP, share=0.5))

    def test_readsWhatCameBeforeTheEnd(self) -> None:
        """
        An agent may close in place of ending its line.
        """
        visit = Visit(AgentDialogue()).connect()
        visit.hear(b"drain")
        visit.end()
        self.assertEqual(visit.outcome.words, Report('"drain"', admin=AdminState.DRAIN))

    def test_failsWithoutAWord(self) -> None:
        """
        Closing at once says nothing.
        """
        visit = Visit(AgentDialogue()).connect()
        visit.end()
        self.assertEqual((visit.outcome.passed, visit.outcome.words), (False, "closed at once"))

    def test_failsOnALongLine(self) -> None:
        """
        A line has at most 1024 bytes.
        """
        visit = Visit(AgentDialogue()).connect()
        visit.hear(b"up " * 400)
        self.assertEqual(visit.outcome.words, "a line of more than 1024 bytes")
