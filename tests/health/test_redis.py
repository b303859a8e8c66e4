"""
Promises of L{lbproxy.health.redis}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.redis import RedisDialogue, command
from tests.health.doubles import DialoguePromises, Visit


class PingTests(DialoguePromises, SynchronousTestCase):
    """
    Nothing but PING.
    """

    answers = (b"+PONG\r\n",)
    seen = "PONG"

    def dialogue(self) -> RedisDialogue:
        return RedisDialogue()


class MasterTests(DialoguePromises, SynchronousTestCase):
    """
    A password, and a role.
    """

    answers = (b"+OK\r\n", b"+PONG\r\n", b"*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
    seen = "PONG, master"
    # The role is enough; what replicas there are does not matter.
    enough = len(b"+OK\r\n+PONG\r\n*3\r\n$6\r\nmaster\r\n")

    def dialogue(self) -> RedisDialogue:
        return RedisDialogue(username="checker", password="s3cret", role="master")

    def test_asksInOrder(self) -> None:
        """
        The password goes first.
        """
        self.assertEqual(
            self.talk().sent,
            command(b"AUTH", b"checker", b"s3cret") + command(b"PING") + command(b"ROLE"),
        )


class RefusalTests(SynchronousTestCase):
    """
    What a Redis that is not ready says.
    """

    def words(self, dialogue: RedisDialogue, *answers: bytes) -> str:
        """
        Why the check failed.
        """
        visit = Visit(dialogue).connect()
        for answer in answers:
            visit.hear(answer)
        self.assertIs(visit.outcome.passed, False)
        return str(visit.outcome.words)

    def test_failsWhileItLoads(self) -> None:
        """
        A Redis that reads its data is not ready.
        """
        self.assertEqual(
            self.words(RedisDialogue(), b"-LOADING Redis is loading the dataset in memory\r\n"),
            'PING answered "-LOADING Redis is loading the dataset in memory"',
        )

    def test_failsWithoutThePassword(self) -> None:
        """
        The reason shows what is missing.
        """
        self.assertEqual(
            self.words(RedisDialogue(), b"-NOAUTH Authentication required.\r\n"),
            'PING answered "-NOAUTH Authentication required."',
        )

    def test_failsWithAWrongPassword(self) -> None:
        """
        The reason never shows our password.
        """
        words = self.words(RedisDialogue(password="s3cret"), b"-WRONGPASS invalid\r\n")
        self.assertEqual(words, 'AUTH answered "-WRONGPASS invalid"')

    def test_failsInAnotherRole(self) -> None:
        """
        A replica is no master.
        """
        self.assertEqual(
            self.words(
                RedisDialogue(role="master"),
                b"+PONG\r\n",
                b"*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n",
            ),
            "it is replica, wanted master",
        )

    def test_failsWhenTheRoleIsSecret(self) -> None:
        """
        A user that may not ask is told so.
        """
        self.assertEqual(
            self.words(RedisDialogue(role="replica"), b"+PONG\r\n", b"-NOPERM no\r\n"),
            'ROLE answered "-NOPERM no"',
        )

    def test_refusesBadSettings(self) -> None:
        """
        Settings that make no sense are errors when the check is made.
        """
        self.assertRaises(ValueError, RedisDialogue, role="leader")
        self.assertRaises(ValueError, RedisDialogue, username="me")
