"""
Which route? The first in the user's order whose conditions all hold.

Hosts, exact paths and path prefixes are indexed, so that two thousand routes cost what two do;
only the routes that the index leaves are asked for their other conditions, in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from lbproxy.errors import DownstreamError
from lbproxy.l7.matching import Match, Predicate
from lbproxy.wire.http1 import hostName, normalizePath

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange

Plan = TypeVar("Plan")


@dataclass(frozen=True, slots=True)
class Route(Generic[Plan]):
    """
    A match and what to do with it.
    """

    match: Match
    plan: Plan


class _Indexed(Generic[Plan]):
    """
    A route in its place among the others.
    """

    __slots__ = ("order", "plan", "predicates")

    def __init__(self, order: int, route: Route[Plan]) -> None:
        self.order = order
        self.plan = route.plan
        self.predicates: tuple[Predicate, ...] = route.match.predicates()


class _PathIndex(Generic[Plan]):
    """
    The routes that one host can reach, by path.
    """

    __slots__ = ("_exact", "_prefixes", "_rest", "only")

    def __init__(self, routes: Sequence[tuple[int, Route[Plan]]]) -> None:
        self._exact: dict[bytes, list[_Indexed[Plan]]] = {}
        prefixes: dict[int, dict[bytes, list[_Indexed[Plan]]]] = {}
        self._rest: list[_Indexed[Plan]] = []
        for order, route in routes:
            entry = _Indexed(order, route)
            for path in route.match.paths:
                self._exact.setdefault(path, []).append(entry)
            for prefix in route.match.pathPrefixes:
                prefixes.setdefault(len(prefix), {}).setdefault(prefix, []).append(entry)
            if not route.match.paths and not route.match.pathPrefixes:
                self._rest.append(entry)
        self._prefixes = tuple(prefixes.items())
        # The one route that takes everything, where there is no other.
        first = self._rest[0] if self._rest and not self._exact and not prefixes else None
        self.only = first.plan if first is not None and not first.predicates else None

    def find(self, exchange: Exchange, path: bytes) -> Plan | None:
        if self.only is not None:
            return self.only
        found = self._exact.get(path) or []
        for length, prefixes in self._prefixes:
            more = prefixes.get(path[:length])
            if more is not None:
                found = found + more
        if not found:
            return _first(self._rest, exchange)
        if self._rest:
            found = found + self._rest
        if len(found) > 1:
            found = sorted(found, key=_order)
        return _first(found, exchange)


def _order(entry: _Indexed[Plan]) -> int:
    return entry.order


def _first(entries: Sequence[_Indexed[Plan]], exchange: Exchange) -> Plan | None:
    for entry in entries:
        for predicate in entry.predicates:
            if not predicate(exchange):
                break
        else:
            return entry.plan
    return None


class RouteTable(Generic[Plan]):
    """
    The routes of one listener, compiled.

    @ivar only: the plan that every request gets, where there is nothing to choose.
    """

    __slots__ = ("_anyHost", "_exact", "_usesPath", "_wild", "only")

    def __init__(self, routes: Sequence[Route[Plan]]) -> None:
        numbered = list(enumerate(routes))
        hosts = {host for route in routes for host in route.match.hosts}
        self._usesPath = any(
            route.match.paths or route.match.pathPrefixes or route.match.pathRegexes
            for route in routes
        )
        self._anyHost = _PathIndex([pair for pair in numbered if not pair[1].match.hosts])
        self.only = None if hosts else self._anyHost.only
        self._exact = {
            host.encode("ascii"): _PathIndex(_reachable(numbered, host))
            for host in hosts
            if not host.startswith("*.")
        }
        self._wild = {
            host[1:].encode("ascii"): _PathIndex(_reachable(numbered, host))
            for host in hosts
            if host.startswith("*.")
        }

    def find(self, exchange: Exchange) -> Plan | None:
        """
        The plan of the first route that matches.

        @raise BadMessage: 400 for a path that cannot be understood in one way only.
        @raise DownstreamError: 400 when an encoded slash decides which route it would be.
        """
        index = self._indexFor(exchange.head.host) if self._exact or self._wild else self._anyHost
        raw = exchange.head.path
        if not self._usesPath and b"%" not in raw and b".." not in raw:
            return index.find(exchange, raw)
        form = normalizePath(raw)
        exchange.path = form.decoded
        plan = index.find(exchange, form.decoded)
        if form.ambiguous is not None:
            exchange.path = form.ambiguous
            other = index.find(exchange, form.ambiguous)
            exchange.path = form.decoded
            if other is not plan:
                raise DownstreamError(400, "ambiguousPath", "an encoded slash decides the route")
        return plan

    def _indexFor(self, authority: bytes) -> _PathIndex[Plan]:
        host = hostName(authority)
        index = self._exact.get(host)
        if index is not None:
            return index
        if self._wild:
            dot = host.find(b".")
            while dot >= 0:
                index = self._wild.get(host[dot:])
                if index is not None:
                    return index
                dot = host.find(b".", dot + 1)
        return self._anyHost


def _reachable(
    numbered: Sequence[tuple[int, Route[Plan]]], host: str
) -> list[tuple[int, Route[Plan]]]:
    """
    The routes that apply where C{host} is the most specific name that matched.
    """
    covering = {host}
    labels = host.removeprefix("*.").split(".")
    start = 0 if host.startswith("*.") else 1
    covering.update("*." + ".".join(labels[i:]) for i in range(start, len(labels)))
    return [
        pair
        for pair in numbered
        if not pair[1].match.hosts or not covering.isdisjoint(pair[1].match.hosts)
    ]
