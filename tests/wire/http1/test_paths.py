"""
Paths, as routes see them.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import BadMessage, canonicalPath, normalizePath

# raw -> the form to match, and the other reading where there is one
FORMS: dict[bytes, tuple[bytes, bytes | None]] = {
    b"/": (b"/", None),
    b"*": (b"*", None),
    b"/a/b": (b"/a/b", None),
    b"/a/b/": (b"/a/b/", None),
    b"/a;x=1/b": (b"/a;x=1/b", None),
    b"/.well-known/x": (b"/.well-known/x", None),
    b"/a.b": (b"/a.b", None),
    b"/...": (b"/...", None),
    b"/..a/.b": (b"/..a/.b", None),
    b"/a/./b": (b"/a/b", None),
    b"/a/../b": (b"/b", None),
    b"/a/b/..": (b"/a/", None),
    b"/a/b/.": (b"/a/b/", None),
    b"/a/..": (b"/", None),
    b"/.": (b"/", None),
    b"/%61": (b"/a", None),
    b"/%7Euser/%20": (b"/~user/ ", None),
    b"/%C3%A4%ff": (b"/\xc3\xa4\xff", None),
    b"/a%3Bb": (b"/a;b", None),
    b"/a%3Fb%23": (b"/a?b#", None),
    b"/100%25": (b"/100%", None),
    b"/a/%2e%2E/b": (b"/b", None),
    b"/a/.%2e/b": (b"/b", None),
    b"/a/%2e/b": (b"/a/b", None),
    # Decoded once, never twice.
    b"/%2561": (b"/%61", None),
    b"/a/%252e%252e/b": (b"/a/%2e%2e/b", None),
    b"/a%252Fb": (b"/a%252Fb", None),
    b"/a%252fb": (b"/a%252fb", None),
    b"/a%255Cb": (b"/a%255Cb", None),
    # Two readings.
    b"/a%2Fb": (b"/a%2Fb", b"/a/b"),
    b"/a%2fb": (b"/a%2Fb", b"/a/b"),
    b"/a%5Cb": (b"/a%5Cb", b"/a/b"),
    b"/a%5cb": (b"/a%5Cb", b"/a/b"),
    b"/a\\b": (b"/a\\b", b"/a/b"),
    b"//a": (b"//a", b"/a"),
    b"/a//b": (b"/a//b", b"/a/b"),
    b"/a//": (b"/a//", b"/a/"),
    b"/a/b/..%2fc": (b"/a/b/..%2Fc", b"/a/c"),
    b"/a/..%5Cb": (b"/a/..%5Cb", b"/b"),
    b"/a/..\\b": (b"/a/..\\b", b"/b"),
    b"/a/..;/b": (b"/a/..;/b", b"/b"),
    b"/a/..;x=1/b": (b"/a/..;x=1/b", b"/b"),
    b"/a/.;/b": (b"/a/.;/b", b"/a/b"),
    b"/a/%2e%2e;/b": (b"/a/..;/b", b"/b"),
    b"/a/..%3b/b": (b"/a/..;/b", b"/b"),
    b"/a//../b": (b"/a/b", b"/b"),
    b"/web/http://x/y": (b"/web/http://x/y", b"/web/http:/x/y"),
}
REFUSED = (
    b"/%",
    b"/%a",
    b"/%zz",
    b"/%0",
    b"/%%41",
    b"/a%2",
    b"/%u0041",
    b"/%+1",
    b"/% 1",
    b"/%_1",
    b"/%00",
    b"/%0a",
    b"/%0D%0A",
    b"/%09",
    b"/%1f",
    b"/%7F",
    b"/..",
    b"/../",
    b"/../a",
    b"/a/../..",
    b"/a/../../b",
    b"/%2e%2e/a",
    b"/./../a",
    # In their other reading.
    b"/..%2fa",
    b"/a/..%2f..%2fb",
    b"/..\\a",
    b"/..;/a",
    b"//../../a",
    b"/..%5c",
)


class NormalizePathTests(SynchronousTestCase):
    """
    L{normalizePath}.
    """

    def test_forms(self) -> None:
        """
        Each path has the form the documentation promises, and its other reading is named.
        """
        for raw, (decoded, other) in FORMS.items():
            form = normalizePath(raw)
            self.assertEqual((form.decoded, form.ambiguous), (decoded, other), raw)

    def test_refusals(self) -> None:
        """
        Broken escapes, encoded control characters and paths that climb above the root are refused.
        """
        for raw in REFUSED:
            with self.assertRaises(BadMessage, msg=raw) as caught:
                normalizePath(raw)
            self.assertEqual((caught.exception.status, caught.exception.code), (400, "badPath"))


class CanonicalPathTests(SynchronousTestCase):
    """
    L{canonicalPath}.
    """

    def test_staysEncoded(self) -> None:
        """
        Only what nobody needs to escape is decoded, and dot segments are gone.
        """
        forms = {
            b"/a/../%62%2e/c%2fd": b"/b./c%2Fd",
            b"/%7Ea%20b": b"/~a%20b",
            b"/a/%2E%2e/b": b"/b",
            b"/%25%36%31": b"/%2561",
        }
        for raw, wanted in forms.items():
            self.assertEqual(canonicalPath(raw), wanted)
