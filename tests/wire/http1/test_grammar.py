"""
Authorities and names.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1.grammar import checkAuthority, hostName, isFieldValue, isToken


class GrammarTests(SynchronousTestCase):
    """
    The small rules.
    """

    def test_authorities(self) -> None:
        """
        A host with an optional port passes; an empty port is cut off.
        """
        self.assertEqual(checkAuthority(b"a.example:80"), b"a.example:80")
        self.assertEqual(checkAuthority(b"[::1]:"), b"[::1]")
        for text in (b"", b"a b", b"u@h", b"[::1", b"[1.2.3.4]", b"a:65536", b"a:b", b"\xff"):
            self.assertIsNone(checkAuthority(text), text)

    def test_hostNames(self) -> None:
        """
        Names are compared in lower case, without port, brackets and final dot.
        """
        names = {b"A.Example:80": b"a.example", b"a.": b"a", b"[::A]:1": b"::a", b"[::1]": b"::1"}
        for authority, name in names.items():
            self.assertEqual(hostName(authority), name)

    def test_tokensAndValues(self) -> None:
        """
        No byte that could end a line or a name passes for a part of it.
        """
        for byte in b'\x00\t\r\n "(),/:;<=>?@[\\]{}\x7f\x80\xff':
            self.assertIsNone(isToken(b"a%cb" % byte))
        for byte in b"\x00\x01\x08\n\x0b\x0c\r\x1f\x7f":
            self.assertIsNone(isFieldValue(b"a%cb" % byte))
        self.assertIsNone(isToken(b""))
        self.assertIsNotNone(isFieldValue(b""))
        self.assertIsNotNone(isFieldValue(b"\ta b\xff"))
