"""
Promises of L{lbproxy.pool.keys}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.context import PlainContext
from lbproxy.pool.keys import compileKey
from lbproxy.testing import FakeContext


class CompileKeyTests(SynchronousTestCase):
    """
    By what a client is known.
    """

    def test_readsWhatItNames(self) -> None:
        """Each key takes one thing of a client."""
        context = FakeContext(
            "192.0.2.9",
            path="/cart",
            serverName="Shop.Example",
            headers={"X-User": "ann"},
            cookies={"sid": "s1"},
            query={"q": "shoes"},
            connectionID=b"\x01\x02",
        )
        for text, value in {
            "clientIP": b"192.0.2.9",
            "path": b"/cart",
            "serverName": b"shop.example",
            "connectionID": b"\x01\x02",
            "header:X-User": b"ann",
            "header:x-user": b"ann",
            "cookie:sid": b"s1",
            "query:q": b"shoes",
        }.items():
            self.assertEqual(compileKey(text)(context), value, text)

    def test_isEmptyWhereTheClientHasNone(self) -> None:
        """Who has no such header, cookie or parameter has no key; it is no error."""
        for text in ("serverName", "path", "connectionID", "header:a", "cookie:a", "query:a"):
            self.assertEqual(compileKey(text)(PlainContext("")), b"", text)

    def test_refusesWhatItDoesNotKnow(self) -> None:
        """A wrong key is told with all that would be right."""
        for text in ("", "clientip", "header", "header:", "path:x", "body:x"):
            with self.assertRaises(ValueError) as caught:
                compileKey(text)
            self.assertEqual(
                str(caught.exception),
                f'unknown key "{text}"; one of clientIP, path, serverName, connectionID, '
                "header:NAME, cookie:NAME, query:NAME",
            )
