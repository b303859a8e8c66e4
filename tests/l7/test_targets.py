"""
Tests for L{lbproxy.l7.targets}: which target a backend sees.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.targets import Rewriting, originTarget
from lbproxy.wire.http1 import BadMessage, RequestReader, canonicalPath, normalizePath
from lbproxy.wire.http1.memo import Memo
from tests.l7.asking import Proxied, asked


def rewritten(rewriting: Rewriting, target: bytes, method: bytes = b"GET") -> bytes:
    return rewriting.target(asked(b"%b %b HTTP/1.1" % (method, target)))


class OriginTargetTests(SynchronousTestCase):
    """
    The client's own target.
    """

    def test_forms(self) -> None:
        """
        Absolute targets lose scheme and host; others stay.
        """
        for line, expected in (
            (b"GET /a?b HTTP/1.1", b"/a?b"),
            (b"GET http://a.example/b?c HTTP/1.1", b"/b?c"),
            (b"GET http://a.example?c HTTP/1.1", b"/?c"),
            (b"GET http://a.example/b? HTTP/1.1", b"/b?"),
            (b"OPTIONS http://a.example HTTP/1.1", b"*"),
            (b"OPTIONS * HTTP/1.1", b"*"),
        ):
            self.assertEqual(originTarget(asked(line)), expected)


class RewritingTests(SynchronousTestCase):
    """
    A route's changes.
    """

    def test_stripPrefix(self) -> None:
        """
        A prefix is cut off at the end of a segment, and nowhere else.
        """
        for prefix in (b"/api", b"/api/"):
            strip = Rewriting(stripPrefix=prefix)
            for target, expected in (
                (b"/api/x?y", b"/x?y"),
                (b"/api", b"/"),
                (b"/api/", b"/"),
                (b"/api?x", b"/?x"),
                (b"/apis/x", b"/apis/x"),
                (b"/xyz/api", b"/xyz/api"),
                (b"/other/api/x", b"/other/api/x"),
                (b"/api/a%2Fb%20c", b"/a%2Fb%20c"),
            ):
                self.assertEqual(rewritten(strip, target), expected)

    def test_hiddenPrefix(self) -> None:
        """
        A prefix is found as the route found it: behind escapes and dot segments.
        """
        strip = Rewriting(stripPrefix=b"/api")
        for target in (b"/%61pi/x", b"/x/../api/x", b"/./api/x", b"/%2e/api/x"):
            self.assertEqual(rewritten(strip, target), b"/x", target)

    def test_nobodyClimbsOut(self) -> None:
        """
        Dot segments behind a prefix don't reach what the prefix has kept them from.
        """
        strip = Rewriting(stripPrefix=b"/api", addPrefix=b"/v2")
        for target, expected in (
            (b"/api/a/../b", b"/v2/b"),
            (b"/api/../api/b", b"/v2/b"),
            (b"/api/%2e%2E/api/b", b"/v2/b"),
            (b"/api/./b", b"/v2/b"),
        ):
            self.assertEqual(rewritten(strip, target), expected, target)

    def test_climbingAboveTheRoot(self) -> None:
        """
        A path that climbs above the root has no prefix to cut off.
        """
        self.assertEqual(rewritten(Rewriting(stripPrefix=b"/api"), b"/../api/x"), b"/../api/x")

    def test_addPrefix(self) -> None:
        """
        The prefix comes in front, with one slash between.
        """
        for prefix in (b"/v2", b"/v2/"):
            self.assertEqual(rewritten(Rewriting(addPrefix=prefix), b"/x?y"), b"/v2/x?y")
        self.assertEqual(rewritten(Rewriting(addPrefix=b"/v2"), b"/a/./%61"), b"/v2/a/./%61")

    def test_regex(self) -> None:
        """
        An expression replaces in the path; the query is none of its business.
        """
        change = Rewriting(regex=(re.compile(rb"^/old/(.*)$"), rb"/new/\1"))
        self.assertEqual(rewritten(change, b"/old/a?b=/old/c"), b"/new/a?b=/old/c")
        self.assertEqual(rewritten(change, b"/older"), b"/older")

    def test_regexMakesATarget(self) -> None:
        """
        Whatever an expression makes of a path, it is a path: it begins with a slash, and what may
        not stand in one is escaped.
        """
        change = Rewriting(regex=(re.compile(rb"^.*$"), b'a b?c#"\xc3\xa4%41'))
        self.assertEqual(rewritten(change, b"/"), b"/a%20b%3Fc%23%22%C3%A4%41")

    def test_order(self) -> None:
        """
        Strip, then the expression, then what is added.
        """
        change = Rewriting(b"/a", b"/c", (re.compile(rb"^/b"), b"/B"))
        self.assertEqual(rewritten(change, b"/a/b/x"), b"/c/B/x")

    def test_asterisk(self) -> None:
        """
        C{OPTIONS *} asks for the server itself: there is no path to change.
        """
        change = Rewriting(b"/a", b"/c", (re.compile(rb"^"), b"x"))
        self.assertEqual(rewritten(change, b"*", b"OPTIONS"), b"*")
        self.assertEqual(rewritten(change, b"http://a.example", b"OPTIONS"), b"*")

    def test_absoluteForm(self) -> None:
        """
        Of an absolute target the path is rewritten.
        """
        self.assertEqual(rewritten(Rewriting(b"/a", b"/c"), b"http://x.example/a/b?c"), b"/c/b?c")

    @given(
        st.text("/ab.%2efEF5cC", max_size=25).map(lambda text: "/" + text),
        st.sampled_from((b"", b"/a", b"/a/b")),
        st.sampled_from((b"", b"/c")),
    )
    def test_always(self, path: str, strip: bytes, add: bytes) -> None:
        """
        Whatever the path, the result is a good target, and under what is added; where the prefix
        was the path's, what is left is what normalising the whole would have left.
        """
        head = asked(b"GET %b HTTP/1.1" % path.encode())
        target = Rewriting(strip, add).target(head)
        again = RequestReader(memo=Memo(2)).feed(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % target)
        assert again is not None
        self.assertTrue(target.startswith(add + b"/"))
        try:
            whole = canonicalPath(head.path)
            normalizePath(head.path)
        except BadMessage:
            return
        if strip and (whole == strip or whole.startswith(strip + b"/")):
            rest = canonicalPath(target[len(add) :])
            self.assertEqual(rest, whole[len(strip) :] or b"/")


class RequestTests(SynchronousTestCase):
    """
    Through a listener.
    """

    def test_climbingRequest(self) -> None:
        """
        A path that climbs above the root is refused where a route cuts prefixes off and looks at no
        path, too.
        """
        stage = Proxied(rewriting=Rewriting(stripPrefix=b"/api"))
        stage.protocol.dataReceived(b"GET /../api/x HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(stage.wire.value().startswith(b"HTTP/1.1 400 "))
        self.assertEqual(stage.dials, [])
