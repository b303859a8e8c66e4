"""
Promises of L{lbproxy.health.mysql}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.mysql import MySQLDialogue
from tests.health.doubles import DialoguePromises, Visit


def packet(number: int, payload: bytes) -> bytes:
    """
    As MySQL frames it.
    """
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETING = packet(
    0,
    b"\x0a8.0.36\0" + b"\x08\0\0\0" + b"abcdefgh\0" + b"\xff\xf7\xff\x02\0\xff\xc1\x15"
    b"\0\0\0\0\0\0\0\0\0\0\0" + b"abcdefghijkl\0" + b"caching_sha2_password\0",
)
OK = packet(2, b"\0\0\0\x02\0\0\0")


class GreetingTests(DialoguePromises, SynchronousTestCase):
    """
    Nothing but the greeting.
    """

    answers = (GREETING,)
    seen = "MySQL 8.0.36"

    def dialogue(self) -> MySQLDialogue:
        return MySQLDialogue()

    def test_saysNothing(self) -> None:
        """
        Without a user nothing is sent.
        """
        self.assertEqual(self.talk().sent, b"")


class LoginTests(DialoguePromises, SynchronousTestCase):
    """
    A user whose plug-in is another one.
    """

    answers = (GREETING, packet(2, b"\xfecaching_sha2_password\0abc\0"), packet(4, OK[4:]))
    seen = "MySQL 8.0.36"

    def dialogue(self) -> MySQLDialogue:
        return MySQLDialogue("checker")

    def talk(self, piece: int = 1 << 30, limit: int = 1 << 30) -> Visit:
        """
        After the goodbye the server closes.
        """
        visit = super().talk(piece, limit)
        if limit > self.wholeSize() and visit.outcome.passed is None:
            visit.end()
        return visit

    def wholeSize(self) -> int:
        """
        Bytes of all answers.
        """
        return sum(len(answer) for answer in self.answers if isinstance(answer, bytes))

    def test_logsInAndOut(self) -> None:
        """
        The server sees a whole session: the login, an empty answer to the other plug-in, the end.
        """
        sent = self.talk().sent
        self.assertEqual(sent[3], 1)
        self.assertIn(b"checker\0\0mysql_native_password\0", sent)
        self.assertTrue(sent.endswith(packet(3, b"") + packet(0, b"\x01")))


class RefusalTests(SynchronousTestCase):
    """
    A server that does not want to.
    """

    def words(self, user: str, *answers: bytes) -> str:
        """
        Why the check failed.
        """
        visit = Visit(MySQLDialogue(user)).connect()
        for answer in answers:
            visit.hear(answer)
        self.assertIs(visit.outcome.passed, False)
        return str(visit.outcome.words)

    def test_failsWhenItIsFull(self) -> None:
        """
        An error in place of the greeting is told with its number.
        """
        self.assertEqual(
            self.words("", packet(0, b"\xff\x10\x04Too many connections")),
            'MySQL error 1040: "Too many connections"',
        )

    def test_failsWhenTheUserIsUnknown(self) -> None:
        """
        A login that is refused is told with the server's words.
        """
        self.assertEqual(
            self.words("me", GREETING, packet(2, b"\xff\x15\x04#28000Access denied")),
            'MySQL error 1045: "Access denied"',
        )

    def test_failsOnAnOldProtocol(self) -> None:
        """
        Only protocol 10 is understood.
        """
        self.assertIn("not a MySQL greeting", self.words("", packet(0, b"\x093.20\0" + b"x" * 30)))

    def test_failsOnAHugePacket(self) -> None:
        """
        The length is looked at before anything is kept.
        """
        self.assertIn("not MySQL", self.words("", b"\xff\xff\xff\0"))
