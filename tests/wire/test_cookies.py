"""
Cookies, found and set.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.cookies import CookieFinder, setCookie


class CookieFinderTests(SynchronousTestCase):
    """
    L{CookieFinder}.
    """

    def test_found(self) -> None:
        """
        The cookie is found wherever it stands, quoted or not, and the first one counts.
        """
        finder = CookieFinder(b"sid")
        found = {
            b"sid=a": b"a",
            b"sid=": b"",
            b'sid="a"': b"a",
            b"x=1; sid=a": b"a",
            b"x=1;sid=a;y=2": b"a",
            b"x=1; sid=a; sid=b": b"a",
            b"sid=a=b": b"a=b",
            b" sid=a ": b"a",
            b"sid=!#$%&'()*+-./:<=>?@[]^_`{|}~": b"!#$%&'()*+-./:<=>?@[]^_`{|}~",
        }
        for field, value in found.items():
            self.assertEqual(finder.find(field), value, field)

    def test_notFound(self) -> None:
        """
        Other cookies, and values that no cookie can have, are not taken for it.
        """
        finder = CookieFinder(b"sid")
        for field in (
            None,
            b"",
            b"x=1",
            b"xsid=a",
            b"sidx=a",
            b"SID=a",
            b"x=sid=a",
            b"x sid=a",
            b"x=1, sid=a",
            b"sid =a",
            b"sid",
            b"sid=a b",
            b"sid=a,b",
            b'sid=a"b',
            b'sid="a',
            b"sid=a\\b",
            b"sid=\xff",
            b"sid=a\x00",
            b"$sid=a",
        ):
            self.assertIsNone(finder.find(field), field)

    def test_badOneIsPassedOver(self) -> None:
        """
        A good value behind a bad one counts.
        """
        self.assertEqual(CookieFinder(b"sid").find(b"sid=a b; sid=c"), b"c")

    def test_nameIsLiteral(self) -> None:
        """
        Characters that mean something in an expression mean themselves.
        """
        self.assertEqual(CookieFinder(b"a.b").find(b"axb=1; a.b=2"), b"2")
        for name in (b"", b"a b", b"a=b", b"a;", b"\xff"):
            with self.assertRaises(ValueError):
                CookieFinder(name)


class SetCookieTests(SynchronousTestCase):
    """
    L{setCookie}.
    """

    def test_attributes(self) -> None:
        """
        Each attribute is there when asked for.
        """
        self.assertEqual(setCookie(b"a", b"b"), b"a=b; Path=/; HttpOnly; SameSite=Lax")
        value = setCookie(
            b"a",
            b"",
            path=b"/x",
            domain=b"d.example",
            maxAge=60,
            secure=True,
            httpOnly=False,
            sameSite="None",
        )
        self.assertEqual(value, b"a=; Path=/x; Domain=d.example; Max-Age=60; Secure; SameSite=None")
        self.assertEqual(setCookie(b"a", b"b", path=b"", httpOnly=False, sameSite=""), b"a=b")

    def test_readsBack(self) -> None:
        """
        A client that sends the cookie back is recognised.
        """
        pair = setCookie(b"lb", b"web-1.2:80").partition(b";")[0]
        self.assertEqual(CookieFinder(b"lb").find(b"x=y; " + pair), b"web-1.2:80")

    def test_nothingCanBeInjected(self) -> None:
        """
        No part can become another attribute or another field.
        """
        for name, value in (
            (b"a b", b"c"),
            (b"a", b"b; Path=/"),
            (b"a", b"b\r\nX: y"),
            (b"", b"c"),
        ):
            with self.assertRaises(ValueError):
                setCookie(name, value)
        for path in (b"/;x", b"/\r\n", b"/\x00"):
            with self.assertRaises(ValueError):
                setCookie(b"a", b"b", path=path)
            with self.assertRaises(ValueError):
                setCookie(b"a", b"b", domain=path)
        with self.assertRaises(ValueError):
            setCookie(b"a", b"b", sameSite="Loose")
