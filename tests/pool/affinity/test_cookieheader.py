"""
Promises of L{lbproxy.pool.affinity.cookieheader}.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.affinity.cookieheader import (
    cookieSet,
    valueSet,
    withoutCookie,
    withoutPrefix,
    withValue,
)


class RequestTests(SynchronousTestCase):
    """
    Changing one cookie of a C{Cookie} header.
    """

    def test_takesOutTheOneAndNoOther(self) -> None:
        """Every other byte stays as the client sent it."""
        for header, without in {
            b"LBID=x": b"",
            b"LBID=x; a=1": b"a=1",
            b"a=1; LBID=x": b"a=1",
            b"a=1; LBID=x; b=2": b"a=1; b=2",
            b"LBID=x; a=1; LBID=y": b"a=1",
            b"a=1;LBID=x;b=2": b"a=1;b=2",
            b"XLBID=x; LBIDX=y": b"XLBID=x; LBIDX=y",
            b"a=LBID; LBID": b"a=LBID; LBID",
            b"a=LBID=1;  b=2": b"a=LBID=1;  b=2",
            b" LBID = x ; a=1": b"a=1",
            b"": b"",
        }.items():
            self.assertEqual(withoutCookie(header, b"LBID"), without, header)

    def test_cutsOffThePrefix(self) -> None:
        """What stands before the first separator is ours, the rest the backend's."""
        for header, cut in {
            b"sid=tok~abc; a=1": b"sid=abc; a=1",
            b"a=1; sid=tok~a~b": b"a=1; sid=a~b",
            b"sid=tok~": b"sid=",
            b"sid=plain": b"sid=plain",
            b"a=x~y": b"a=x~y",
        }.items():
            self.assertEqual(withoutPrefix(header, b"sid", b"~"), cut, header)

    @given(st.lists(st.text("abL ID=~;", max_size=12)))
    def test_othersAreNeverTouched(self, texts: list[str]) -> None:
        """Whatever a header looks like, the other pairs come through in their order."""
        header = "; ".join(texts).encode()
        pairs = [p for p in header.split(b";") if not re.match(rb"\s*ID\s*=", p)]
        kept = withoutCookie(header, b"ID")
        if b"ID" in header and len(pairs) < len(header.split(b";")):
            self.assertEqual(kept, b";".join(pairs).strip(b" \t"))
        else:
            self.assertEqual(kept, header)


class ResponseTests(SynchronousTestCase):
    """
    Reading and changing a C{Set-Cookie} value.
    """

    def test_readsNameAndValue(self) -> None:
        """Attributes are neither."""
        for header, name, value in [
            (b"a=1", b"a", b"1"),
            (b"a=1; Path=/; b=2", b"a", b"1"),
            (b" a = 1 ;Secure", b"a", b"1"),
            (b"a=b=c", b"a", b"b=c"),
            (b"a=", b"a", b""),
            (b"a", b"", b""),
        ]:
            self.assertEqual((cookieSet(header), valueSet(header)), (name, value), header)

    def test_replacesTheValueOnly(self) -> None:
        """Attributes stay as the backend wrote them."""
        self.assertEqual(withValue(b"a=1; Path=/; HttpOnly", b"x"), b"a=x; Path=/; HttpOnly")
        self.assertEqual(withValue(b"a=", b"x"), b"a=x")
