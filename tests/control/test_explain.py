"""
Tests for L{lbproxy.control.explain}: C{GET /api/explain}.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from lbproxy.control import explain
from lbproxy.control.explain import ExplainResource


class Explainer:
    """
    Tells what it was asked.
    """

    def explain(self, probe: Any) -> str:
        """
        As the probe's text.
        """
        return f"{probe}\n"


class ExplainTests(SynchronousTestCase):
    """
    Questions over HTTP.
    """

    def setUp(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.patch(explain, "askedRequest", self.request)
        self.patch(explain, "listenerFor", self.listener)

    def request(self, *given: Any) -> str:
        """
        What is asked about.
        """
        self.asked.append(given)
        if given[0] == "bad":
            raise ValueError('"bad" is no request')
        return "probe"

    def listener(self, explainers: Any, probe: Any, name: str) -> Explainer:
        """
        Who explains.
        """
        self.asked.append((explainers, probe, name))
        return Explainer()

    def ask(self, *query: tuple[str, str | bytes], method: str = "GET") -> tuple[int, str]:
        """
        @return: status and text.
        """
        site = Site(ExplainResource([]))
        site.reactor = Clock()
        transport = StringTransport()
        protocol = site.buildProtocol(None)
        assert protocol is not None
        protocol.makeConnection(transport)
        head = f"{method} /x?{urlencode(query)} HTTP/1.0\r\n\r\n"
        protocol.dataReceived(head.encode())
        top, _, body = transport.value().decode().partition("\r\n\r\n")
        self.head = top.lower()
        return int(top.split(" ")[1]), body

    def test_everything(self) -> None:
        """
        Request, listener, source, and fields and cookies as often as they are given.
        """
        answer = self.ask(
            ("request", "GET https://a.example/"),
            ("listener", "edge"),
            ("source", "10.0.0.1"),
            ("header", "A: 1"),
            ("header", "B: 2"),
            ("cookie", "c=d"),
        )
        self.assertEqual(answer, (200, "probe\n"))
        self.assertEqual(
            self.asked,
            [
                ("GET https://a.example/", "10.0.0.1", ["A: 1", "B: 2"], ["c=d"]),
                ([], "probe", "edge"),
            ],
        )

    def test_least(self) -> None:
        """
        The request alone is enough: then it comes from this machine, to whoever takes it.
        """
        self.ask(("request", "a.example"))
        self.assertEqual(self.asked, [("a.example", "127.0.0.1", [], []), ([], "probe", "")])

    def test_mistakes(self) -> None:
        """
        What cannot be asked is 400 with a sentence.
        """
        self.assertEqual(self.ask()[0], 400)
        self.assertEqual(self.ask(("request", "bad")), (400, '"bad" is no request\n'))
        self.assertEqual(self.ask(("request", "x"), method="POST")[0], 405)

    def test_plainText(self) -> None:
        """
        The answer is text to every browser, and nobody keeps it.
        """
        self.ask(("request", "<script>"))
        self.assertIn("content-type: text/plain", self.head)
        self.assertIn("cache-control: no-store", self.head)

    def test_bytesThatAreNoText(self) -> None:
        """
        A request that isn't text is 400, too.
        """
        self.assertEqual(self.ask(("request", b"\xff"))[0], 400)
