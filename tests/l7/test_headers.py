"""
Tests for L{lbproxy.l7.headers}: which fields go on, and how they read there.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.headers import (
    NO_EDITS,
    RANGED,
    DateLine,
    HeaderEdits,
    RequestRenderer,
    ResponseRenderer,
    upgradeOf,
    withTwins,
)
from lbproxy.wire.http1 import RequestReader
from lbproxy.wire.http1.memo import Memo
from tests.l7.asking import answered, asked, exchangeOf, fields

UPGRADE = (b"Connection: Upgrade", b"Upgrade: websocket")


def names(lines: bytes) -> list[str]:
    """
    The names of rendered fields, in lower case.
    """
    return [line.partition(b":")[0].decode().lower() for line in lines.split(b"\r\n")[:-1]]


class RequestTests(SynchronousTestCase):
    """
    A request's fields towards a backend.
    """

    def render(self, *lines: bytes, edits: HeaderEdits = NO_EDITS) -> bytes:
        return RequestRenderer(edits).render(fields(*lines), b"shop.example")

    def test_hostComesFirst(self) -> None:
        """
        Host is the authority that counts, in the first line, once.
        """
        block = fields(b"Accept: a", b"Host: other.example")
        lines = RequestRenderer().render(block, b"shop.example")
        self.assertEqual(lines, b"Host: shop.example\r\nAccept: a\r\n")

    def test_fieldsStayAsTheyWere(self) -> None:
        """
        Names keep their case, fields their order, repeated ones their number.
        """
        written = (b"X-B: 1", b"x-a: 2", b"COOKIE: a=1", b"X-B: 3")
        self.assertEqual(
            self.render(*written),
            b"Host: shop.example\r\nX-B: 1\r\nx-a: 2\r\nCOOKIE: a=1\r\nX-B: 3\r\n",
        )

    def test_hopByHopFieldsEnd(self) -> None:
        """
        Fields of one hop end here, and so does what Connection names.
        """
        written = (
            b"Connection: close, X-Mine, X-Ours",
            b"Connection: X-Other",
            b"X-Mine: 1",
            b"x-ours: 1",
            b"X-Other: 1",
            b"Keep-Alive: 5",
            b"Proxy-Connection: keep-alive",
            b"Proxy-Authorization: Basic eA==",
            b"Proxy-Authenticate: Basic",
            b"TE: gzip",
            b"Upgrade: h2c",
            b"X-Yours: 1",
        )
        self.assertEqual(names(self.render(*written)), ["host", "x-yours"])

    def test_whatWeWriteOurselvesIsNotCopied(self) -> None:
        """
        Forwarding fields and the request's ID are ours to write.
        """
        for name in (b"X-Forwarded-For", b"X-Forwarded-Proto", b"X-Forwarded-Host", b"Forwarded",
                     b"Via", b"X-Request-ID", b"Max-Forwards"):  # fmt: skip
            self.assertEqual(names(self.render(name + b": 1")), ["host"], name)

    def test_underscoreTwins(self) -> None:
        """
        Behind CGI and WSGI X_Forwarded_For reads as X-Forwarded-For: no client gets a word in so.
        """
        for name in (
            b"X_Forwarded_For",
            b"X-Forwarded_For",
            b"x_forwarded-proto",
            b"X_Forwarded_Host",
            b"X_Request_ID",
            b"Proxy_Authorization",
        ):
            self.assertEqual(names(self.render(name + b": 1")), ["host"], name)
        self.assertEqual(names(self.render(b"X_Real_IP: 1")), ["host", "x_real_ip"])

    def test_underscoreTwinsOfEditedFields(self) -> None:
        """
        A field that a route sets or removes cannot be brought in under its other name either.
        """
        edits = HeaderEdits(set={"X-Real-IP": "{clientIP}"}, remove=["X-User"])
        for name in (b"X-Real-IP", b"X_Real_IP", b"x-real_ip", b"X-User", b"X_USER"):
            self.assertEqual(names(self.render(name + b": 1", edits=edits)), ["host"], name)

    def test_framing(self) -> None:
        """
        The length is written as we understood it, in one line.
        """
        self.assertEqual(
            self.render(b"Content-Length: 007"), b"Host: shop.example\r\nContent-Length: 7\r\n"
        )
        self.assertEqual(
            self.render(b"Transfer-Encoding: CHUNKED"),
            b"Host: shop.example\r\nTransfer-Encoding: chunked\r\n",
        )
        self.assertEqual(names(self.render(b"Content-Length: 0")), ["host", "content-length"])

    def test_trailersAreWelcome(self) -> None:
        """
        C{TE: trailers} goes on where Connection names it; other codings don't.
        """
        lines = self.render(b"Connection: TE", b"TE: gzip", b"TE: deflate , Trailers")
        self.assertEqual(lines, b"Host: shop.example\r\nTE: trailers\r\nConnection: TE\r\n")
        self.assertEqual(names(self.render(b"Connection: TE", b"TE: gzip")), ["host"])
        self.assertEqual(names(self.render(b"TE: trailers")), ["host"])

    def test_upgrade(self) -> None:
        """
        A wish to upgrade is written anew.
        """
        self.assertEqual(
            self.render(*UPGRADE),
            b"Host: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
        )
        lines = self.render(b"Connection: Upgrade, TE", b"Upgrade: websocket", b"TE: trailers")
        self.assertIn(b"Connection: TE, Upgrade\r\n", lines)

    def test_expectation(self) -> None:
        """
        A client that waits for an invitation gets one from the backend; HTTP/1.0 knows no
        expectations.
        """
        self.assertEqual(names(self.render(b"Expect: 100-continue")), ["host", "expect"])
        old = asked(b"GET / HTTP/1.0", b"Expect: 100-continue", b"X: 1").block
        self.assertEqual(names(RequestRenderer().render(old, b"a")), ["host", "x"])

    def test_edits(self) -> None:
        """
        C{remove} first, then C{set}, then C{add}.
        """
        edits = HeaderEdits(set={"X-A": "1"}, add={"X-B": "2", "X-A": "3"}, remove=["x-c"])
        lines = self.render(b"X-A: 0", b"X-B: 0", b"X-C: 0", edits=edits)
        self.assertEqual(lines, b"Host: shop.example\r\nX-B: 0\r\nX-A: 1\r\nX-B: 2\r\nX-A: 3\r\n")

    def test_routesHost(self) -> None:
        """
        A route that sets Host has it said once.
        """
        lines = self.render(edits=HeaderEdits(set={"Host": "b.example"}))
        self.assertEqual(lines, b"Host: b.example\r\n")

    @given(
        st.lists(
            st.tuples(
                st.from_regex(r"[A-Za-z_-]{1,12}", fullmatch=True),
                st.from_regex(r"[!-~]([ -~]*[!-~])?", fullmatch=True),
            ).filter(
                lambda pair: (
                    pair[0].lower().replace("_", "-")
                    not in ("host", "connection", "content-length", "transfer-encoding", "expect")
                )
            ),
            max_size=10,
        )
    )
    def test_whatGoesOnReadsTheSame(self, given: list[tuple[str, str]]) -> None:
        """
        What is rendered parses to the very fields that were to go on.
        """
        block = fields(*(f"{name}: {value}".encode() for name, value in given))
        lines = RequestRenderer().render(block, b"shop.example")
        again = RequestReader(memo=Memo(2)).feed(b"GET / HTTP/1.1\r\n" + lines + b"\r\n")
        assert again is not None
        kept = [each for each in again.block.fields if each[0] != b"host"]
        dropped = withTwins({b"keep-alive", b"te", b"upgrade", b"via", b"forwarded"})
        wanted = [each for each in block.fields[1:] if each[0] not in dropped]
        self.assertEqual(kept, wanted)


class UpgradeTests(SynchronousTestCase):
    """
    Which upgrades may be asked for.
    """

    def test_webSocket(self) -> None:
        """
        What Connection names counts.
        """
        self.assertEqual(upgradeOf(fields(*UPGRADE)), b"websocket")
        self.assertEqual(upgradeOf(fields(b"Upgrade: websocket")), b"")

    def test_h2c(self) -> None:
        """
        Cleartext HTTP/2 would go past us: it is never asked for.
        """
        for value in (b"h2c", b"H2C", b"websocket, h2c"):
            self.assertEqual(upgradeOf(fields(b"Connection: upgrade", b"Upgrade: " + value)), b"")

    def test_notBehindABody(self) -> None:
        """
        Nor is an upgrade whose beginning would be hard to tell from a body.
        """
        self.assertEqual(upgradeOf(fields(*UPGRADE, b"Content-Length: 1")), b"")
        self.assertEqual(upgradeOf(fields(*UPGRADE, b"Transfer-Encoding: chunked")), b"")
        self.assertEqual(upgradeOf(fields(*UPGRADE, b"Content-Length: 0")), b"websocket")

    def test_notInHTTP10(self) -> None:
        """
        HTTP/1.0 has no upgrades.
        """
        self.assertEqual(upgradeOf(asked(b"GET / HTTP/1.0", *UPGRADE).block), b"")


class ResponseTests(SynchronousTestCase):
    """
    A response's fields towards a client.
    """

    def test_hopByHopFieldsEnd(self) -> None:
        """
        What concerns the backend's connection doesn't reach the client; the rest does, as it was.
        """
        head = answered(
            b"HTTP/1.1 200 OK",
            b"Connection: keep-alive, X-Hop",
            b"X-Hop: 1",
            b"Keep-Alive: timeout=5",
            b"Content-Length: 3",
            b"Upgrade: h2",
            b"Set-Cookie: a=1",
            b"SET-COOKIE: b=2",
        )
        lines, _ = ResponseRenderer().render(head.block)
        self.assertEqual(lines, b"Set-Cookie: a=1\r\nSET-COOKIE: b=2\r\n")

    def test_underscoresPass(self) -> None:
        """
        Clients are no CGI: a backend's field names are its own.
        """
        lines, _ = ResponseRenderer().render(answered(b"HTTP/1.1 200 OK", b"Keep_Alive: 1").block)
        self.assertEqual(lines, b"Keep_Alive: 1\r\n")

    def test_date(self) -> None:
        """
        A Date is missed where the backend sends none, unless the route sees to it.
        """
        dated = answered(b"HTTP/1.1 200 OK", b"Date: Sun, 06 Nov 1994 08:49:37 GMT").block
        plain = answered(b"HTTP/1.1 200 OK").block
        self.assertFalse(ResponseRenderer().render(dated)[1])
        self.assertTrue(ResponseRenderer().render(plain)[1])
        edits = HeaderEdits(set={"Date": "Sun, 06 Nov 1994 08:49:37 GMT"})
        lines, missed = ResponseRenderer(edits).render(dated)
        self.assertEqual((lines.count(b"Date:"), missed), (1, False))
        self.assertFalse(ResponseRenderer(edits).render(plain)[1])

    def test_edits(self) -> None:
        """
        A route removes, sets and adds; further fields can be left out.
        """
        edits = HeaderEdits(set={"X-A": "1"}, add={"X-B": "2"}, remove=["Server"])
        head = answered(b"HTTP/1.1 200 OK", b"server: x", b"X-A: 0", b"X-B: 0", b'ETag: "x"')
        lines, _ = ResponseRenderer(edits, RANGED).render(head.block)
        self.assertEqual(lines, b"X-B: 0\r\nX-A: 1\r\nX-B: 2\r\n")


class EditsTests(SynchronousTestCase):
    """
    What is fixed is rendered once, what varies for each request.
    """

    def test_varying(self) -> None:
        """
        Values with placeholders are made for each request, in their order, set before add.
        """
        edits = HeaderEdits(set={"X-Path": "{path}", "X-A": "1"}, add={"X-IP": "ip {clientIP}"})
        exchange = exchangeOf(asked(b"GET /a HTTP/1.1"))
        self.assertTrue(edits.varies)
        self.assertEqual(edits.lines, b"X-A: 1\r\n")
        self.assertEqual(edits.varying(exchange), b"X-Path: /a\r\nX-IP: ip 192.0.2.7\r\n")
        self.assertEqual(edits.dropped, {b"x-path", b"x-a"})

    def test_none(self) -> None:
        """
        No edits put in and drop nothing.
        """
        self.assertFalse(NO_EDITS.varies)
        self.assertEqual((NO_EDITS.lines, NO_EDITS.dropped), (b"", frozenset()))
        self.assertEqual(NO_EDITS.varying(exchangeOf()), b"")


class TwinTests(SynchronousTestCase):
    """
    Other ways to write a name.
    """

    def test_allWays(self) -> None:
        """
        Each hyphen may be an underscore.
        """
        self.assertEqual(
            withTwins([b"a-b-c", b"via"]), {b"a-b-c", b"a_b-c", b"a-b_c", b"a_b_c", b"via"}
        )

    def test_manyHyphens(self) -> None:
        """
        A name with very many hyphens doesn't take memory for all ways to write it.
        """
        name = b"-".join([b"a"] * 40)
        self.assertEqual(withTwins([name]), {name, name.replace(b"-", b"_")})


class DateLineTests(SynchronousTestCase):
    """
    The Date field.
    """

    def test_onceASecond(self) -> None:
        """
        The line is that of the second, whichever part of it.
        """
        date = DateLine()
        first = date.line(784111777.1)
        self.assertEqual(first, b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        self.assertIs(date.line(784111777.9), first)
        self.assertEqual(date.line(784111778.0), b"Date: Sun, 06 Nov 1994 08:49:38 GMT\r\n")
