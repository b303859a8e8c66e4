"""
Does the name server answer a query, and with what it should?

RFC 1035 4.1. Only what the check needs is read, in one pass: compression pointers are stepped over,
never followed, so no answer can make us work.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

from lbproxy.health.conversation import Conversation, ProbeFailed, Want
from lbproxy.pool.backend import Backend

_TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16}
_TYPES |= {"AAAA": 28, "SRV": 33}
_CODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")

_HEADER = struct.Struct(">HHHHHH")
_IN = 1
_RESPONSE, _TRUNCATED, _RECURSE = 0x8000, 0x0200, 0x0100

# Answers of somebody who guesses are passed over; so many of them are not.
_STRANGERS = 8


class DNSDialogue:
    """
    Asks for one name, over UDP.
    """

    def __init__(
        self,
        name: str,
        type: str = "A",
        expectCode: Sequence[str] = ("NOERROR",),
        minAnswers: int = 0,
        rng: random.Random | None = None,
    ) -> None:
        """
        @param name: C{"."} for the root.
        @param expectCode: which response codes are good.
        @param minAnswers: how many records the answer section must have at least.
        @param rng: where query IDs come from; the system's source by default.
        @raise ValueError: with a message fit for a user.
        """
        if type not in _TYPES:
            raise ValueError(f'"{type}" is no query type; one of {", ".join(_TYPES)}')
        for code in expectCode:
            if code not in _CODES:
                raise ValueError(f'"{code}" is no response code; one of {", ".join(_CODES)}')
        self._question = _encodeName(name) + struct.pack(">HH", _TYPES[type], _IN)
        self._codes = frozenset(expectCode)
        self._wanted = ", ".join(expectCode)
        self._minAnswers = minAnswers
        self._rng = rng or random.SystemRandom()

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        query = self._rng.randrange(65536)
        say: bytes | None = _HEADER.pack(query, _RECURSE, 1, 0, 0, 0) + self._question
        for _ in range(_STRANGERS):
            answer = yield Want(say)
            say = None
            if len(answer) < _HEADER.size:
                raise ProbeFailed(f"not DNS: {len(answer)} bytes")
            if answer[:2] == query.to_bytes(2, "big"):
                return self._judge(answer)
        raise ProbeFailed("answers to queries that nobody asked")

    def _judge(self, answer: bytes) -> str:
        _, flags, questions, answers, _, _ = _HEADER.unpack_from(answer)
        body = answer[_HEADER.size :]
        # Names are echoed as they were asked, but some servers change the letters' case.
        if not flags & _RESPONSE or questions != 1 or not _sameQuestion(body, self._question):
            raise ProbeFailed("the answer is not to our question")
        code = _CODES[flags & 0xF] if flags & 0xF < len(_CODES) else str(flags & 0xF)
        if code not in self._codes:
            raise ProbeFailed(f"DNS {code}, wanted {self._wanted}")
        if not flags & _TRUNCATED:
            _walk(body, len(self._question), answers)
        if answers < self._minAnswers:
            raise ProbeFailed(f"DNS {code} with {answers} records, wanted {self._minAnswers}")
        return f"DNS {code}"


def _encodeName(name: str) -> bytes:
    if name == ".":
        return b"\0"
    labels = [label.encode() for label in name.removesuffix(".").split(".")]
    encoded = b"".join(bytes([len(label) & 0xFF]) + label for label in labels) + b"\0"
    if len(encoded) > 255 or not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f'"{name}" is not a domain name')
    return encoded


def _sameQuestion(body: bytes, question: bytes) -> bool:
    return body[: len(question)].lower() == question.lower()


def _walk(body: bytes, at: int, records: int) -> None:
    """
    @raise ProbeFailed: C{records} records do not fit in what is there.
    """
    for _ in range(records):
        at = _skipName(body, at)
        if at + 10 > len(body):
            raise ProbeFailed("the DNS answer is cut short")
        at += 10 + int.from_bytes(body[at + 8 : at + 10], "big")
    if at > len(body):
        raise ProbeFailed("the DNS answer is cut short")


def _skipName(body: bytes, at: int) -> int:
    while at < len(body):
        length = body[at]
        if length >= 0xC0:
            return at + 2
        at += 1 + length
        if length == 0:
            break
    return at
