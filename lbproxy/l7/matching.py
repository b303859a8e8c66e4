"""
Does a request meet a route's condition? Each condition is compiled once to a predicate on the
exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange

Predicate = Callable[["Exchange"], bool]


class Pattern(Protocol):
    """
    A compiled expression whose matching takes time linear in its input.
    """

    def search(self, text: bytes) -> object: ...


@dataclass(frozen=True, slots=True)
class ValueTest:
    """
    What a header, cookie or query value has to be: one of C{equals}, or found by C{regex}, or just
    there; or just C{absent}.
    """

    equals: frozenset[bytes] = frozenset()
    regex: Pattern | None = None
    absent: bool = False

    def passes(self, value: bytes | None) -> bool:
        """
        @param value: L{None} where there is none.
        """
        if value is None or self.absent:
            return value is None and self.absent
        if self.equals:
            return value in self.equals
        return self.regex is None or self.regex.search(value) is not None


@dataclass(frozen=True, slots=True)
class Match:
    """
    A route's conditions. All that are given must hold; several values of one condition are
    alternatives.

    Hosts are lower-case without port or brackets, C{*.} in front for any name below. Paths are in
    the decoded, dot-free form.
    """

    hosts: Sequence[str] = ()
    paths: Sequence[bytes] = ()
    pathPrefixes: Sequence[bytes] = ()
    pathRegexes: Sequence[Pattern] = ()
    methods: frozenset[bytes] = frozenset()
    headers: Mapping[bytes, ValueTest] = field(default_factory=dict)
    cookies: Mapping[bytes, ValueTest] = field(default_factory=dict)
    queries: Mapping[bytes, ValueTest] = field(default_factory=dict)
    source: Callable[[str], bool] | None = None

    def predicates(self) -> tuple[Predicate, ...]:
        """
        The conditions that no index answers, cheapest first.
        """
        tests: list[Predicate] = []
        if self.methods:
            tests.append(_methodIn(self.methods))
        if self.source is not None:
            tests.append(_sourceIn(self.source))
        tests += [_header(name.lower(), test) for name, test in self.headers.items()]
        tests += [_cookie(name, test) for name, test in self.cookies.items()]
        tests += [_query(name, test) for name, test in self.queries.items()]
        if self.pathRegexes:
            tests.append(_pathRegex(tuple(self.pathRegexes)))
        return tuple(tests)


def _methodIn(methods: frozenset[bytes]) -> Predicate:
    return lambda exchange: exchange.head.method in methods


def _sourceIn(contains: Callable[[str], bool]) -> Predicate:
    return lambda exchange: contains(exchange.clientIP)


def _header(name: bytes, test: ValueTest) -> Predicate:
    def anyOf(exchange: Exchange) -> bool:
        values = exchange.head.block.getAll(name)
        return any(map(test.passes, values)) if values else test.passes(None)

    return anyOf


def _cookie(name: bytes, test: ValueTest) -> Predicate:
    return lambda exchange: test.passes(exchange.cookie(name))


def _query(name: bytes, test: ValueTest) -> Predicate:
    return lambda exchange: test.passes(exchange.query(name))


def _pathRegex(patterns: tuple[Pattern, ...]) -> Predicate:
    return lambda exchange: any(pattern.search(exchange.path) for pattern in patterns)
