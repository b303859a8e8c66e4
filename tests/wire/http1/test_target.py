"""
Request lines. The many ways to get them wrong are in the corpus.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.target import METHOD_LIMIT, originLine, parseRequestLine


class RequestLineTests(SynchronousTestCase):
    """
    L{parseRequestLine}.
    """

    def test_forms(self) -> None:
        """
        Each form of a target is told from the others.
        """
        forms = {
            b"GET /a?b HTTP/1.1": ("origin", b"/a", b"b", b""),
            b"GET http://h:8/a?b HTTP/1.1": ("absolute", b"/a", b"b", b"h:8"),
            b"OPTIONS * HTTP/1.1": ("asterisk", b"*", None, b""),
            b"CONNECT h:443 HTTP/1.1": ("authority", b"", None, b"h:443"),
        }
        for text, wanted in forms.items():
            line = parseRequestLine(text)
            self.assertEqual((line.form, line.path, line.query, line.host), wanted)

    def test_shortWayAgrees(self) -> None:
        """
        The expression for usual lines takes them apart as the careful way does.
        """
        for text in (b"GET / HTTP/1.1", b"PUT /a;b?c=d?e HTTP/1.0", b"FOO //x? HTTP/1.1"):
            quick, line = originLine(text), parseRequestLine(text)
            assert quick is not None
            self.assertEqual(quick.groups(), (line.method, line.target, line.path, line.query))

    def test_shortWayLeavesTheRest(self) -> None:
        """
        What isn't a usual line is left to the careful way.
        """
        long = b"M" * (METHOD_LIMIT + 1) + b" / HTTP/1.1"
        for text in (b"CONNECT / HTTP/1.1", b"OPTIONS * HTTP/1.1", b"GET /# HTTP/1.1", long):
            self.assertIsNone(originLine(text))

    def test_longMethodsAreNotImplemented(self) -> None:
        """
        A method longer than any is not implemented, rather than malformed.
        """
        parseRequestLine(b"M" * METHOD_LIMIT + b" / HTTP/1.1")
        with self.assertRaises(BadMessage) as caught:
            parseRequestLine(b"M" * (METHOD_LIMIT + 1) + b" / HTTP/1.1")
        self.assertEqual(caught.exception.status, 501)
