"""
Promises of L{lbproxy.health.dns}.
"""

from __future__ import annotations

import random
import struct
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.names import dns
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.dns import DNSDialogue
from tests.health.doubles import Exchange


def ask(**more: Any) -> Exchange:
    """
    A check for C{www.example}, with an ID that is the same every time.
    """
    return Exchange(DNSDialogue("www.example", rng=random.Random(1), **more))


def answer(exchange: Exchange, code: int = 0, addresses: int = 1, flags: int = 0x8180) -> bytes:
    """
    What a name server says to the query, made by Twisted.
    """
    query = dns.Message()
    query.fromStr(exchange.link.sent[0])
    reply = dns.Message(id=query.id, answer=1, rCode=code, recAv=1)
    reply.queries = query.queries
    for number in range(addresses):
        record = dns.Record_A(f"192.0.2.{number}", ttl=60)
        reply.answers.append(dns.RRHeader(b"www.example", dns.A, dns.IN, 60, record))
    data: bytes = reply.toStr()
    return data[:2] + struct.pack(">H", (flags & 0xFFF0) | code) + data[4:]


class DNSTests(SynchronousTestCase):
    """
    A query by name.
    """

    def words(self, exchange: Exchange) -> object:
        """
        How it ended.
        """
        outcome = exchange.outcome
        return outcome.words if outcome.passed else f"failed: {outcome.words}"

    def test_asksForTheName(self) -> None:
        """
        Another implementation reads the query as it was meant.
        """
        for kind, number in (("A", dns.A), ("AAAA", dns.AAAA), ("SRV", dns.SRV)):
            query = dns.Message()
            query.fromStr(ask(type=kind).link.sent[0])
            (question,) = query.queries
            self.assertEqual((question.name.name, question.type), (b"www.example", number))
            self.assertTrue(query.recDes)

    def test_passesOnAnAnswer(self) -> None:
        """
        An answer to our question is good, whatever the letters' case.
        """
        exchange = ask()
        exchange.hear(answer(exchange).replace(b"www", b"wWw"))
        self.assertEqual(self.words(exchange), "DNS NOERROR")

    def test_failsOnAnotherCode(self) -> None:
        """
        The reason names the code and what was wanted.
        """
        exchange = ask()
        exchange.hear(answer(exchange, code=2, addresses=0))
        self.assertEqual(self.words(exchange), "failed: DNS SERVFAIL, wanted NOERROR")

    def test_takesTheCodesItIsTold(self) -> None:
        """
        For a name that does not exist NXDOMAIN is the good answer.
        """
        exchange = ask(expectCode=("NOERROR", "NXDOMAIN"))
        exchange.hear(answer(exchange, code=3, addresses=0))
        self.assertEqual(self.words(exchange), "DNS NXDOMAIN")

    def test_countsRecords(self) -> None:
        """
        An empty answer may be not enough.
        """
        for count, words in (
            (1, "failed: DNS NOERROR with 1 records, wanted 2"),
            (2, "DNS NOERROR"),
        ):
            exchange = ask(minAnswers=2)
            exchange.hear(answer(exchange, addresses=count))
            self.assertEqual(self.words(exchange), words)

    def test_passesOverAnswersOfOthers(self) -> None:
        """
        A wrong ID is somebody's guess: the real answer still counts. Many guesses do not.
        """
        exchange = ask()
        good = answer(exchange)
        exchange.hear(b"\xff\xff" + good[2:])
        exchange.hear(good)
        self.assertEqual(self.words(exchange), "DNS NOERROR")
        exchange = ask()
        for _ in range(8):
            exchange.hear(b"\xff\xff" + good[2:])
        self.assertEqual(self.words(exchange), "failed: answers to queries that nobody asked")

    def test_failsOnTheAnswerToAnotherQuestion(self) -> None:
        """
        The question comes back with the answer; an echo of the query is none.
        """
        for change in ((b"\3www", b"\3ftp"), (b"\x81\x80", b"\x01\x00")):
            exchange = ask()
            exchange.hear(answer(exchange).replace(*change))
            self.assertEqual(self.words(exchange), "failed: the answer is not to our question")

    def test_failsOnACutAnswer(self) -> None:
        """
        An answer that ends anywhere before its end fails, unless it says that it was cut.
        """
        exchange = ask()
        whole = answer(exchange, addresses=2)
        for end in range(len(whole)):
            exchange = ask()
            exchange.hear(whole[:end])
            if exchange.outcome.passed is None:
                exchange.link.receiver.refused("nothing more")
            self.assertIs(exchange.outcome.passed, False, end)
        exchange = ask()
        exchange.hear(answer(exchange, addresses=2, flags=0x8380)[:-10])
        self.assertEqual(self.words(exchange), "DNS NOERROR")

    def test_survivesGarbage(self) -> None:
        """
        Whatever comes, the check ends with a reason.
        """

        @settings(max_examples=200, deadline=None)
        @given(st.binary(max_size=200), st.integers(0, 60))
        def tryOne(garbage: bytes, good: int) -> None:
            exchange = ask()
            exchange.hear(answer(exchange)[:good] + garbage)
            assert exchange.outcome.passed is not None or len(garbage) + good >= 12

        tryOne()

    def test_refusesBadSettings(self) -> None:
        """
        Settings that make no sense are errors when the check is made.
        """
        for name in ("", "a..b", "x" * 64, ".".join(["x" * 60] * 5)):
            self.assertRaises(ValueError, DNSDialogue, name)
        self.assertRaises(ValueError, DNSDialogue, "a", type="ANY")
        self.assertRaises(ValueError, DNSDialogue, "a", expectCode=("OK",))

    def test_asksForTheRoot(self) -> None:
        """
        The root has no labels.
        """
        exchange = Exchange(DNSDialogue(".", type="NS"))
        self.assertEqual(exchange.link.sent[0][12:], b"\0\0\2\0\1")
