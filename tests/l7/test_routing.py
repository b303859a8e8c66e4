"""
Tests for L{lbproxy.l7.routing}: the first route whose conditions all hold.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import DownstreamError
from lbproxy.l7.exchange import Exchange
from lbproxy.l7.matching import Match
from lbproxy.l7.routing import Route, RouteTable
from lbproxy.wire.http1 import BadMessage, hostName, normalizePath
from tests.l7.asking import asked, exchangeOf
from tests.l7.doubles import GET, OK, Stage


def table(**routes: Match) -> RouteTable[str]:
    """
    Routes by name, in their order.
    """
    return RouteTable([Route(match, name) for name, match in routes.items()])


def find(
    routes: RouteTable[str],
    path: bytes = b"/",
    host: bytes = b"shop.example",
    method: bytes = b"GET",
) -> str | None:
    return routes.find(exchangeOf(asked(b"%b %b HTTP/1.1" % (method, path), b"Host: " + host)))


class HostTests(SynchronousTestCase):
    """
    Routes by host.
    """

    def test_names(self) -> None:
        """
        Exact names, names below a wildcard, and all others.
        """
        routes = table(
            exact=Match(hosts=["shop.example"]),
            below=Match(hosts=["*.shop.example"]),
            rest=Match(),
        )
        for host, expected in (
            (b"shop.example", "exact"),
            (b"SHOP.Example:8080", "exact"),
            (b"shop.example.", "exact"),
            (b"a.shop.example", "below"),
            (b"a.b.shop.example", "below"),
            (b"ashop.example", "rest"),
            (b"example", "rest"),
        ):
            self.assertEqual(find(routes, host=host), expected, host)

    def test_firstOneWins(self) -> None:
        """
        The user's order decides, not how specific a name is.
        """
        routes = table(
            wide=Match(hosts=["*.example"]),
            narrow=Match(hosts=["shop.example"]),
            other=Match(hosts=["other.test"]),
        )
        self.assertEqual(find(routes), "wide")
        routes = table(rest=Match(), narrow=Match(hosts=["shop.example"]))
        self.assertEqual(find(routes), "rest")

    def test_nestedWildcards(self) -> None:
        """
        A host under several wildcards is asked of all their routes.
        """
        routes = table(
            deep=Match(hosts=["*.b.example"], paths=[b"/deep"]),
            wide=Match(hosts=["*.example"]),
        )
        self.assertEqual(find(routes, b"/deep", b"a.b.example"), "deep")
        self.assertEqual(find(routes, b"/", b"a.b.example"), "wide")
        self.assertEqual(find(routes, b"/deep", b"c.example"), "wide")
        self.assertIsNone(find(routes, b"/", b"example"))

    def test_addresses(self) -> None:
        """
        Addresses are hosts, too; IPv6 ones without brackets.
        """
        routes = table(six=Match(hosts=["::1"]), four=Match(hosts=["192.0.2.1"]))
        self.assertEqual(find(routes, host=b"[::1]:80"), "six")
        self.assertEqual(find(routes, host=b"192.0.2.1:80"), "four")

    def test_noHost(self) -> None:
        """
        A request of HTTP/1.0 without a host takes routes that ask for none.
        """
        routes = table(named=Match(hosts=["shop.example"]), rest=Match())
        self.assertEqual(routes.find(exchangeOf(asked(b"GET / HTTP/1.0"))), "rest")

    def test_absoluteTarget(self) -> None:
        """
        The host of an absolute target beats Host.
        """
        routes = table(a=Match(hosts=["a.example"]), b=Match(hosts=["b.example"]))
        self.assertEqual(find(routes, b"http://b.example/", b"a.example"), "b")

    def test_none(self) -> None:
        """
        Nothing matches, nothing is found.
        """
        self.assertIsNone(find(table()))
        self.assertIsNone(find(table(a=Match(hosts=["a.example"]))))


class PathTests(SynchronousTestCase):
    """
    Routes by path.
    """

    def test_exactAndPrefix(self) -> None:
        """
        Whole paths, and what paths begin with.
        """
        routes = table(
            exact=Match(paths=[b"/a", b"/b"]),
            long=Match(pathPrefixes=[b"/a/long/"]),
            short=Match(pathPrefixes=[b"/a"]),
            rest=Match(),
        )
        for path, expected in (
            (b"/a", "exact"),
            (b"/b", "exact"),
            (b"/b/", "rest"),
            (b"/a/long/x", "long"),
            (b"/a/long", "short"),
            (b"/abc", "short"),
            (b"/", "rest"),
        ):
            self.assertEqual(find(routes, path), expected, path)

    def test_orderDecides(self) -> None:
        """
        The first in the user's order wins, whether it names a path, a prefix or neither.
        """
        exact, prefix, rest = Match(paths=[b"/a"]), Match(pathPrefixes=[b"/"]), Match()
        self.assertEqual(find(table(one=prefix, two=exact, three=rest), b"/a"), "one")
        self.assertEqual(find(table(one=exact, two=prefix, three=rest), b"/a"), "one")
        self.assertEqual(find(table(one=rest, two=exact, three=prefix), b"/a"), "one")
        self.assertEqual(find(table(one=exact, two=rest, three=prefix), b"/b"), "two")

    def test_otherConditions(self) -> None:
        """
        A route that the path finds must meet its other conditions; the next one gets its chance.
        """
        routes = table(
            reading=Match(paths=[b"/a"], methods=frozenset((b"GET",))),
            writing=Match(pathPrefixes=[b"/a"]),
        )
        self.assertEqual(find(routes, b"/a"), "reading")
        self.assertEqual(find(routes, b"/a", method=b"PUT"), "writing")

    def test_normalForm(self) -> None:
        """
        Escapes and dot segments hide nothing from a route.
        """
        routes = table(admin=Match(pathPrefixes=[b"/admin"]), rest=Match())
        for path in (b"/%61dmin", b"/x/../admin", b"/./admin", b"/x/%2e%2e/admin"):
            self.assertEqual(find(routes, path), "admin", path)
        self.assertEqual(find(routes, b"/administrator"), "admin")
        self.assertEqual(find(routes, b"/x/admin"), "rest")

    def test_twoReadings(self) -> None:
        """
        A path that others might read as one of another route is refused: no way around a route.
        """
        routes = table(admin=Match(pathPrefixes=[b"/admin"]), rest=Match())
        for path in (b"/static/..%2fadmin", b"//admin", b"/x%5c..%5cadmin", b"/x/..;/admin"):
            error = self.assertRaises(DownstreamError, find, routes, path)
            self.assertEqual((error.statusHint, error.code), (400, "ambiguousPath"))
        self.assertEqual(find(routes, b"/web/https://x.example/"), "rest")
        self.assertEqual(find(routes, b"/admin/a%2Fb"), "admin")

    def test_twoReadingsByExpression(self) -> None:
        """
        The same where an expression decides.
        """
        routes = table(admin=Match(pathRegexes=[re.compile(b"^/admin")]), rest=Match())
        self.assertRaises(DownstreamError, find, routes, b"/x/..%2fadmin")
        exchange = exchangeOf(asked(b"GET /a%2Fb HTTP/1.1"))
        self.assertEqual(routes.find(exchange), "rest")
        self.assertEqual(exchange.path, b"/a%2Fb")

    def test_badPaths(self) -> None:
        """
        A path that cannot be understood is refused, also where no route looks at paths.
        """
        for routes in (table(a=Match(paths=[b"/a"])), table(a=Match())):
            for path in (b"/%00", b"/%zz", b"/%"):
                error = self.assertRaises(BadMessage, find, routes, path)
                self.assertEqual((error.status, error.code), (400, "badPath"))

    def test_pathOfTheExchange(self) -> None:
        """
        Whoever asks for the path afterwards sees it decoded, as the routes did.
        """
        exchange = exchangeOf(asked(b"GET /x/../%61 HTTP/1.1"))
        table(a=Match(paths=[b"/a"])).find(exchange)
        self.assertEqual(exchange.path, b"/a")

    def test_asterisk(self) -> None:
        """
        C{OPTIONS *} has no path: it takes a route that asks for none.
        """
        routes = table(all=Match(pathPrefixes=[b"/"]), rest=Match())
        self.assertEqual(find(routes, b"*", method=b"OPTIONS"), "rest")


class OnlyTests(SynchronousTestCase):
    """
    Where there is nothing to choose.
    """

    def test_only(self) -> None:
        """
        One route for everything is known as such; any condition makes a choice of it.
        """
        self.assertEqual(table(a=Match()).only, "a")
        self.assertEqual(table(a=Match(), b=Match()).only, "a")
        for match in (
            Match(hosts=["a"]),
            Match(paths=[b"/a"]),
            Match(pathPrefixes=[b"/a"]),
            Match(methods=frozenset((b"GET",))),
        ):
            self.assertIsNone(table(a=match, b=Match()).only)
        self.assertIsNone(table(a=Match(), b=Match(hosts=["b"])).only)
        self.assertIsNone(table().only)

    def test_badPathIsRefused(self) -> None:
        """
        A listener with one route for everything refuses what cannot be understood, too.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        protocol.dataReceived(GET.replace(b"/ ", b"/%00 "))
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 400 "))
        protocol, wire = stage.connect()
        protocol.dataReceived(GET.replace(b"/ ", b"/%20 "))
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 200 "))


class ManyTests(SynchronousTestCase):
    """
    Many routes.
    """

    def test_indexIsAsked(self) -> None:
        """
        Among thousands of routes only those that host and path leave are asked anything.
        """
        asking: list[str] = []

        def noting(address: str) -> bool:
            asking.append(address)
            return True

        routes = {
            f"r{at}": Match(
                hosts=[f"h{at % 50}.example"], pathPrefixes=[b"/p%d/" % at], source=noting
            )
            for at in range(2000)
        }
        self.assertEqual(find(table(**routes), b"/p1234/x", b"h34.example"), "r1234")
        self.assertEqual(len(asking), 1)


# Few names and short paths, so that routes get into each other's way.
_HOSTS = st.lists(
    st.sampled_from(["a.example", "b.a.example", "*.a.example", "*.example", "*.b.a.example"]),
    max_size=2,
)
_PATHS = st.text("/ab.", min_size=0, max_size=4).map(lambda text: b"/" + text.encode())
_MATCH = st.builds(
    lambda hosts, methods, paths: Match(hosts=hosts, methods=methods, **paths),
    _HOSTS,
    st.frozensets(st.sampled_from([b"GET", b"PUT"]), max_size=1),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"paths": st.lists(_PATHS, min_size=1, max_size=2)}),
        st.fixed_dictionaries({"pathPrefixes": st.lists(_PATHS, min_size=1, max_size=2)}),
        st.fixed_dictionaries(
            {
                "pathRegexes": st.lists(
                    st.sampled_from([re.compile(b"^/a"), re.compile(b"b$")]), min_size=1, max_size=2
                )
            }
        ),
    ),
)


def holds(match: Match, exchange: Exchange, path: bytes) -> bool:
    """
    Whether a route takes a request, told the slow way.
    """
    host = hostName(exchange.head.host).decode()
    named = [
        host.endswith(wanted[1:]) and len(host) >= len(wanted)
        if wanted[0] == "*"
        else host == wanted
        for wanted in match.hosts
    ]
    ways = [path in match.paths, any(map(path.startswith, match.pathPrefixes))]
    ways.append(any(pattern.search(path) for pattern in match.pathRegexes))
    asksForPath = match.paths or match.pathPrefixes or match.pathRegexes
    return (
        (not match.hosts or any(named))
        and (not asksForPath or any(ways))
        and (not match.methods or exchange.head.method in match.methods)
    )


class IndexTests(SynchronousTestCase):
    """
    The index against the loop that it stands for.
    """

    @given(
        st.lists(_MATCH, max_size=8),
        st.sampled_from([b"a.example", b"b.a.example", b"c.b.a.example", b"x.test", b"example"]),
        st.lists(st.sampled_from([b"/", b"a", b"b", b".", b"%2F", b"%61"]), max_size=6).map(
            lambda parts: b"/" + b"".join(parts)
        ),
        st.sampled_from([b"GET", b"PUT"]),
    )
    def test_firstMatchInOrder(
        self, matches: list[Match], host: bytes, path: bytes, method: bytes
    ) -> None:
        """
        The index finds what going through the routes one after the other finds.
        """
        exchange = exchangeOf(asked(b"%b %b HTTP/1.1" % (method, path), b"Host: " + host))
        routes = RouteTable([Route(match, at) for at, match in enumerate(matches)])
        try:
            form = normalizePath(path)
        except BadMessage:
            form = None
        looks = any(m.paths or m.pathPrefixes or m.pathRegexes for m in matches)
        looks = looks or b"%" in path or b".." in path
        if form is None and looks:
            self.assertRaises(BadMessage, routes.find, exchange)
            return
        readings = [path] if form is None else [form.decoded]
        if form is not None and form.ambiguous is not None and looks:
            readings.append(form.ambiguous)
        found = [
            next((at for at, match in enumerate(matches) if holds(match, exchange, reading)), None)
            for reading in readings
        ]
        if len(set(found)) > 1:
            self.assertRaises(DownstreamError, routes.find, exchange)
        else:
            self.assertEqual(routes.find(exchange), found[0])
