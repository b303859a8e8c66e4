"""
Promises of L{lbproxy.health.smtp}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.smtp import SMTPDialogue
from tests.health.doubles import DialoguePromises, Visit

BANNER = b"220-mail.example ESMTP\r\n220 at your service\r\n"
FEATURES = b"250-mail.example\r\n250-SIZE 1000000\r\n250 HELP\r\n"


class GoodTests(DialoguePromises, SynchronousTestCase):
    """
    A server that greets.
    """

    answers = (BANNER, FEATURES, b"221 bye\r\n")
    seen = "SMTP 250"
    # Whoever closes on QUIT without a word is well, too.
    enough = len(BANNER + FEATURES)

    def dialogue(self) -> SMTPDialogue:
        return SMTPDialogue("lb.example")

    def test_saysHelloAndGoodbye(self) -> None:
        """
        The server sees a whole session, not a broken one.
        """
        self.assertEqual(self.talk().sent, b"EHLO lb.example\r\nQUIT\r\n")


class RefusalTests(SynchronousTestCase):
    """
    A server that does not want to.
    """

    def words(self, *answers: bytes) -> str:
        """
        Why the check failed.
        """
        visit = Visit(SMTPDialogue()).connect()
        for answer in answers:
            visit.hear(answer)
        self.assertIs(visit.outcome.passed, False)
        return str(visit.outcome.words)

    def test_failsWhenItIsBusy(self) -> None:
        """
        A banner that says no is a failure.
        """
        self.assertEqual(
            self.words(b"421 too many connections\r\n"),
            'the banner is "421 too many connections", wanted 220',
        )

    def test_failsWhenOneLineDisagrees(self) -> None:
        """
        All lines of a reply must carry the code.
        """
        self.assertEqual(
            self.words(BANNER, b"250-ok\r\n550 no\r\n"), 'EHLO is "550 no", wanted 250'
        )

    def test_failsOnAnEndlessReply(self) -> None:
        """
        A reply has a bounded number of lines.
        """
        self.assertEqual(self.words(BANNER, b"250-more\r\n" * 100), "EHLO has more than 100 lines")

    def test_refusesAName(self) -> None:
        """
        A name cannot add commands.
        """
        self.assertRaises(ValueError, SMTPDialogue, "a\r\nQUIT")
