"""
Which backends does DNS name just now? Addresses of a name, or the servers of an SRV record.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.names import dns
from twisted.names.client import Resolver
from twisted.names.error import DNSNameError

from lbproxy.config.address import Address
from lbproxy.errors import LBProxyError
from lbproxy.pool.backend import MAX_WEIGHT, BackendSpec

# Seconds for a question, sent again each time; Twisted's own default waits a whole minute.
_TIMEOUTS = (1, 2, 3)
# Seconds. A TTL of 0 would have us ask all the time, one of a week never again.
_SHORTEST = 1.0
_LONGEST = 300.0


class NoAnswer(LBProxyError):
    """
    DNS knows nothing of the name.
    """


class DNSSource:
    """
    Asks for a name's records, again when the shortest of their TTLs ends.
    """

    def __init__(self, resolver: Any, name: str, kind: str, port: int = 0) -> None:
        """
        @param resolver: an C{IResolver}; see L{makeResolver}.
        @param kind: C{A}, C{AAAA} or C{SRV}.
        @param port: of the backends; an SRV record brings its own.
        """
        self._resolver = resolver
        self._name = name
        self._kind = kind
        self._port = port

    def __str__(self) -> str:
        return f"DNS {self._kind} {self._name}"

    def ask(self) -> Deferred[tuple[Sequence[BackendSpec] | None, float]]:
        """
        @return: fails for every answer without a record of the kind.
        """
        return Deferred.fromCoroutine(self._ask())

    async def _ask(self) -> tuple[Sequence[BackendSpec] | None, float]:
        if self._kind == "SRV":
            return await self._askServers()
        addresses, ttl = await self._addresses(self._name, self._kind)
        specs = [_spec(address, self._port) for address in addresses]
        return specs, ttl

    async def _addresses(self, name: str, kind: str) -> tuple[list[str], float]:
        lookup = self._resolver.lookupAddress if kind == "A" else self._resolver.lookupIPV6Address
        wanted = dns.A if kind == "A" else dns.AAAA
        records = await self._records(lookup, name, wanted)
        family = socket.AF_INET if kind == "A" else socket.AF_INET6
        found = {socket.inet_ntop(family, record.payload.address) for record in records}
        return sorted(found), _wait(records)

    async def _askServers(self) -> tuple[Sequence[BackendSpec] | None, float]:
        records = await self._records(self._resolver.lookupService, self._name, dns.SRV)
        wait = _wait(records)
        heaviest = max(record.payload.weight for record in records)
        specs = []
        for record in records:
            server = record.payload
            target = str(server.target)
            addresses, ttl = await self._addresses(target, "A")
            wait = min(wait, ttl)
            specs += [
                _spec(address, server.port, _weight(server.weight, heaviest), server.priority)
                for address in addresses
            ]
        return list({spec.name: spec for spec in specs}.values()), wait

    async def _records(self, lookup: Any, name: str, kind: int) -> list[Any]:
        try:
            answers, _, _ = await lookup(name, timeout=_TIMEOUTS)
        except DNSNameError:
            raise NoAnswer(f"{name} does not exist") from None
        records = [answer for answer in answers if answer.type == kind]
        if not records:
            raise NoAnswer(f"{name} has no {self._kind} record")
        return records


def makeResolver(reactor: Any, server: Address | None) -> Resolver:
    """
    @param server: whom to ask; L{None}: the system's resolvers.
    """
    servers = [(server.host, server.port)] if server is not None else None
    resolv = None if server is not None else "/etc/resolv.conf"
    return Resolver(resolv, servers, _TIMEOUTS, reactor)


def _spec(host: str, port: int, weight: int = 1, priority: int = 0) -> BackendSpec:
    address = Address(host=host, port=port)
    return BackendSpec(str(address), address, weight, priority)


def _weight(weight: int, heaviest: int) -> int:
    """
    RFC 2782 has weights up to 65535, and 0 for "seldom".
    """
    if heaviest <= MAX_WEIGHT:
        return max(weight, 1)
    return max(1, round(weight * MAX_WEIGHT / heaviest))


def _wait(records: list[Any]) -> float:
    return min(max(float(min(record.ttl for record in records)), _SHORTEST), _LONGEST)
