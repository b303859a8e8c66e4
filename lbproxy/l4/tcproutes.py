"""
Which route does a TCP connection take? Decided by its source and by what its first bytes ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lbproxy.net.connector import Attempt, Caller
from lbproxy.pool.context import Context


class Target(Protocol):
    """
    Where a route leads: L{lbproxy.net.connector.Connector}, or something that chooses one.
    """

    def connect(self, context: Context, caller: Caller) -> Attempt | None: ...


@dataclass(frozen=True, slots=True)
class TCPMatch:
    """
    A route's conditions. All that are given must hold; several values of one are alternatives.

    Names are lower-case, C{*.} in front for any name below. C{source} says whether an address,
    as numeric text, is meant.
    """

    serverNames: Sequence[str] = ()
    alpn: frozenset[bytes] = frozenset()
    source: Callable[[str], bool] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class TCPRoute:
    """
    A match and where it leads.

    @ivar passthrough: relay the client's TLS as it is although the listener could end it.
    """

    name: str
    target: Target
    match: TCPMatch = TCPMatch()
    passthrough: bool = False


class RouteTable:
    """
    A listener's routes, compiled: the first that matches wins, as written.

    Names are looked up, never searched: a thousand routes by name cost as much as one.

    @ivar needsHello: whether any decision may depend on a ClientHello.
    @ivar unconditional: whether the first route takes everybody.
    """

    __slots__ = (
        "_exact",
        "_named",
        "_plain",
        "_routes",
        "_wildcards",
        "needsHello",
        "unconditional",
    )

    def __init__(self, routes: Iterable[TCPRoute]) -> None:
        self._routes = tuple(routes)
        exact: dict[str, list[int]] = {}
        wildcards: dict[str, list[int]] = {}
        plain: list[int] = []
        for number, route in enumerate(self._routes):
            for name in route.match.serverNames:
                if name.startswith("*."):
                    wildcards.setdefault(name[2:], []).append(number)
                else:
                    exact.setdefault(name, []).append(number)
            if not route.match.serverNames:
                plain.append(number)
        self._exact = exact
        self._wildcards = wildcards
        self._plain = plain
        self._named = bool(exact or wildcards)
        self.needsHello = self._named or any(route.match.alpn for route in self._routes)
        first = self._routes[0].match if self._routes else None
        self.unconditional = first is not None and first == TCPMatch()

    def early(self, clientIP: str) -> TCPRoute | None:
        """
        The route that is taken whatever the client says; L{None} when its hello has to be seen.

        @raise LookupError: no route can match.
        """
        for route in self._routes:
            match = route.match
            if match.source is None or match.source(clientIP):
                return None if match.serverNames or match.alpn else route
        raise LookupError(clientIP)

    def choose(self, clientIP: str, serverName: str, alpn: Sequence[bytes]) -> TCPRoute | None:
        """
        @param serverName: C{""} when the client named nobody or spoke no TLS.
        @param alpn: what it offers, or what was agreed on.
        """
        numbers: Sequence[int] = self._plain
        if self._named and serverName:
            named = self._byName(serverName)
            if named:
                numbers = sorted((*named, *numbers))
        for number in numbers:
            route = self._routes[number]
            match = route.match
            if match.alpn and match.alpn.isdisjoint(alpn):
                continue
            if match.source is None or match.source(clientIP):
                return route
        return None

    def _byName(self, name: str) -> set[int]:
        found = set(self._exact.get(name, ()))
        if self._wildcards:
            _, dot, rest = name.partition(".")
            while dot:
                found.update(self._wildcards.get(rest, ()))
                _, dot, rest = rest.partition(".")
        return found
