"""
Tests for L{lbproxy.l7.plan}: what backends and clients get to read.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.l7.compression import Compression
from lbproxy.l7.exchange import Exchange
from lbproxy.l7.headers import HeaderEdits
from lbproxy.l7.plan import ProxyChanges, ProxyPlan
from lbproxy.l7.targets import Rewriting
from lbproxy.l7.templates import Template
from lbproxy.pool.backend import BackendSpec
from lbproxy.wire.http1 import RequestHead, RequestReader, requestBody
from lbproxy.wire.http1.memo import Memo
from tests.l7.asking import Proxied, asked, exchangeOf
from tests.l7.doubles import GET, OK, Stage


def reread(sent: bytes) -> RequestHead:
    """
    What a backend understands.
    """
    head = RequestReader(memo=Memo(2)).feed(sent)
    assert head is not None, sent
    return head


class RequestHeadTests(SynchronousTestCase):
    """
    The request as backends get it.
    """

    def test_nothingChanged(self) -> None:
        """
        Without changes the target is the client's own, byte for byte.
        """
        sent = Proxied().send(b"GET /a%2Fb/../c?x=%20&y HTTP/1.1\r\nHost: a.example\r\n\r\n")
        self.assertTrue(sent.startswith(b"GET /a%2Fb/../c?x=%20&y HTTP/1.1\r\nHost: a.example\r\n"))

    def test_absoluteForm(self) -> None:
        """
        The host of an absolute target beats Host, and backends get the path alone.
        """
        sent = Proxied().send(b"GET http://b.example:81/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n")
        self.assertTrue(sent.startswith(b"GET /x?y HTTP/1.1\r\nHost: b.example:81\r\n"))
        self.assertIn(b"X-Forwarded-Host: b.example:81\r\n", sent)

    def test_absoluteFormAfterOthers(self) -> None:
        """
        The host that counts is told even when the same header came before for another one.
        """
        stage = Proxied()
        header = b" HTTP/1.1\r\nHost: a.example\r\n\r\n"
        for target, host in (
            (b"/", b"a.example"),
            (b"/", b"a.example"),
            (b"/", b"a.example"),
            (b"http://b.example/", b"b.example"),
            (b"/", b"a.example"),
        ):
            head = reread(stage.send(b"GET " + target + header))
            stage.answer(OK)
            self.assertEqual(head.host, host)
            self.assertEqual(head.block.get(b"x-forwarded-host"), host)

    def test_otherHeaderOnSameConnection(self) -> None:
        """
        What is kept for a header is not sent for another one.
        """
        stage = Proxied()
        for name in (b"a", b"a", b"a", b"b", b"a"):
            sent = stage.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Name: " + name + b"\r\n\r\n")
            stage.answer(OK)
            self.assertEqual(reread(sent).block.get(b"x-name"), name)

    def test_otherClientWithTheSameHeader(self) -> None:
        """
        Clients with the same header are told apart.
        """
        stage = Proxied()
        for peer in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"):
            protocol, _ = stage.connect(peer)
            protocol.dataReceived(GET)
            dialed = stage.dials[-1]
            backend = dialed.wire if dialed.accepted else dialed.accept()
            self.assertEqual(
                reread(backend.take()).block.get(b"x-forwarded-for"), peer.encode("ascii")
            )
            dialed.answer(OK)

    def test_routesInTurns(self) -> None:
        """
        The same request by another route is another one to its backend.
        """
        stage = Stage()
        exchange = exchangeOf(stage=stage)
        edits = [
            HeaderEdits(set={"X-Route": "0"}),
            HeaderEdits(set={"X-Route": "1"}),
            HeaderEdits(set={"X-Route": "2", "X-Path": "{path}"}),
            HeaderEdits(set={"X-Route": "3", "X-Request-ID": "mine"}),
        ]
        plans = [ProxyPlan(stage.upstream, ProxyChanges(requestEdits=each)) for each in edits]
        plans.append(ProxyPlan(stage.upstream, ProxyChanges(host=Template("4.example"))))
        for turn in "0001110101010222020201233313030044440414042424":
            head = reread(plans[int(turn)].requestHead(exchange))
            route = head.block.get(b"x-route") or head.host[:1]
            self.assertEqual(route, turn.encode("ascii"))

    def test_requestID(self) -> None:
        """
        The request's ID is told once: the client's, or a new one for each request.
        """
        stage = Proxied()
        given = stage.send(GET[:-2] + b"X-Request-ID: abc\r\nX-Request-ID: def\r\n\r\n")
        self.assertEqual(reread(given).block.getAll(b"x-request-id"), [b"abc"])
        stage.answer(OK)
        made = set()
        for _ in range(6):
            made.update(reread(stage.send(GET)).block.getAll(b"x-request-id"))
            stage.answer(OK)
        self.assertEqual(len(made), 6)
        self.assertEqual(made, {record.requestID for record in stage.records[1:]})
        long = stage.send(GET[:-2] + b"X-Request-ID: " + b"a" * 200 + b"\r\n\r\n")
        stage.answer(OK)
        ours = stage.records[-1].requestID
        self.assertEqual(reread(long).block.getAll(b"x-request-id"), [ours])

    def test_routesOwnRequestID(self) -> None:
        """
        A route that sets or removes X-Request-ID has the last word.
        """
        stage = Proxied(requestEdits=HeaderEdits(set={"X-Request-ID": "mine"}))
        self.assertEqual(reread(stage.send(GET)).block.getAll(b"x-request-id"), [b"mine"])
        stage = Proxied(requestEdits=HeaderEdits(remove=["X-Request-ID"]))
        self.assertFalse(reread(stage.send(GET)).block.has(b"x-request-id"))

    def test_routesOwnForwarding(self) -> None:
        """
        A route that sets X-Forwarded-Proto is not contradicted by us.
        """
        stage = Proxied(requestEdits=HeaderEdits(set={"X-Forwarded-Proto": "https"}))
        for _ in range(3):
            self.assertEqual(reread(stage.send(GET)).block.getAll(b"x-forwarded-proto"), [b"https"])
            stage.answer(OK)

    def test_varyingEdits(self) -> None:
        """
        Values with placeholders are this request's.
        """
        stage = Proxied(requestEdits=HeaderEdits(set={"X-Path": "{path}"}))
        for path in (b"/a", b"/a", b"/a", b"/a", b"/b", b"/a"):
            sent = stage.send(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n\r\n")
            stage.answer(OK)
            self.assertEqual(reread(sent).block.getAll(b"x-path"), [path])

    def test_rewriting(self) -> None:
        """
        A rewritten target, and the Host that the route wants.
        """
        stage = Proxied(rewriting=Rewriting(b"/api", b"/v2"), host=Template("b.{host}"))
        for host in (b"a", b"a", b"c"):
            sent = stage.send(b"GET /api/x?y HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
            stage.answer(OK)
            self.assertTrue(sent.startswith(b"GET /v2/x?y HTTP/1.1\r\nHost: b." + host + b"\r\n"))
            self.assertEqual(reread(sent).block.get(b"x-forwarded-host"), host)

    def test_maxForwards(self) -> None:
        """
        TRACE and OPTIONS are told that they have one hop less to go.
        """
        stage = Proxied()
        for method in (b"TRACE", b"OPTIONS"):
            for left in (b"2", b"1"):
                data = GET.replace(b"GET", method)[:-2] + b"Max-Forwards: " + left + b"\r\n\r\n"
                expected = [b"%d" % (int(left) - 1)]
                self.assertEqual(reread(stage.send(data)).block.getAll(b"max-forwards"), expected)
                stage.answer(OK)

    def test_noHost(self) -> None:
        """
        For an HTTP/1.0 client that names no host, backends see their own address.
        """
        exchange = exchangeOf(asked(b"GET / HTTP/1.0"))
        stage = Stage()
        plan = ProxyPlan(stage.upstream)
        for address, expected in (
            (Address("192.0.2.1", 80), b"192.0.2.1:80"),
            (Address("::1", 81), b"[::1]:81"),
            (Address(path="/run/x"), b"localhost"),
        ):
            stage.pool.replaceBackends([BackendSpec("x", address)])
            exchange.backend = stage.pool.backends["x"]
            self.assertEqual(reread(plan.requestHead(exchange)).host, expected)


class ResponseHeadTests(SynchronousTestCase):
    """
    The response as clients get it.
    """

    def test_sameWhicheverWay(self) -> None:
        """
        A response that came in one piece reads like one that came in several.
        """
        answer = (
            b"HTTP/1.1 201 Made\r\nContent-Length: 2\r\nConnection: x\r\nX: 1\r\nServer: s\r\n"
            b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
        )
        for edits in (
            HeaderEdits(),
            HeaderEdits(set={"X-A": "1"}, remove=["server"]),
            HeaderEdits(set={"X-A": "{path}"}, add={"X-B": "1"}),
        ):
            stage = Proxied(responseEdits=edits)
            seen = set()
            for _ in range(3):
                stage.send(GET)
                seen.add(stage.answer(answer + b"ok"))
                stage.send(GET)
                seen.add(stage.answer(answer) + stage.answer(b"ok"))
            self.assertEqual(len(seen), 1, seen)

    def test_edits(self) -> None:
        """
        A route's changes are made, those with placeholders for each request anew.
        """
        stage = Proxied(
            responseEdits=HeaderEdits(set={"X-A": "1", "X-ID": "{requestID}"}, remove=["server"])
        )
        for _ in range(3):
            stage.send(GET[:-2] + b"X-Request-ID: abc\r\n\r\n")
            sent = stage.answer(b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 0\r\n\r\n")
            self.assertIn(b"X-A: 1\r\n", sent)
            self.assertIn(b"X-ID: abc\r\n", sent)
            self.assertNotIn(b"Server", sent)

    def test_bodilessStatuses(self) -> None:
        """
        204 has no length; 304 and the answer to HEAD may tell one, and no byte of a body follows.
        """
        for method, status, length, told in (
            (b"GET", b"204 No Content", b"Content-Length: 0\r\n", False),
            (b"GET", b"204 No Content", b"", False),
            (b"GET", b"304 Not Modified", b"Content-Length: 9\r\n", True),
            (b"GET", b"304 Not Modified", b"", False),
            (b"HEAD", b"200 OK", b"Content-Length: 9\r\n", True),
            (b"HEAD", b"200 OK", b"", False),
            (b"HEAD", b"200 OK", b"Transfer-Encoding: chunked\r\n", False),
        ):
            stage = Proxied()
            for _ in range(3):
                stage.send(GET.replace(b"GET", method))
                sent = stage.answer(b"HTTP/1.1 " + status + b"\r\n" + length + b"\r\n")
                self.assertTrue(sent.startswith(b"HTTP/1.1 " + status + b"\r\n"), sent)
                self.assertTrue(sent.endswith(b"\r\n\r\n"), sent)
                self.assertEqual(b"Content-Length: 9\r\n" in sent, told, sent)
                self.assertNotIn(b"Content-Length: 0", sent)
                self.assertNotIn(b"chunked", sent)
                self.assertFalse(stage.wire.disconnecting)

    def test_closing(self) -> None:
        """
        The client is told when its connection ends with the response.
        """
        stage = Proxied()
        stage.send(GET[:-2] + b"Connection: close\r\n\r\n")
        self.assertIn(b"Connection: close\r\n", stage.answer(OK))
        self.assertTrue(stage.wire.disconnecting)

    def test_compressed(self) -> None:
        """
        A body that we compress has another length and another tag, and its ranges are not those of
        the original.
        """
        stage = Proxied(compression=Compression())
        stage.send(GET[:-2] + b"Accept-Encoding: gzip\r\n\r\n")
        sent = stage.answer(
            b'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2000\r\nETag: "x"\r\n'
            b"Accept-Ranges: bytes\r\n\r\n" + b"a" * 2000
        )
        head = sent.partition(b"\r\n\r\n")[0]
        self.assertIn(b"Content-Encoding: gzip", head)
        self.assertIn(b'ETag: W/"x"', head)
        self.assertEqual(head.count(b"ETag"), 1)
        for name in (b"Content-Length", b"Accept-Ranges"):
            self.assertNotIn(name, head)

    def test_informational(self) -> None:
        """
        1xx go without what concerns one hop, and without a Date of ours.
        """
        stage = Proxied()
        stage.send(GET)
        sent = stage.answer(b"HTTP/1.1 103 Hints\r\nLink: </a>\r\nConnection: x\r\nX: 1\r\n\r\n")
        self.assertEqual(sent, b"HTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\n")

    def test_switching(self) -> None:
        """
        101 says again what the connection becomes.
        """
        stage = Proxied()
        sent = stage.send(GET[:-2] + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        self.assertIn(b"Upgrade: websocket\r\nConnection: Upgrade\r\n", sent)
        stage.dials[-1].wire.isSecure = stage.wire.isSecure = False  # type: ignore[attr-defined]
        sent = stage.answer(
            b"HTTP/1.1 101 \r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-A: 1\r\n\r\n"
        )
        self.assertEqual(
            sent,
            b"HTTP/1.1 101 Switching Protocols\r\nX-A: 1\r\n"
            b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        )


_TOKEN = st.from_regex(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,12}", fullmatch=True)
_VALUE = st.from_regex(r"([!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?)?", fullmatch=True)
_OURS = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"}
_FIELDS = st.lists(
    st.tuples(_TOKEN.filter(lambda name: name.lower().replace("_", "-") not in _OURS), _VALUE),
    max_size=8,
)


class AgreementTests(SynchronousTestCase):
    """
    Backend and log hear the same story.
    """

    @given(
        _TOKEN.filter(lambda method: method not in ("CONNECT", "TRACE")),
        st.from_regex(r"/[!-\"$-~]{0,30}", fullmatch=True),
        _FIELDS,
        st.one_of(st.none(), st.binary(max_size=40)),
        st.booleans(),
        st.integers(1, 400),
    )
    def test_forwardedIsWhatWasLogged(
        self,
        method: str,
        target: str,
        fields: list[tuple[str, str]],
        body: bytes | None,
        chunked: bool,
        size: int,
    ) -> None:
        """
        What a backend reads is the request of the log: method, target, host, ID and body, however
        the client cut it.
        """
        stage = Stage()
        protocol, _ = stage.connect()
        lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: shop.example"]
        lines += [f"{name}: {value}".encode("latin-1") for name, value in fields]
        data = b""
        if body is not None and chunked:
            lines.append(b"Transfer-Encoding: chunked")
            data = b"%x;a=b\r\n%b\r\n0\r\n\r\n" % (len(body), body) if body else b"0\r\n\r\n"
        elif body is not None:
            lines.append(b"Content-Length: %d" % len(body))
            data = body
        data = b"\r\n".join((*lines, b"", data))
        for at in range(0, len(data), size):
            protocol.dataReceived(data[at : at + size])
            if stage.dials and not stage.dials[0].accepted:
                stage.dials[0].accept()
        if not stage.dials:
            # Answered by ourselves: a path that climbs, or an OPTIONS at its last hop.
            self.assertIn(stage.records[0].status, (200, 400))
            return
        sent = stage.dials[0].wire.value()
        stage.dials[0].answer(OK.replace(b"200", b"204").replace(b"2\r\n\r\nok", b"0\r\n\r\n"))
        logged: Exchange = stage.records[0]
        reader = RequestReader(memo=Memo(2))
        head = reader.feed(sent)
        assert head is not None
        self.assertEqual((head.method, head.target), (logged.head.method, logged.head.target))
        self.assertEqual(head.host, logged.head.host)
        self.assertEqual(head.block.getAll(b"x-request-id"), [logged.requestID])
        self.assertEqual(head.block.getAll(b"x-forwarded-for"), [logged.clientIP.encode()])
        framing = requestBody(head)
        self.assertEqual(framing.feed(reader.rest) if framing else reader.rest, body or b"")
        self.assertTrue(framing is None or (framing.done and not framing.rest))
