"""
Tests for L{lbproxy.control.accesslog}: one line per exchange.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.control.accesslog import CombinedLog, JSONLog
from lbproxy.l7.factory import HTTPSettings
from lbproxy.l7.serving import Serving
from lbproxy.wire.http1 import HeaderBlock
from tests.l7.asking import asked, exchangeOf
from tests.l7.doubles import GET, LOST, OK, Stage

# NCSA combined as log readers take it apart, with our fields behind.
COMBINED = re.compile(
    r'(?P<client>\S+) - - \[(?P<time>[^\]]+)\] "(?P<request>[^"]*)" (?P<status>\d+) (?P<bytes>\d+) '
    r'"(?P<referer>[^"]*)" "(?P<agent>[^"]*)" '
    r"(?P<ms>\d+) (?P<backend>\S+) (?P<code>\w+) (?P<id>\S+)\n"
)


class Lines:
    """
    A sink that keeps its lines.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """
        Keep it.
        """
        self.lines.append(line)


def parsed(line: bytes) -> dict[str, str]:
    """
    The fields of a combined line.
    """
    found = COMBINED.fullmatch(line.decode("ascii"))
    assert found is not None, line
    return found.groupdict()


class LogCase(SynchronousTestCase):
    """
    A sink, and the time zone of Greenwich.
    """

    def setUp(self) -> None:
        before = os.environ.get("TZ")
        os.environ["TZ"] = "UTC"
        time.tzset()
        self.sink = Lines()

        def restore() -> None:
            if before is None:
                del os.environ["TZ"]
            else:
                os.environ["TZ"] = before
            time.tzset()

        self.addCleanup(restore)

    def served(self, *fields: bytes, answer: bytes = OK, target: bytes = b"/") -> Serving:
        """
        An exchange that is over.
        """
        stage = Stage()
        protocol, _ = stage.connect()
        lines = b"".join(each + b"\r\n" for each in fields)
        protocol.dataReceived(GET.replace(b"GET /", b"GET " + target)[:-2] + lines + b"\r\n")
        stage.dials[0].accept()
        stage.advance(1.5)
        stage.dials[0].answer(answer)
        record: Serving = stage.records[0]
        return record


class CombinedTests(LogCase):
    """
    The format that every log reader knows.
    """

    def line(self, exchange: Serving) -> dict[str, str]:
        exchange.ended = exchange.ended or exchange.started
        CombinedLog(self.sink).record(exchange)
        return parsed(self.sink.lines[-1])

    def test_usual(self) -> None:
        """
        Who, when, what, how it was answered, by whom, and how long it took.
        """
        exchange = self.served(
            b"Referer: http://a.example/",
            b"User-Agent: curl/8",
            b"X-Request-ID: abc",
            target=b"/x?y",
        )
        self.assertEqual(
            self.line(exchange),
            {
                "client": "192.0.2.7",
                "time": "06/Nov/1994:08:49:37 +0000",
                "request": "GET /x?y HTTP/1.1",
                "status": "200",
                "bytes": "2",
                "referer": "http://a.example/",
                "agent": "curl/8",
                "ms": "1500",
                "backend": "web/b1",
                "code": "ok",
                "id": "abc",
            },
        )

    def test_whatIsNotThere(self) -> None:
        """
        A dash stands for what there is not.
        """
        stage = Stage()
        protocol, _ = stage.connect()
        protocol.dataReceived(b"nonsense\r\n")
        line = self.line(stage.records[0])
        self.assertEqual((line["referer"], line["agent"], line["backend"]), ("-", "-", "-"))
        self.assertEqual(
            (line["request"], line["status"], line["id"]), ("- - HTTP/1.1", "400", "-")
        )

    def test_clientThatLeft(self) -> None:
        """
        Without an answer the status is 0, and the code says why.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        wire.lose(LOST)
        line = self.line(stage.records[0])
        self.assertEqual((line["status"], line["code"]), ("0", "clientLeft"))

    def test_clientBehindProxies(self) -> None:
        """
        The client that trusted proxies name, not the proxy.
        """
        settings = HTTPSettings(isTrusted=lambda peer: peer == "192.0.2.7")
        head = asked(b"GET / HTTP/1.1", b"X-Forwarded-For: 2001:db8::9")
        self.assertEqual(self.line(exchangeOf(head, settings=settings))["client"], "2001:db8::9")

    def test_unixClients(self) -> None:
        """
        A client without an address has a word in its place.
        """
        exchange = exchangeOf()
        exchange.connection.logName = b"unix"
        exchange.clientIP = exchange.connection.peer = ""
        self.assertEqual(self.line(exchange)["client"], "unix")

    def test_version(self) -> None:
        """
        The version that the client speaks.
        """
        line = self.line(exchangeOf(asked(b"GET / HTTP/1.0")))
        self.assertEqual(line["request"], "GET / HTTP/1.0")

    def test_timeGoesOn(self) -> None:
        """
        The stamp is that of the line's own second.
        """
        stage = Stage()
        now = [784111777.0]
        stage.factory.now = lambda: now[0]
        log = CombinedLog(self.sink)
        protocol, _ = stage.connect()
        for _ in range(3):
            protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
            dialed = stage.dials[0]
            if not dialed.accepted:
                dialed.accept()
            dialed.answer(OK)
            log.record(stage.records[-1])
            stage.advance(1)
            now[0] += 1
        stamps = [parsed(line)["time"][12:20] for line in self.sink.lines]
        self.assertEqual(stamps, ["08:49:37", "08:49:38", "08:49:39"])

    def test_namesAreBounded(self) -> None:
        """
        Backends that come and go for ever don't fill the memory.
        """
        log = CombinedLog(self.sink)
        exchange = exchangeOf()
        exchange.ended = exchange.started
        for at in range(10_050):
            backend: Any = _Named(f"b{at}")
            exchange.backend = backend
            log.record(exchange)
        self.assertLessEqual(len(log._ways), 10_000)
        self.assertEqual(parsed(self.sink.lines[-1])["backend"], "web/b10049")

    @given(
        st.binary(max_size=30),
        st.binary(max_size=30),
        st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#")),
        st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF)),
    )
    def test_nothingBreaksALine(
        self, referer: bytes, agent: bytes, target: str, requestID: str
    ) -> None:
        """
        Whatever a client writes into its fields, each line is one line of printable ASCII with its
        fields in their places.
        """
        exchange = exchangeOf(asked(f"GET /{target} HTTP/1.1".encode("ascii")))
        exchange.head.block = HeaderBlock(
            11,
            [
                (b"referer", b"Referer", referer),
                (b"user-agent", b"User-Agent", agent),
                (b"x-request-id", b"X-Request-ID", requestID.encode("latin-1")),
            ],
        )
        exchange.takeRequestID()
        line = self.line(exchange)
        self.assertTrue(all(0x20 <= byte < 0x7F for byte in self.sink.lines[-1][:-1]))
        self.assertEqual(line["backend"], "-")


class _Named:
    """
    A backend that has a name and nothing else.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.pool = "web"


class JSONTests(LogCase):
    """
    One object per line.
    """

    def event(self, exchange: Serving) -> dict[str, Any]:
        JSONLog(self.sink).record(exchange)
        line = self.sink.lines[-1]
        assert line.count(b"\n") == 1 and line.endswith(b"\n")
        event: dict[str, Any] = json.loads(line)
        return event

    def test_usual(self) -> None:
        """
        Everything that is known, by its name.
        """
        exchange = self.served(
            b"Referer: http://a.example/",
            b"User-Agent: curl/8",
            b"X-Request-ID: abc",
            target=b"/x?y",
        )
        event = self.event(exchange)
        self.assertAlmostEqual(event.pop("duration"), 1.5, 3)
        self.assertEqual(
            event,
            {
                "time": 784111777.0,
                "listener": "http",
                "client": "192.0.2.7",
                "method": "GET",
                "target": "/x?y",
                "host": "shop.example",
                "version": "1.1",
                "status": 200,
                "bytes": 2,
                "backend": "web/b1",
                "code": "ok",
                "detail": "",
                "requestID": "abc",
                "referer": "http://a.example/",
                "userAgent": "curl/8",
            },
        )

    def test_whatIsNotThere(self) -> None:
        """
        Absent fields are null, not empty.
        """
        event = self.event(self.served())
        self.assertEqual((event["referer"], event["userAgent"]), (None, None))

    def test_bytesThatAreNoText(self) -> None:
        """
        Bytes that are no UTF-8 are shown as what they are.
        """
        event = self.event(self.served(b"User-Agent: caf\xc3\xa9 \xff"))
        self.assertEqual(event["userAgent"], "café \\xff")
