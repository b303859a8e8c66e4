"""
Tests for L{lbproxy.services.discovery.dns}.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.names import dns
from twisted.names.error import DNSNameError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.services.discovery.dns import DNSSource, NoAnswer


def record(name: str, payload: Any, ttl: int) -> dns.RRHeader:
    return dns.RRHeader(name, payload.TYPE, ttl=ttl, payload=payload)


class Answers:
    """
    A resolver that knows what it is told.
    """

    def __init__(self, **known: list[dns.RRHeader]) -> None:
        self.known = known

    def _answer(self, name: str, kind: str) -> Deferred[Any]:
        found = self.known.get(f"{kind}_{name}")
        if found is None:
            return fail(DNSNameError(name))
        return succeed((found, [], []))

    def lookupAddress(self, name: str, timeout: Any = None) -> Deferred[Any]:
        return self._answer(name, "A")

    def lookupIPV6Address(self, name: str, timeout: Any = None) -> Deferred[Any]:
        return self._answer(name, "AAAA")

    def lookupService(self, name: str, timeout: Any = None) -> Deferred[Any]:
        return self._answer(name, "SRV")


class DNSSourceTests(SynchronousTestCase):
    """
    Records become backends.
    """

    def ask(self, resolver: Answers, name: str, kind: str, port: int = 0) -> Any:
        return self.successResultOf(DNSSource(resolver, name, kind, port).ask())

    def test_addresses(self) -> None:
        """
        Each address is a backend, whatever their order; the shortest TTL says when to ask again.
        """
        records = [
            record("shop", dns.Record_A("192.0.2.9"), 30),
            record("shop", dns.Record_A("192.0.2.1"), 20),
        ]
        specs, wait = self.ask(Answers(A_shop=records), "shop", "A", 80)
        self.assertEqual([spec.name for spec in specs], ["192.0.2.1:80", "192.0.2.9:80"])
        self.assertEqual(wait, 20)

    def test_aliasesAreNoAddresses(self) -> None:
        """
        The CNAME on the way to an address is passed over.
        """
        records = [
            record("shop", dns.Record_CNAME("real"), 5),
            record("real", dns.Record_A("192.0.2.1"), 20),
        ]
        specs, _ = self.ask(Answers(A_shop=records), "shop", "A", 80)
        self.assertEqual(len(specs), 1)

    def test_ipv6(self) -> None:
        """
        AAAA records are IPv6 addresses, in brackets where a port follows.
        """
        records = [record("shop", dns.Record_AAAA("2001:db8::1"), 20)]
        specs, _ = self.ask(Answers(AAAA_shop=records), "shop", "AAAA", 80)
        self.assertEqual(specs[0].name, "[2001:db8::1]:80")
        self.assertEqual(specs[0].address.family, socket.AF_INET6)

    def test_ttlIsBounded(self) -> None:
        """
        A TTL of 0 doesn't make us ask all the time, a long one not never.
        """
        for ttl, expected in ((0, 1.0), (86400, 300.0)):
            records = [record("shop", dns.Record_A("192.0.2.1"), ttl)]
            self.assertEqual(self.ask(Answers(A_shop=records), "shop", "A", 80)[1], expected)

    def test_servers(self) -> None:
        """
        SRV records bring port, priority and weight; weights above ours are scaled, 0 is little.
        """
        records = [
            record("_web", dns.Record_SRV(0, 60000, 8080, "one"), 50),
            record("_web", dns.Record_SRV(1, 0, 8081, "two"), 50),
        ]
        resolver = Answers(
            SRV__web=records,
            A_one=[record("one", dns.Record_A("192.0.2.1"), 40)],
            A_two=[record("two", dns.Record_A("192.0.2.2"), 60)],
        )
        specs, wait = self.ask(resolver, "_web", "SRV")
        facts = [(spec.name, spec.weight, spec.priority) for spec in specs]
        self.assertEqual(facts, [("192.0.2.1:8080", 1000, 0), ("192.0.2.2:8081", 1, 1)])
        self.assertEqual(wait, 40)

    def test_nothing(self) -> None:
        """
        No such name, or no such record, is no answer.
        """
        for resolver in (Answers(), Answers(A_shop=[])):
            self.failureResultOf(DNSSource(resolver, "shop", "A", 80).ask(), NoAnswer)
