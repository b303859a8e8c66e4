"""
Tests for L{lbproxy.l7.rules}: what is answered before any route is asked.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.factory import HTTPSettings
from lbproxy.l7.rules import Rules
from tests.l7.asking import asked, exchangeOf
from tests.l7.doubles import GET, OK, Stage

OPEN = Rules(None)


def verdict(line: bytes, *fields: bytes, rules: Rules = OPEN) -> tuple[int, str] | None:
    """
    The status and code of the answer, or L{None}; what doesn't concern the rules passes.
    """
    exchange = exchangeOf(asked(line, *fields))
    if not rules.concern(exchange):
        return None
    found = rules.verdict(exchange)
    return None if found is None else found[:2]


class RulesTests(SynchronousTestCase):
    """
    Well-formed requests that go no further.
    """

    def test_usualRequestsPass(self) -> None:
        """
        The rules don't cost usual requests anything but one question.
        """
        for method in (b"GET", b"HEAD", b"POST", b"PURGE"):
            self.assertFalse(OPEN.concern(exchangeOf(asked(method + b" / HTTP/1.1"))))

    def test_unusualOnesPass(self) -> None:
        """
        Absolute targets, C{OPTIONS *} and TRACE are legal.
        """
        for line in (
            b"GET http://a.example/ HTTP/1.1",
            b"OPTIONS * HTTP/1.1",
            b"OPTIONS / HTTP/1.1",
            b"TRACE / HTTP/1.1",
        ):
            self.assertIsNone(verdict(line), line)

    def test_deniedAddress(self) -> None:
        """
        A client that may not come in gets 403, whatever it asks for.
        """
        rules = Rules(lambda address: address == "192.0.2.7")
        self.assertIsNone(verdict(b"GET / HTTP/1.1", rules=rules))
        rules = Rules(lambda address: address != "192.0.2.7")
        for line in (b"GET / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT a:443 HTTP/1.1"):
            self.assertEqual(verdict(line, rules=rules), (403, "denied"))

    def test_connect(self) -> None:
        """
        CONNECT is 405, and the answer says what is allowed.
        """
        found = OPEN.verdict(exchangeOf(asked(b"CONNECT a.example:443 HTTP/1.1")))
        assert found is not None
        self.assertEqual(found[:2], (405, "connectRefused"))
        self.assertTrue(found[2].startswith(b"Allow: GET, "))
        self.assertNotIn(b"CONNECT", found[2])

    def test_secureTargetOverPlain(self) -> None:
        """
        What was meant for https and came without TLS is misdirected: 421.
        """
        line = b"GET HTTPS://shop.example/ HTTP/1.1"
        self.assertEqual(verdict(line), (421, "misdirected"))
        secure = exchangeOf(asked(line), settings=HTTPSettings(secure=True))
        self.assertIsNone(OPEN.verdict(secure))

    def test_lastHop(self) -> None:
        """
        Who may go no further is answered here: OPTIONS with what there is, TRACE not at all.
        """
        self.assertEqual(verdict(b"OPTIONS / HTTP/1.1", b"Max-Forwards: 0"), (200, "lastHop"))
        self.assertEqual(verdict(b"TRACE / HTTP/1.1", b"Max-Forwards: 0"), (405, "lastHop"))
        self.assertIsNone(verdict(b"TRACE / HTTP/1.1", b"Max-Forwards: 1"))
        self.assertIsNone(verdict(b"GET / HTTP/1.1", b"Max-Forwards: 0"))

    def test_traceWithBody(self) -> None:
        """
        A TRACE with a body is 400: its backend might take the body for the next request.
        """
        self.assertEqual(verdict(b"TRACE / HTTP/1.1", b"Content-Length: 1"), (400, "traceBody"))
        chunked = b"Transfer-Encoding: chunked"
        self.assertEqual(verdict(b"TRACE / HTTP/1.1", chunked), (400, "traceBody"))
        self.assertIsNone(verdict(b"TRACE / HTTP/1.1", b"Content-Length: 0"))
        self.assertIsNone(verdict(b"OPTIONS / HTTP/1.1", b"Content-Length: 1"))


class AnswerTests(SynchronousTestCase):
    """
    What a client sees of it.
    """

    def ask(self, data: bytes) -> tuple[bytes, bool]:
        """
        @return: the answer, and whether the connection ends.
        """
        self.stage = stage = Stage()
        protocol, wire = stage.connect()
        protocol.dataReceived(data)
        self.assertEqual(stage.dials, [])
        return wire.value(), wire.disconnecting or wire.ended

    def test_traceBodyEndsTheConnection(self) -> None:
        """
        A body that nobody reads ends the connection, and no backend hears of it.
        """
        answer, ends = self.ask(GET.replace(b"GET", b"TRACE")[:-2] + b"Content-Length: 5\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertTrue(ends)
        self.assertEqual(self.stage.records[0].code, "traceBody")

    def test_connectEndsTheConnection(self) -> None:
        """
        What follows a refused CONNECT was meant for a tunnel: it is not read as a request.
        """
        answer, ends = self.ask(b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + GET)
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\nContent-Type"))
        self.assertIn(b"\r\nAllow: GET", answer)
        self.assertTrue(ends)
        self.assertEqual(len(self.stage.records), 1)

    def test_lastHopKeepsTheConnection(self) -> None:
        """
        An answer without a fault leaves the connection as it is.
        """
        answer, ends = self.ask(b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertFalse(ends)

    def test_whatFollowsIsServed(self) -> None:
        """
        Requests sent behind one that is answered by rule are not lost.
        """
        stage = Stage()
        protocol, wire = stage.connect()
        last = b"OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n"
        protocol.dataReceived(last + last + GET)
        self.assertEqual(wire.take().count(b"HTTP/1.1 200 OK"), 2)
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 200 OK"))
