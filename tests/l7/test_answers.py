"""
Tests for L{lbproxy.l7.answers}: routes that need no backend.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.answers import NoRoutePlan, RedirectPlan, RespondPlan
from lbproxy.l7.headers import HeaderEdits
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan
from lbproxy.l7.replies import Reply
from lbproxy.l7.routing import Route
from tests.l7.doubles import GET, OK, Stage


def answering(plan: Plan) -> Callable[[Plan], list[Route[Plan]]]:
    """
    Routes with one plan for everything.
    """
    return lambda plain: [Route(Match(), plan)]


class AnswerCase(SynchronousTestCase):
    """
    Asks a listener whose one route answers by itself.
    """

    def ask(self, plan: Plan, data: bytes = GET) -> bytes:
        """
        @return: the answer.
        """
        self.stage = stage = Stage(routes=answering(plan))
        self.protocol, self.wire = stage.connect()
        self.protocol.dataReceived(data)
        self.assertEqual(stage.dials, [])
        return self.wire.take()


class RespondTests(AnswerCase):
    """
    Fixed answers.
    """

    def test_respond(self) -> None:
        """
        The answer is the configured one, and the connection stays.
        """
        answer = self.ask(RespondPlan(Reply(200, b"hello", ((b"X-A", b"1"),))))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\nX-A: 1\r\n"))
        self.assertIn(b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\nhello"))
        self.assertFalse(self.wire.disconnecting)
        record = self.stage.records[0]
        self.assertEqual((record.code, record.status, record.bytesDown), ("respond", 200, 5))

    def test_head(self) -> None:
        """
        HEAD gets no body.
        """
        answer = self.ask(RespondPlan(Reply(200, b"hello")), GET.replace(b"GET", b"HEAD"))
        self.assertTrue(answer.endswith(b"\r\n\r\n"))
        self.assertEqual(self.stage.records[0].bytesDown, 0)

    def test_varyingFields(self) -> None:
        """
        Header values may have placeholders.
        """
        plan = RespondPlan(Reply(200, b"x"), HeaderEdits({"X-Path": "p{path}"}))
        self.assertIn(b"X-Path: p/\r\n", self.ask(plan))

    def test_unreadBody(self) -> None:
        """
        An answer ahead of the request's body ends the connection: what comes is no request.
        """
        plan = RespondPlan(Reply(200, b"x"))
        answer = self.ask(plan, GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 9\r\n\r\nab")
        self.assertIn(b"Connection: close\r\n", answer)
        self.assertTrue(self.wire.ended)

    def test_bodyThatIsThere(self) -> None:
        """
        A body that was read whole is no reason to close; what follows it is the next request.
        """
        plan = RespondPlan(Reply(200, b"x"))
        put = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 2\r\n\r\nab"
        answer = self.ask(plan, put + GET)
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), 2)
        self.assertFalse(self.wire.ended)

    def test_manyPipelined(self) -> None:
        """
        A thousand requests sent at once are all answered.
        """
        self.ask(RespondPlan(Reply(204, b"")), GET * 1000)
        self.assertEqual(len(self.stage.records), 1000)


class RedirectTests(AnswerCase):
    """
    Sending clients elsewhere.
    """

    def location(self, to: str, target: bytes) -> bytes:
        data = b"GET " + target + b" HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n"
        answer = self.ask(RedirectPlan(to, 308), data)
        return answer.partition(b"Location: ")[2].partition(b"\r\n")[0]

    def test_redirect(self) -> None:
        """
        The Location is made from the request; there is no body.
        """
        answer = self.ask(RedirectPlan("https://{host}{path}{query}", 301))
        self.assertTrue(
            answer.startswith(
                b"HTTP/1.1 301 Moved Permanently\r\nLocation: https://shop.example/\r\n"
                b"Content-Length: 0\r\n"
            )
        )
        record = self.stage.records[0]
        self.assertEqual((record.code, record.status), ("redirect", 301))

    def test_placeholders(self) -> None:
        """
        Path and query as they came.
        """
        to = "https://{host}{path}{query}"
        self.assertEqual(self.location(to, b"/a%20b?x=1"), b"https://shop.example/a%20b?x=1")

    def test_noOpenRedirect(self) -> None:
        """
        A path cannot become another host, as C{//evil.example} would for a browser.
        """
        for to in ("{path}", "{path}/", "/{path}", "{path}{query}"):
            for target in (b"//evil.example/", b"/\\evil.example/", b"///evil.example/"):
                location = self.location(to, target)
                self.assertTrue(location.startswith(b"/evil.example/"), (to, location))
        self.assertEqual(self.location("{path}", b"/a//b"), b"/a//b")
        self.assertEqual(self.location("//cdn.example{path}", b"/a"), b"//cdn.example/a")
        self.assertEqual(self.location("https://a{path}", b"//b"), b"https://a//b")


class NoRouteTests(AnswerCase):
    """
    Nothing matched.
    """

    def test_notFound(self) -> None:
        """
        404, and the log says why.
        """
        answer = self.ask(NoRoutePlan())
        self.assertTrue(answer.startswith(b"HTTP/1.1 404 Not Found\r\n"))
        self.assertEqual(self.stage.records[0].code, "noRoute")

    def test_noRouteAtAll(self) -> None:
        """
        The same where no route of the listener matches.
        """
        stage = Stage(routes=lambda plain: [Route(Match(hosts=["other.example"]), plain)])
        protocol, wire = stage.connect()
        protocol.dataReceived(GET)
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 404 "))
        protocol.dataReceived(GET.replace(b"shop", b"other"))
        stage.dials[0].accept()
        stage.dials[0].answer(OK)
        self.assertTrue(wire.take().startswith(b"HTTP/1.1 200 "))
