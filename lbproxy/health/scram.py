"""
Who are we, without saying the password? SCRAM-SHA-256 (RFC 5802, RFC 7677) as a client.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.wording import quoted

MECHANISM = b"SCRAM-SHA-256"

# PBKDF2 holds the loop up for half a microsecond a round. PostgreSQL's default is 4096 rounds.
_ROUNDS_LIMIT = 100_000

# No channel binding; in base64 as the last message repeats it.
_HEADER = b"n,,"
_HEADER64 = b"biws"


class SaltedPassword:
    """
    A password that remembers its last salted form: the salt of a role hardly ever changes.
    """

    __slots__ = ("_key", "_password", "_salted")

    def __init__(self, password: str) -> None:
        self._password = password.encode()
        self._key: tuple[bytes, int] | None = None
        self._salted = b""

    def salted(self, salt: bytes, rounds: int) -> bytes:
        """
        @raise ProbeFailed: the server asks for too much work.
        """
        if not 1 <= rounds <= _ROUNDS_LIMIT:
            raise ProbeFailed(f"SCRAM with {rounds} rounds, more than {_ROUNDS_LIMIT}")
        if self._key != (salt, rounds):
            self._salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
            self._key = (salt, rounds)
        return self._salted


class Scram:
    """
    One login.
    """

    def __init__(self, password: SaltedPassword, nonce: bytes = b"", name: bytes = b"") -> None:
        """
        @param nonce: printable, without commas; random when empty.
        @param name: who we are; PostgreSQL knows that from its startup packet.
        """
        self._password = password
        self._name = name
        self._nonce = nonce or secrets.token_urlsafe(18).encode()
        self._proof = b""

    def first(self) -> bytes:
        """
        The message that begins.
        """
        return _HEADER + self._bare()

    def final(self, challenge: bytes) -> bytes:
        """
        The message that proves that we know the password.

        @raise ProbeFailed: the challenge makes no sense.
        """
        if self._proof:
            # Each challenge is work for us: a server gets one.
            raise ProbeFailed("a second SCRAM challenge")
        nonce, salt, rounds = self._read(challenge)
        salted = self._password.salted(salt, rounds)
        clientKey = _hmac(salted, b"Client Key")
        withoutProof = b"c=" + _HEADER64 + b",r=" + nonce
        signed = b",".join((self._bare(), challenge, withoutProof))
        signature = _hmac(hashlib.sha256(clientKey).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(clientKey, signature, strict=True))
        self._proof = base64.b64encode(_hmac(_hmac(salted, b"Server Key"), signed))
        return withoutProof + b",p=" + base64.b64encode(proof)

    def verify(self, answer: bytes) -> None:
        """
        @raise ProbeFailed: the server does not know the password.
        """
        if not self._proof or not hmac.compare_digest(answer, b"v=" + self._proof):
            raise ProbeFailed(f"the server cannot prove itself: {quoted(answer)}")

    def _bare(self) -> bytes:
        return b"n=" + self._name + b",r=" + self._nonce

    def _read(self, challenge: bytes) -> tuple[bytes, bytes, int]:
        try:
            fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
            nonce, rounds = fields[b"r"], int(fields[b"i"])
            salt = base64.b64decode(fields[b"s"], validate=True)
        except (KeyError, ValueError, binascii.Error) as problem:
            raise ProbeFailed(f"not a SCRAM challenge: {quoted(challenge)}") from problem
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ProbeFailed("the SCRAM challenge answers somebody else")
        return nonce, salt, rounds


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")
