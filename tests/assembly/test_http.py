"""
Tests for L{lbproxy.assembly.http}: an http listener does what its YAML says.
"""

from __future__ import annotations

import os
from typing import Any

from passlib.hash import bcrypt
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import http
from lbproxy.assembly.http import HTTPAssembly
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.config.listener import HTTPListener
from lbproxy.config.load import parseConfiguration
from lbproxy.l7.client import HTTPClientProtocol
from lbproxy.l7.factory import HTTPFactory
from lbproxy.pool.backend import Backend
from tests.l7.doubles import OK, Dialed, Wire
from tests.l7.test_htpasswd import Threads

POOLS = """
pools:
  web: {backends: [{name: b1, address: "192.0.2.1:80"}]}
  other: {backends: [{name: o1, address: "192.0.2.2:80"}]}
"""


class Sink:
    """
    A log file in memory.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """
        Keep it.
        """
        self.lines.append(line)


class _ThreadedClock(Clock):
    """
    A clock with threads that work when told to.
    """

    def __init__(self, threads: Threads) -> None:
        super().__init__()
        self.getThreadPool = threads.getThreadPool
        self.callFromThread = threads.callFromThread


class HTTPCase(SynchronousTestCase):
    """
    One listener, from YAML, with both ends of every connection in the test's hands.
    """

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        self.dials: list[Dialed] = []
        self.sinks: list[Sink] = []
        self.patch(http, "httpDialer", lambda parts, asked: self.dial)

    def dial(self, backend: Backend, protocol: HTTPClientProtocol) -> Dialed:
        """
        A backend is wanted.
        """
        dialed = Dialed(backend, protocol)
        self.dials.append(dialed)
        return dialed

    def logFile(self, path: str) -> Any:
        """
        In memory.
        """
        sink = Sink(path)
        self.sinks.append(sink)
        return sink

    def play(self, listener: str, pools: str = POOLS) -> HTTPFactory:
        """
        @param listener: keys of the listener, in YAML, each on a line of its own.
        """
        lines = "".join(f"    {line}\n" for line in listener.splitlines())
        text = f'listeners:\n  edge:\n    bind: "127.0.0.1:0"\n    protocol: http\n{lines}{pools}'
        configuration = parseConfiguration(text, os.path.join(self.folder, "e.yaml"), {})
        self.threads = Threads()
        self.clock = _ThreadedClock(self.threads)
        self.parts = Parts.make(self.clock, configuration)
        buildPools(self.parts)
        self.parts.deadlines.start()
        self.assembly = HTTPAssembly(self.parts, self.logFile)
        asked = configuration.listeners["edge"]
        assert isinstance(asked, HTTPListener)
        self.factory = self.assembly.factory("edge", asked)
        return self.factory

    def write(self, name: str, text: str) -> None:
        """
        A file beside the configuration.
        """
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def connect(self, peer: str = "192.0.2.7") -> Wire:
        """
        A client.
        """
        wire = Wire(peer)
        wire.protocol = self.factory.buildProtocol(None)
        wire.protocol.makeConnection(wire)
        return wire

    def send(self, target: str = "/", *fields: str, method: str = "GET", peer: str = "") -> bytes:
        """
        A request on a connection of its own.

        @return: the answer; empty if a backend is asked.
        """
        wire = self.wire = self.connect(peer or "192.0.2.7")
        lines = "".join(f"{field}\r\n" for field in fields)
        host = "" if any(f.lower().startswith("host:") for f in fields) else "Host: a.example\r\n"
        wire.protocol.dataReceived(f"{method} {target} HTTP/1.1\r\n{host}{lines}\r\n".encode())
        return wire.take()

    def status(self, target: str = "/", *fields: str, **rest: Any) -> int:
        """
        @return: the status of the answer; 0 if a backend is asked.
        """
        answer = self.send(target, *fields, **rest)
        return int(answer[9:12]) if answer else 0

    def reached(self, answer: bytes = OK) -> bytes:
        """
        The backend answers.

        @return: what it got.
        """
        dialed = self.dials[-1]
        if not dialed.accepted:
            dialed.accept()
        sent = dialed.wire.take()
        dialed.answer(answer)
        return sent


class RouteTests(HTTPCase):
    """
    Where requests go.
    """

    def test_pool(self) -> None:
        """
        A listener's C{pool} takes everything.
        """
        self.play("pool: web")
        self.assertEqual(self.status("/x"), 0)
        self.assertEqual(self.dials[0].backend.name, "b1")

    def test_conditions(self) -> None:
        """
        Each condition leads where it says, in the order written.
        """
        self.play(
            "routes:\n"
            '  - {match: {host: "[2001:db8::1]"}, respond: {status: 211}}\n'
            '  - {match: {host: ["h.example", "*.h.example"]}, respond: {status: 210}}\n'
            "  - {match: {path: /exact}, respond: {status: 201}}\n"
            "  - {match: {pathPrefix: /pre/}, respond: {status: 202}}\n"
            '  - {match: {pathRegex: "/r[0-9]+$"}, respond: {status: 203}}\n'
            "  - {match: {method: [PUT, PURGE]}, respond: {status: 205}}\n"
            '  - {match: {header: {X-A: "1"}}, respond: {status: 206}}\n'
            '  - {match: {header: {X-R: {regex: "a+"}}}, respond: {status: 207}}\n'
            "  - {match: {cookie: {c: {present: true}}}, respond: {status: 208}}\n"
            '  - {match: {query: {q: "ä"}}, respond: {status: 209}}\n'
            "  - {match: {source: [203.0.113.0/24]}, respond: {status: 212}}\n"
            "  - {match: {header: {X-Gone: {present: false}}, path: /gone}, "
            "respond: {status: 213}}"
        )
        for expected, target, fields in (
            (211, "/", ["Host: [2001:db8::1]:80"]),
            (404, "/", ["Host: [2001:db8::2]:80"]),
            (210, "/", ["Host: H.example:80"]),
            (210, "/", ["Host: x.h.example"]),
            (201, "/exact?x", []),
            (202, "/pre/x", []),
            (203, "/r12", []),
            (404, "/r12x", []),
            (404, "/x/r12", []),
            (206, "/", ["x-a: 1"]),
            (404, "/", ["X-A: 2"]),
            (207, "/", ["X-R: aa"]),
            (404, "/", ["X-R: aab"]),
            (208, "/", ["Cookie: c="]),
            (209, "/?q=%C3%A4", []),
            (213, "/gone", []),
            (404, "/gone", ["X-Gone: 1"]),
            (404, "/", []),
        ):
            self.assertEqual(self.status(target, *fields), expected, (target, fields))
        self.assertEqual(self.status(method="PURGE"), 205)
        self.assertEqual(self.status(peer="203.0.113.5"), 212)

    def test_patternsTakeLinearTime(self) -> None:
        """
        Neither a configuration nor a client can make an expression take for ever.
        """
        self.play('routes: [{match: {pathRegex: "/(a+)+$"}, respond: {status: 201}}]')
        self.assertEqual(self.status("/" + "a" * 5000 + "b"), 404)

    def test_split(self) -> None:
        """
        By weight, by the process's chance.
        """
        self.play("routes: [{split: [{pool: web, weight: 3}, {pool: other, weight: 1}]}]")
        names = []
        self.parts.rng.seed(1)
        for _ in range(100):
            self.send()
            names.append(self.dials[-1].backend.name)
        self.assertTrue(60 < names.count("b1") < 90, names)

    def test_sharedConnections(self) -> None:
        """
        Routes to one pool share its idle connections.
        """
        self.play("routes:\n  - {match: {path: /a}, pool: web}\n  - {pool: web}")
        self.send("/a")
        self.reached()
        self.send("/b")
        self.assertEqual(len(self.dials), 1)
        self.assertEqual(list(self.assembly.upstreams), ["web"])


class ActionTests(HTTPCase):
    """
    What is done on the way.
    """

    def test_redirect(self) -> None:
        """
        Status and Location.
        """
        self.play('routes: [{redirect: {to: "https://{host}{path}{query}", status: 307}}]')
        answer = self.send("/x?y")
        self.assertTrue(answer.startswith(b"HTTP/1.1 307 "))
        self.assertIn(b"Location: https://a.example/x?y\r\n", answer)

    def test_respond(self) -> None:
        """
        Status, body and headers, fixed or not.
        """
        self.play(
            "routes:\n  - respond: {status: 203, body: grüß, "
            'headers: {X-A: "1", X-Path: "p{path}", Content-Type: text/x}}'
        )
        answer = self.send("/x")
        for part in (b"HTTP/1.1 203 ", b"X-A: 1\r\n", b"X-Path: p/x\r\n", b"Content-Length: 6\r\n"):
            self.assertIn(part, answer)
        self.assertEqual(answer.count(b"Content-Type: text/x\r\n"), 1)
        self.assertEqual(answer.lower().count(b"content-type"), 1)
        self.assertTrue(answer.endswith("\r\n\r\ngrüß".encode()))

    def test_respondWithVaryingType(self) -> None:
        """
        A type with a placeholder is the only one.
        """
        self.play('routes: [{respond: {body: x, headers: {Content-Type: "text{path}"}}}]')
        answer = self.send("/html")
        self.assertIn(b"Content-Type: text/html\r\n", answer)
        self.assertEqual(answer.lower().count(b"content-type"), 1)

    def test_edits(self) -> None:
        """
        Headers both ways, target and host.
        """
        self.play(
            "routes:\n"
            "  - pool: web\n"
            "    rewrite: {stripPrefix: /api, addPrefix: /v2, host: b.example}\n"
            '    requestHeaders: {set: {X-A: "{clientIP}"}, add: {X-B: "1"}, remove: [X-C]}\n'
            "    responseHeaders: {set: {X-D: x}, remove: [Server]}"
        )
        self.send("/api/x?y", "X-A: 0", "X-C: 0")
        sent = self.reached(OK.replace(b"\r\n\r\n", b"\r\nServer: s\r\n\r\n"))
        self.assertTrue(sent.startswith(b"GET /v2/x?y HTTP/1.1\r\nHost: b.example\r\n"))
        self.assertIn(b"X-A: 192.0.2.7\r\n", sent)
        self.assertIn(b"X-B: 1\r\n", sent)
        self.assertNotIn(b"X-C", sent)
        answer = self.wire.take()
        self.assertIn(b"X-D: x\r\n", answer)
        self.assertNotIn(b"Server", answer)

    def test_rewriteByExpression(self) -> None:
        """
        Groups can be put elsewhere.
        """
        self.play('routes: [{pool: web, rewrite: {regex: ["^/old/(.*)$", "/new/\\\\1"]}}]')
        self.send("/old/a")
        self.assertTrue(self.reached().startswith(b"GET /new/a HTTP/1.1\r\n"))

    def test_compress(self) -> None:
        """
        Where it is switched on.
        """
        for asked in ("true", "false"):
            self.play(f"routes: [{{pool: web, compress: {asked}}}]")
            self.send("/", "Accept-Encoding: gzip")
            text = b"Content-Type: text/plain\r\nContent-Length: 2000\r\n\r\n" + b"a" * 2000
            self.reached(b"HTTP/1.1 200 OK\r\n" + text)
            answer = self.wire.take()
            self.assertIs(b"Content-Encoding: gzip" in answer, asked == "true")

    def test_timeout(self) -> None:
        """
        The whole exchange has its time.
        """
        self.play("routes: [{pool: web, timeout: 4s}]")
        self.send()
        self.clock.pump([0.5] * 9)
        self.assertTrue(self.wire.take().startswith(b"HTTP/1.1 504 "))

    def test_errorPages(self) -> None:
        """
        A page of the user's own.
        """
        self.write("404.html", "<h1>ä</h1>")
        self.play('errorPages: {"404": 404.html}\nroutes: [{match: {path: /x}, pool: web}]')
        answer = self.send()
        self.assertTrue(answer.startswith(b"HTTP/1.1 404 "))
        self.assertTrue(answer.endswith("<h1>ä</h1>".encode()))


class GuardTests(HTTPCase):
    """
    Who may pass.
    """

    def test_allowAndDeny(self) -> None:
        """
        By address.
        """
        self.play("pool: web\nallow: [192.0.2.0/24]\ndeny: [192.0.2.9/32]")
        self.assertEqual(self.status(), 0)
        self.assertEqual(self.status(peer="192.0.2.9"), 403)
        self.assertEqual(self.status(peer="198.51.100.1"), 403)

    def test_trustedProxies(self) -> None:
        """
        Who is believed, for addresses that are allowed, too.
        """
        self.play("pool: web\ntrustedProxies: [192.0.2.0/24]\ndeny: [203.0.113.0/24]")
        self.assertEqual(self.status("/", "X-Forwarded-For: 203.0.113.1"), 403)
        self.assertEqual(self.status("/", "X-Forwarded-For: 203.0.113.1", peer="198.51.100.1"), 0)

    def test_rateLimits(self) -> None:
        """
        A route's own limit, and the listener's, which counts for all of its routes.
        """
        self.play(
            "rateLimit: {requests: 3, per: 1h, burst: 3}\n"
            "routes:\n"
            "  - {match: {path: /a}, respond: {}, rateLimit: {requests: 1, per: 1h, burst: 1, "
            'key: "header:X-Key"}}\n'
            "  - {respond: {}}"
        )
        self.assertEqual(self.status("/a", "X-Key: 1"), 200)
        self.assertEqual(self.status("/a", "X-Key: 1"), 429)
        self.assertEqual(self.status("/a", "X-Key: 2"), 200)
        self.assertEqual(self.status("/"), 429)
        self.assertEqual(self.status("/", peer="192.0.2.8"), 200)
        self.clock.advance(3600)
        self.assertEqual(self.status("/"), 200)

    def test_basicAuth(self) -> None:
        """
        Names and passwords of a file, for the routes that want them.
        """
        self.write("htpasswd", f"joe:{bcrypt.using(rounds=4).hash('right')}\n")
        self.play(
            "routes:\n"
            "  - {match: {path: /in}, respond: {}, auth: {basic: {file: htpasswd, realm: here}}}\n"
            "  - {respond: {status: 204}}"
        )
        self.assertEqual(self.status("/"), 204)
        self.assertIn(b'Basic realm="here"', self.send("/in"))
        self.send("/in", "Authorization: Basic am9lOnJpZ2h0")
        self.threads.work()
        self.assertTrue(self.wire.take().startswith(b"HTTP/1.1 200 "))


class SettingsTests(HTTPCase):
    """
    How clients are treated.
    """

    def test_limits(self) -> None:
        """
        Each limit is where it belongs.
        """
        self.play("pool: web\nlimits: {requestLine: 100, headers: 200, headerCount: 4, body: 5}")
        self.assertEqual(self.status("/" + "a" * 100), 414)
        self.assertEqual(self.status("/", "X: " + "a" * 200), 431)
        self.assertEqual(self.status("/", "A: 1", "B: 1", "C: 1", "D: 1"), 431)
        self.assertEqual(self.status("/", "Content-Length: 6"), 413)
        self.assertEqual(self.status("/", "Content-Length: 5"), 0)

    def test_timeouts(self) -> None:
        """
        Each time is where it belongs.
        """
        self.play("pool: web\ntimeouts: {requestHead: 2s, keepAlive: 3s, body: 4s, idle: 5s}")
        wires = [self.connect() for _ in range(3)]
        wires[1].protocol.dataReceived(b"GET / HT")
        wires[2].protocol.dataReceived(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx")
        self.dials[-1].accept()
        ends: list[tuple[int, int]] = []
        for at in range(60):
            self.clock.advance(0.1)
            for number, wire in enumerate(wires):
                if (wire.disconnecting or wire.ended) and number not in dict(ends):
                    ends.append((number, round(at * 0.1)))
        self.assertEqual(sorted(ends), [(0, 3), (1, 2), (2, 4)])
        self.assertEqual(self.factory.timeouts.idle, 5.0)

    def test_connections(self) -> None:
        """
        How many there may be, and how many from one address.
        """
        factory = self.play("pool: web\nmaxConnections: 50\nmaxConnectionsPerIP: 2")
        self.assertEqual(factory.settings.maxConnections, 50)
        for expected in (0, 0, 429):
            self.assertEqual(self.status(), expected)

    def test_upstream(self) -> None:
        """
        How connections to the pool's backends are used.
        """
        self.play(
            "pool: web",
            "pools:\n"
            "  web:\n"
            '    backends: ["192.0.2.1:80"]\n'
            "    timeouts: {responseHead: 7s, idle: 8s}\n"
            "    keepAlive: {idlePerBackend: 9, idleTimeout: 10s, maxRequests: 11}\n"
            "    retries: {attempts: 4, on: [connect, 500], perTryTimeout: 5s, bodyLimit: 12}\n",
        )
        upstream = self.assembly.upstreams["web"]
        self.assertEqual((upstream.headTimeout, upstream.idleTimeout), (5.0, 8.0))
        self.assertEqual((upstream.attempts, upstream.bodyLimit), (4, 12))
        self.assertEqual(upstream.retryOn, {"connect", 500, "timeout"})
        kept = (upstream._idlePerBackend, upstream._keepAliveTimeout, upstream._maxRequests)
        self.assertEqual(kept, (9, 10.0, 11))

    def test_hedging(self) -> None:
        """
        A rival after fixed seconds, or when a backend is slower than most of the recent times.
        """
        pool = 'pools: {web: {backends: ["192.0.2.1:80"], hedge: {after: AFTER, max: 2}}}\n'
        self.play("pool: web", pool.replace("AFTER", "200ms"))
        hedging = self.assembly.upstreams["web"].hedging
        assert hedging is not None
        self.assertEqual((hedging.delay.seconds(), hedging.most), (0.2, 2))
        self.play("pool: web", pool.replace("AFTER", "p90"))
        hedging = self.assembly.upstreams["web"].hedging
        assert hedging is not None
        self.assertEqual(hedging.delay.seconds(), 0)
        for at in range(1, 129):
            hedging.delay.note(at / 128)
        self.assertAlmostEqual(hedging.delay.seconds(), 0.9, 1)
        self.play("pool: web")
        self.assertIsNone(self.assembly.upstreams["web"].hedging)

    def test_cookieModes(self) -> None:
        """
        A pool whose affinity changes the backend's own cookies does so.
        """
        self.play(
            "pool: web",
            "pools: {web: {affinity: {cookie: {name: SID, mode: prefix, "
            'secret: "0123456789abcdef0123456789abcdef"}}, backends: ["192.0.2.1:80"]}}\n',
        )
        self.send()
        self.reached(OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: SID=abc; Path=/\r\n\r\n"))
        answer = self.wire.take()
        cookie = answer.partition(b"Set-Cookie: SID=")[2].partition(b";")[0]
        self.assertTrue(cookie.endswith(b"~abc"), answer)
        self.send("/", f"Cookie: SID={cookie.decode()}")
        self.assertIn(b"Cookie: SID=abc\r\n", self.reached())

    def test_announcedConnections(self) -> None:
        """
        A connection that was announced for one client by a PROXY header serves no other.
        """
        self.play(
            "pool: web",
            'pools: {web: {backends: ["192.0.2.1:80"], sendProxyProtocol: v1}}\n',
        )
        self.assertEqual(self.assembly.upstreams["web"]._idlePerBackend, 0)

    def test_logs(self) -> None:
        """
        In the format and the file that were asked for, or not at all.
        """
        for asked, start in (("combined", b"192.0.2.7 - - ["), ("json", b'{"time": ')):
            self.play(f"routes: [{{respond: {{}}}}]\naccessLog: {{format: {asked}, file: x.log}}")
            self.send()
            sink = self.sinks[-1]
            self.assertTrue(sink.lines[0].startswith(start))
            self.assertEqual(sink.path, os.path.join(self.folder, "x.log"))
        self.sinks.clear()
        self.play("routes: [{respond: {}}]\naccessLog: {format: off}")
        self.send()
        self.assertEqual(self.sinks, [])

    def test_explain(self) -> None:
        """
        Requests that ask for it are explained where that is allowed.
        """
        self.play("routes: [{respond: {status: 204}}]")
        self.assertEqual(self.status("/", "X-LB-Explain: 1"), 204)
        asked = self.parts.configuration.listeners["edge"]
        assert isinstance(asked, HTTPListener)
        self.factory = self.assembly.factory("edge", asked, lambda exchange: "because")
        self.assertTrue(self.send("/", "X-LB-Explain: 1").endswith(b"because"))
        self.assertEqual(self.status(), 204)

    def test_names(self) -> None:
        """
        Listeners keep their names, and whether they speak TLS.
        """
        factory = self.play("pool: web")
        self.assertEqual((factory.settings.name, factory.secure), ("edge", False))
