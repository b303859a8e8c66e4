"""
Promises of L{lbproxy.health.postgres}.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.postgres import PostgresDialogue
from tests.health.doubles import DialoguePromises, Visit


def message(kind: bytes, body: bytes) -> bytes:
    """
    As PostgreSQL frames it.
    """
    return kind + struct.pack(">i", len(body) + 4) + body


def error(code: bytes, text: bytes) -> bytes:
    """
    An ErrorResponse.
    """
    return message(b"E", b"SFATAL\0VFATAL\0C" + code + b"\0M" + text + b"\0\0")


WELCOME = (
    message(b"R", b"\0\0\0\0")
    + message(b"S", b"server_version\015.3\0")
    + message(b"K", b"\0\0\0\x01\0\0\0\x02")
    + message(b"Z", b"I")
)
ASK_MD5 = message(b"R", b"\0\0\0\x05salt")


def recovery(answer: bytes) -> bytes:
    """
    The result of the query.
    """
    return (
        message(b"T", b"\0\x01pg_is_in_recovery\0" + b"\0" * 18)
        + message(b"D", b"\0\x01\0\0\0\x01" + answer)
        + message(b"C", b"SELECT 1\0")
        + message(b"Z", b"I")
    )


class Goodbye(DialoguePromises):
    """
    A server that closes when it is told goodbye.
    """

    def talk(self, piece: int = 1 << 30, limit: int = 1 << 30) -> Visit:
        visit = super().talk(piece, limit)
        if visit.sent.endswith(b"X\0\0\0\4") and visit.outcome.passed is None:
            visit.end()
        return visit


class StrangerTests(DialoguePromises, SynchronousTestCase):
    """
    Without a password: how the server takes us is enough.
    """

    answers = (ASK_MD5,)
    seen = "PostgreSQL ready"

    def dialogue(self) -> PostgresDialogue:
        return PostgresDialogue()

    def words(self, answer: bytes) -> object:
        """
        What the check made of an answer.
        """
        visit = Visit(self.dialogue()).connect()
        visit.hear(answer)
        return visit.outcome.words if visit.outcome.passed else f"failed: {visit.outcome.words}"

    def test_introducesItself(self) -> None:
        """
        A startup packet of protocol 3.0 with a user.
        """
        sent = Visit(PostgresDialogue("me", "db")).connect().sent
        self.assertEqual(struct.unpack(">ii", sent[:8]), (len(sent), 196608))
        self.assertEqual(sent[8:], b"user\0me\0database\0db\0application_name\0lbproxy\0\0")

    def test_passesWhenTheStrangerIsRefused(self) -> None:
        """
        A server that says who may come in, works.
        """
        for code in (b"28000", b"28P01", b"3D000"):
            self.assertEqual(self.words(error(code, b"no")), "PostgreSQL ready")

    def test_failsWhileItStarts(self) -> None:
        """
        A server that takes nobody is not ready.
        """
        self.assertEqual(
            self.words(error(b"57P03", b"the database system is starting up")),
            'failed: PostgreSQL error 57P03: "the database system is starting up"',
        )
        self.assertIn(
            "failed", str(self.words(error(b"53300", b"sorry, too many clients already")))
        )

    def test_failsOnAnotherProtocol(self) -> None:
        """
        An HTTP server is no PostgreSQL.
        """
        self.assertIn("not PostgreSQL", str(self.words(b"HTTP/1.1 400 Bad Request\r\n\r\n")))


class RoleTests(Goodbye, SynchronousTestCase):
    """
    A trusted user that asks for the role.
    """

    answers = (WELCOME, recovery(b"f"))
    seen = "PostgreSQL primary"

    def dialogue(self) -> PostgresDialogue:
        return PostgresDialogue("me", role="primary")

    def test_failsInAnotherRole(self) -> None:
        """
        A replica is no primary; it is told goodbye all the same.
        """
        visit = Visit(self.dialogue()).connect()
        visit.hear(WELCOME + recovery(b"t"))
        self.assertTrue(visit.sent.endswith(b"X\0\0\0\4"))
        visit.end()
        self.assertEqual(visit.outcome.words, "it is replica, wanted primary")

    def test_failsWhenItMayNotAsk(self) -> None:
        """
        A password that we have not got, a user that is unknown: the reason says so.
        """
        for answer, words in (
            (ASK_MD5, "the server wants a password"),
            (error(b"28000", b"no such role"), 'PostgreSQL error 28000: "no such role"'),
        ):
            visit = Visit(self.dialogue()).connect()
            visit.hear(answer)
            self.assertEqual(visit.outcome.words, words)

    def test_refusesBadSettings(self) -> None:
        """
        Settings that make no sense are errors when the check is made.
        """
        for arguments in ({"role": "leader"}, {"user": ""}, {"user": "a\0b"}):
            self.assertRaises(ValueError, PostgresDialogue, **arguments)


class MD5Tests(Goodbye, SynchronousTestCase):
    """
    A password, by MD5.
    """

    answers = (ASK_MD5, WELCOME)
    seen = "PostgreSQL ready"

    def dialogue(self) -> PostgresDialogue:
        return PostgresDialogue("me", password="secret")

    def test_hidesThePassword(self) -> None:
        """
        What is sent depends on the salt.
        """
        inner = hashlib.md5(b"secretme").hexdigest().encode()
        answer = b"md5" + hashlib.md5(inner + b"salt").hexdigest().encode() + b"\0"
        self.assertIn(message(b"p", answer), self.talk().sent)

    def test_keepsThePasswordToItself(self) -> None:
        """
        Nobody gets the password in clear text.
        """
        visit = Visit(self.dialogue()).connect()
        visit.hear(message(b"R", b"\0\0\0\x03"))
        self.assertEqual(visit.outcome.words, "the server wants the password in clear text")
        self.assertNotIn(b"secret", visit.sent)


class ScramTests(Goodbye, SynchronousTestCase):
    """
    A password, by SCRAM.
    """

    seen = "PostgreSQL ready"

    @property
    def answers(self):  # type: ignore[no-untyped-def, override]
        """
        A server that knows the password.
        """
        return (
            message(b"R", b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"),
            lambda sent: message(b"R", b"\0\0\0\x0b" + self.challenge(sent)),
            lambda sent: message(b"R", b"\0\0\0\x0c" + self.proof(sent)) + WELCOME,
        )

    def dialogue(self) -> PostgresDialogue:
        return PostgresDialogue("me", password="secret")

    def challenge(self, sent: bytes) -> bytes:
        """
        What the server asks, given the client's first message.
        """
        _, found, nonce = sent.partition(b"n,,n=,r=")
        nonce = nonce[:24] if found else b"none"
        return b"r=" + nonce + b"server,s=" + base64.b64encode(b"salt") + b",i=10"

    def proof(self, sent: bytes) -> bytes:
        """
        How the server proves itself, given the client's second message.
        """
        challenge = self.challenge(sent)
        bare = b"n=,r=" + challenge[2:26]
        final = b"c=biws,r=" + challenge[2:32]
        salted = hashlib.pbkdf2_hmac("sha256", b"secret", b"salt", 10)
        key = hmac.digest(salted, b"Server Key", "sha256")
        signed = hmac.digest(key, b",".join((bare, challenge, final)), "sha256")
        return b"v=" + base64.b64encode(signed)
