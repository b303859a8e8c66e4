"""
Promises of L{lbproxy.health.http}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.payload import StatusRange
from lbproxy.health.expected import Expected
from lbproxy.health.http import HTTPDialogue
from tests.health.doubles import DialoguePromises, Visit, aBackend

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class PlainTests(DialoguePromises, SynchronousTestCase):
    """
    A body of known length.
    """

    answers = (OK,)
    seen = "HTTP 200"

    def dialogue(self) -> HTTPDialogue:
        return HTTPDialogue("/healthz")


class ChunkedTests(DialoguePromises, SynchronousTestCase):
    """
    A chunked body, after an interim response.
    """

    answers = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"4\r\nwell\r\n0\r\n\r\n",
    )
    seen = "HTTP 200"

    def dialogue(self) -> HTTPDialogue:
        return HTTPDialogue()


class StatusTests(SynchronousTestCase):
    """
    Which answers are good.
    """

    def answered(self, answer: bytes, **wanted: Any) -> Visit:
        """
        A check whose peer answers and closes.
        """
        visit = Visit(HTTPDialogue(**wanted)).connect()
        visit.hear(answer)
        if visit.outcome.passed is None:
            visit.end()
        return visit

    def words(self, answer: bytes, **wanted: Any) -> str:
        """
        How the check put it.
        """
        outcome = self.answered(answer, **wanted).outcome
        assert isinstance(outcome.words, str)
        return ("" if outcome.passed else "failed: ") + outcome.words

    def test_failsOnAnotherStatus(self) -> None:
        """
        The reason names the status and what was wanted.
        """
        self.assertEqual(
            self.words(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"),
            "failed: HTTP 503, wanted 200-399",
        )

    def test_failsOnTheStatusAlone(self) -> None:
        """
        A wrong status decides before the body has come.
        """
        visit = Visit(HTTPDialogue()).connect()
        visit.hear(b"HTTP/1.1 500 Oh\r\nContent-Length: 1000\r\n\r\n")
        self.assertIs(visit.outcome.passed, False)
        self.assertFalse(visit.open)

    def test_takesAnyOfSeveralStatuses(self) -> None:
        """
        Single statuses and ranges may be mixed.
        """
        wanted = (StatusRange(200, 299), StatusRange(401, 401))
        for status in (200, 299, 401):
            answer = b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status
            self.assertEqual(self.words(answer, expectStatus=wanted), f"HTTP {status}")
        self.assertEqual(
            self.words(b"HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n", expectStatus=wanted),
            "failed: HTTP 302, wanted 200-299, 401",
        )

    def test_doesNotFollowRedirects(self) -> None:
        """
        A redirect is judged by its own status.
        """
        moved = b"HTTP/1.1 301 Moved\r\nLocation: http://192.0.2.9/\r\nContent-Length: 0\r\n\r\n"
        visit = self.answered(moved)
        self.assertEqual(visit.outcome.words, "HTTP 301")
        self.assertEqual(len(visit.dialer.addresses), 1)

    def test_judgesTheUpgradeNobodyAskedFor(self) -> None:
        """
        A 101 is a final answer, and no good one.
        """
        self.assertEqual(
            self.words(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
            ),
            "failed: HTTP 101, wanted 200-399",
        )

    def test_failsWithoutTheBody(self) -> None:
        """
        A good status is not enough when the body should say something.
        """
        self.assertEqual(
            self.words(OK, expectBody=Expected(b"ready")),
            'failed: HTTP 200, but no "ready" in the body',
        )

    def test_findsTheBodyByRegex(self) -> None:
        """
        The body may be matched by a regular expression.
        """
        self.assertEqual(self.words(OK, expectBody=Expected(regex="^o.$")), "HTTP 200")

    def test_readsABodyThatEndsWithTheConnection(self) -> None:
        """
        An HTTP/1.0 server without Content-Length is understood.
        """
        self.assertEqual(
            self.words(b"HTTP/1.0 200 OK\r\n\r\nready", expectBody=Expected(b"ready")), "HTTP 200"
        )

    def test_passesOnceTheBodySaysIt(self) -> None:
        """
        An endless body does not matter once it said what was expected.
        """
        visit = Visit(HTTPDialogue(expectBody=Expected(b"ready"))).connect()
        visit.hear(b"HTTP/1.1 200 OK\r\n\r\nalrea")
        self.assertIs(visit.outcome.passed, None)
        visit.hear(b"dy")
        self.assertIs(visit.outcome.passed, True)

    def test_readsABoundedPartOfTheBody(self) -> None:
        """
        A body is read up to 64 KiB: enough for the status, and a failure for what comes later.
        """
        large = b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n" + b"x" * 70000
        self.assertEqual(self.words(large), "HTTP 200")
        self.assertEqual(
            self.words(large + b"ready", expectBody=Expected(b"ready")),
            'failed: HTTP 200, but no "ready" in the body',
        )

    def test_asksForHeadersOnly(self) -> None:
        """
        An answer to HEAD has no body, whatever its length says.
        """
        self.assertEqual(
            self.words(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", method="HEAD"), "HTTP 200"
        )

    def test_saysWhatIsNotHTTP(self) -> None:
        """
        Another protocol is named as such.
        """
        self.assertTrue(self.words(b"SSH-2.0-OpenSSH_9\r\n").startswith("failed: not HTTP: "))

    def test_failsWhenTheBodyIsMissing(self) -> None:
        """
        A server that dies in the middle of its answer is not well.
        """
        self.assertTrue(self.words(OK[:-1]).startswith("failed: not HTTP: shortBody"))


class RequestTests(SynchronousTestCase):
    """
    What is asked.
    """

    def request(self, address: str = "192.0.2.1:80", **settings: Any) -> bytes:
        """
        The bytes that a check sends.
        """
        return Visit(HTTPDialogue(**settings), aBackend(address)).connect().sent

    def test_asksOnceAndCloses(self) -> None:
        """
        A whole request, that leaves no connection open.
        """
        self.assertEqual(
            self.request(path="/healthz?deep=1"),
            b"GET /healthz?deep=1 HTTP/1.1\r\nHost: 192.0.2.1:80\r\nUser-Agent: lbproxy\r\n"
            b"Connection: close\r\n\r\n",
        )

    def test_namesTheHostThatIsWanted(self) -> None:
        """
        The Host header is the configured one, or the backend's own address.
        """
        for address, host, line in (
            ("192.0.2.1:80", "shop.example", b"\r\nHost: shop.example\r\n"),
            ("[2001:db8::1]:8080", "", b"\r\nHost: [2001:db8::1]:8080\r\n"),
            ("unix:/run/app.sock", "", b"\r\nHost: localhost\r\n"),
        ):
            self.assertIn(line, self.request(address, host=host))

    def test_sendsFurtherHeaders(self) -> None:
        """
        Headers are added; User-Agent may be replaced.
        """
        request = self.request(headers={"X-Check": "1", "user-agent": "me"})
        self.assertIn(b"\r\nX-Check: 1\r\n", request)
        self.assertIn(b"\r\nuser-agent: me\r\n", request)
        self.assertNotIn(b"lbproxy", request)

    def test_refusesWhatBreaksTheRequest(self) -> None:
        """
        No setting can add lines to the request.
        """
        bad: tuple[dict[str, Any], ...] = (
            {"path": "/a b"},
            {"path": "/a\r\nX: y"},
            {"method": "GET /"},
            {"host": "a\r\nX: y"},
            {"headers": {"X": "a\r\nY: b"}},
            {"headers": {"X Y": "a"}},
            {"headers": {"Content-Length": "5"}},
        )
        for settings in bad:
            self.assertRaises(ValueError, HTTPDialogue, **settings)
