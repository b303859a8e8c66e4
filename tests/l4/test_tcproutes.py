"""
Which route a TCP connection takes.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l4.tcproutes import RouteTable, TCPMatch, TCPRoute


def route(name: str, *serverNames: str, alpn: str = "", source: str = "") -> TCPRoute:
    """
    A route whose source is one address.
    """
    protocols = frozenset(alpn.encode().split())
    target: Any = None
    match = TCPMatch(serverNames, protocols, source.__eq__ if source else None)
    return TCPRoute(name, target, match)


class RouteTableTests(SynchronousTestCase):
    """
    The first route that matches wins.
    """

    def chosen(
        self, table: RouteTable, serverName: str = "", alpn: str = "", clientIP: str = "192.0.2.1"
    ) -> str:
        found = table.choose(clientIP, serverName, tuple(alpn.encode().split()))
        return found.name if found is not None else ""

    def test_byName(self) -> None:
        """
        Exact names and names below a wildcard, at any depth, but not the wildcard's own name.
        """
        table = RouteTable([route("a", "a.example"), route("w", "*.b.example"), route("rest")])
        self.assertEqual(self.chosen(table, "a.example"), "a")
        self.assertEqual(self.chosen(table, "x.b.example"), "w")
        self.assertEqual(self.chosen(table, "x.y.b.example"), "w")
        for name in "b.example", "xb.example", "other", "", "x.a.example":
            self.assertEqual(self.chosen(table, name), "rest")

    def test_theOrderIsTheLaw(self) -> None:
        """
        What is written first wins, though what stands behind it says it more exactly.
        """
        table = RouteTable([route("w", "*.example"), route("a", "a.example"), route("rest")])
        self.assertEqual(self.chosen(table, "a.example"), "w")
        table = RouteTable([route("rest"), route("a", "a.example")])
        self.assertEqual(self.chosen(table, "a.example"), "rest")

    def test_severalNames(self) -> None:
        """
        A list means any of.
        """
        table = RouteTable([route("a", "a.example", "*.b.example", "c.example")])
        for name in "a.example", "x.b.example", "c.example":
            self.assertEqual(self.chosen(table, name), "a")
        self.assertEqual(self.chosen(table, "d.example"), "")

    def test_allConditionsHold(self) -> None:
        """
        Every condition given must hold; where one does not, the search goes on.
        """
        table = RouteTable(
            [
                route("all", "a.example", alpn="h2", source="192.0.2.1"),
                route("h2", alpn="h2 h3"),
                route("name", "a.example"),
            ]
        )
        self.assertEqual(self.chosen(table, "a.example", "http/1.1 h2"), "all")
        self.assertEqual(self.chosen(table, "a.example", "h3", "192.0.2.2"), "h2")
        self.assertEqual(self.chosen(table, "a.example", "http/1.1"), "name")
        self.assertEqual(self.chosen(table, "b.example", "http/1.1"), "")

    def test_withoutTLS(self) -> None:
        """
        Who speaks no TLS, or names nobody, takes the first route that asks for nothing.
        """
        table = RouteTable([route("a", "a.example"), route("h2", alpn="h2"), route("rest")])
        self.assertEqual(self.chosen(table), "rest")
        self.assertEqual(self.chosen(table, alpn="h2"), "h2")

    def test_earlyDecisions(self) -> None:
        """
        A client is not asked for a hello that cannot change anything.
        """
        table = RouteTable([route("s", source="192.0.2.1"), route("a", "a.example")])
        early = table.early("192.0.2.1")
        assert early is not None
        self.assertEqual(early.name, "s")
        self.assertIsNone(table.early("192.0.2.2"))
        self.assertRaises(LookupError, RouteTable([route("s", source="x")]).early, "192.0.2.2")

    def test_whatIsNeeded(self) -> None:
        """
        Only routes that ask for a name or a protocol make a listener look.
        """
        self.assertFalse(RouteTable([route("s", source="x"), route("rest")]).needsHello)
        self.assertTrue(RouteTable([route("rest"), route("h2", alpn="h2")]).needsHello)
        self.assertTrue(RouteTable([route("rest"), route("h2", alpn="h2")]).unconditional)
        self.assertFalse(RouteTable([]).unconditional)

    @given(
        st.lists(
            st.tuples(
                st.lists(st.sampled_from(["a.x", "*.x", "b.a.x", "*.a.x", "y"]), max_size=2),
                st.sampled_from(["", "h2"]),
            ),
            max_size=6,
        ),
        st.sampled_from(["", "a.x", "b.a.x", "c.b.a.x", "y", "x"]),
        st.sampled_from(["", "h2"]),
    )
    def test_asIfTriedOneByOne(
        self, written: list[tuple[list[str], str]], name: str, alpn: str
    ) -> None:
        """
        The compiled table finds what trying one after the other would find.
        """
        routes = [route(str(n), *names, alpn=p) for n, (names, p) in enumerate(written)]

        def matches(each: TCPRoute) -> bool:
            names = each.match.serverNames
            named = any(name == one or (one[0] == "*" and name.endswith(one[1:])) for one in names)
            return (named or not names) and (not each.match.alpn or alpn == "h2")

        expected = next((each.name for each in routes if matches(each)), "")
        self.assertEqual(self.chosen(RouteTable(routes), name, alpn), expected)
