"""
Tests for L{lbproxy.net.tls.verify}: the decision; the handshakes are in C{test_client.py}.
"""

from __future__ import annotations

from typing import cast

from OpenSSL import SSL, crypto
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.tls.verify import Verification, nameMismatch, peerName, verifyPeer
from tests.net.tls.pairs import AUTHORITY


class NameMismatchTests(SynchronousTestCase):
    """
    A certificate is for a name, or the user is told what it is for.
    """

    def _mismatch(self, names: tuple[str, ...], wanted: str, commonName: str = "x") -> str:
        return nameMismatch(AUTHORITY.issue(*names, commonName=commonName).certificate, wanted)

    def test_goodOnes(self) -> None:
        """
        The exact name, a wildcard for one label, and addresses are accepted.
        """
        for names, wanted in (
            (("a.test",), "a.test"),
            (("b.test", "A.test"), "a.test"),
            (("*.shop.test",), "www.shop.test"),
            (("10.0.0.1",), "10.0.0.1"),
            (("2001:db8::1",), "2001:db8::1"),
            (("xn--mnchen-3ya.test",), "xn--mnchen-3ya.test"),
        ):
            self.assertEqual(self._mismatch(names, wanted), "", (names, wanted))

    def test_badOnes(self) -> None:
        """
        Whatever is not exactly right is refused: no name but the common one, wildcards that are too
        wide, other kinds of names, another name.
        """
        for names, wanted in (
            ((), "a.test"),
            (("*",), "a.test"),
            (("*.test",), "a.test"),
            (("*.*.test",), "a.b.test"),
            (("*.*.test",), "a.test"),
            (("www.*.test",), "www.b.test"),
            (("w*.shop.test",), "www.shop.test"),
            (("a@a.test",), "a.test"),
            (("https://a.test/",), "a.test"),
            (("b.test",), "a.test"),
            (("*.shop.test",), "shop.test"),
            (("*.shop.test",), "a.b.shop.test"),
            (("10.0.0.2",), "10.0.0.1"),
            (("a.test",), "10.0.0.1"),
            (("10.0.0.1",), "a.test"),
            (("*.0.0.1",), "10.0.0.1"),
            (("a.test",), ""),
        ):
            reason = self._mismatch(names, wanted, commonName=wanted or "x")
            self.assertNotEqual(reason, "", (names, wanted))

    def test_goodNameBesideAnOddOne(self) -> None:
        """
        One wildcard that nobody should have signed makes the whole certificate suspect.
        """
        self.assertIn("cannot be for a.test", self._mismatch(("a.test", "*"), "a.test"))

    def test_saysWhatItIsFor(self) -> None:
        """
        The reason names both sides, and nothing that could break a log's line.
        """
        self.assertEqual(
            self._mismatch(("a.test", "b\n.test", "10.0.0.1"), "c.test"),
            "its certificate is for a.test, b?.test, 10.0.0.1, not for c.test",
        )


class PeerNameTests(SynchronousTestCase):
    """
    Names as people write them.
    """

    def test_forms(self) -> None:
        """
        Case, a dot at the end, brackets, zones and umlauts are taken care of.
        """
        for written, wanted in (
            ("Shop.TEST.", "shop.test"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("10.0.0.1", "10.0.0.1"),
            ("M\xfcnchen.test", "xn--mnchen-3ya.test"),
        ):
            self.assertEqual(peerName(written), wanted)

    def test_noName(self) -> None:
        """
        What can't be a name is refused.
        """
        self.assertRaises(ValueError, peerName, "\xfc" * 80 + ".test")


class VerificationTests(SynchronousTestCase):
    """
    Only a chain that OpenSSL likes and a leaf of the right name pass.
    """

    def setUp(self) -> None:
        self.leaf = self._asX509("a.test")
        self.verification = Verification("a.test")

    def _asX509(self, *names: str) -> crypto.X509:
        return crypto.X509.from_cryptography(AUTHORITY.issue(*names).certificate)

    def test_passes(self) -> None:
        """
        Root and leaf good: passed.
        """
        self.assertTrue(self.verification.look(self.leaf, 0, 1, 1))
        self.assertFalse(self.verification.passed, "the leaf was not seen yet")
        self.assertTrue(self.verification.look(self.leaf, 0, 0, 1))
        self.assertTrue(self.verification.passed)

    def test_whatOpenSSLRefusesIsRefused(self) -> None:
        """
        Each of OpenSSL's errors means no, and has a reason in words.
        """
        codes = SSL.X509VerificationCodes
        for name, code in vars(codes).items():
            if name.startswith("ERR_"):
                self.assertFalse(self.verification.look(self.leaf, code, 0, 0), name)
                self.assertNotIn(f"error {code}", self.verification.reason)
        self.assertFalse(self.verification.look(self.leaf, 9999, 2, 0))
        self.assertIn("error 9999 (number 2 of its chain)", self.verification.reason)

    def test_errorBeatsOK(self) -> None:
        """
        An error that OpenSSL reports along with a yes counts.
        """
        code = SSL.X509VerificationCodes.ERR_CERT_HAS_EXPIRED
        self.assertFalse(self.verification.look(self.leaf, code, 0, 1))
        self.assertFalse(self.verification.passed)

    def test_laterTroubleTakesItBack(self) -> None:
        """
        What passed does not stay passed when something is wrong afterwards.
        """
        self.verification.look(self.leaf, 0, 0, 1)
        self.verification.look(self.leaf, 20, 1, 0)
        self.assertFalse(self.verification.passed)

    def test_anyExceptionMeansNo(self) -> None:
        """
        A failure of the check itself is a no: no data to check against, an unreadable certificate.
        """

        class Connection:
            def __init__(self, verification: object) -> None:
                self.verification = verification

        broken = cast(crypto.X509, object())
        for verification in (None, object(), Verification("a.test")):
            connection = cast(SSL.Connection, Connection(verification))
            self.assertIs(verifyPeer(connection, broken, 0, 0, 1), False)
