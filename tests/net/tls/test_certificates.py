"""
Tests for L{lbproxy.net.tls.certificates}.
"""

from __future__ import annotations

import os

from cryptography.hazmat.primitives.serialization import Encoding

from lbproxy.net.tls.certificates import (
    NameTable,
    checkPair,
    loadPair,
    loadRevocationLists,
)
from tests.certs import Authority, keyPEM, makeKey, writeFile
from tests.net.tls.pairs import AUTHORITY, TLSTestCase


class LoadPairTests(TLSTestCase):
    """
    A certificate and its key are read, or the user is told what is wrong with which file.
    """

    def _message(self, cert: str, key: str) -> str:
        error = self.assertRaises(ValueError, checkPair, cert, key)
        return str(error).replace(self.folder + os.sep, "")

    def test_readsNamesOfTheLeaf(self) -> None:
        """
        A certificate is shown for the DNS names it has, in lower case.
        """
        pair = loadPair(*self.pair("Shop.Test", "*.SHOP.test.", "10.0.0.1", "a@b.test"))
        self.assertEqual(pair.names, ("shop.test", "*.shop.test"))

    def test_keepsTheChain(self) -> None:
        """
        What follows the leaf in the file is sent to clients as well.
        """
        between = Authority("Between", parent=AUTHORITY)
        pair = loadPair(*self.write(between.issue("a.test")))
        self.assertEqual(pair.chain, (between.certificate,))

    def test_commonNameIsNoName(self) -> None:
        """
        A name that stands only in the subject counts for nothing.
        """
        self.assertEqual(loadPair(*self.pair(commonName="a.test")).names, ())

    def test_missingFile(self) -> None:
        """
        A missing file is named.
        """
        cert, key = self.pair("a.test")
        self.assertEqual(self._message(cert + "x", key), "leaf1.pemx: no such file")
        self.assertEqual(self._message(cert, key + "x"), "leaf1.keyx: no such file")

    def test_unreadableFile(self) -> None:
        """
        A folder in a file's place is named as one.
        """
        self.assertEqual(self._message(self.folder, self.folder), f"{self.folder}: is a directory")

    def test_notPEM(self) -> None:
        """
        Something else than PEM is refused, be it DER, empty, or the other of the two files.
        """
        cert, key = self.pair("a.test")
        der = writeFile(self.folder, "der", AUTHORITY.certificate.public_bytes(Encoding.DER))
        empty = writeFile(self.folder, "empty", b"")
        for wrong in (der, empty, key):
            self.assertIn("no PEM certificate in it", self._message(wrong, key))
        for wrong in (der, empty, cert):
            self.assertIn("no PEM private key in it", self._message(cert, wrong))

    def test_hugeFile(self) -> None:
        """
        A file that is no certificate for its sheer size is not read into memory.
        """
        huge = os.path.join(self.folder, "huge")
        with open(huge, "wb") as out:
            out.truncate(1 << 30)
        self.assertIn("too large", self._message(huge, huge))

    def test_keyOfAnother(self) -> None:
        """
        A key that belongs to another certificate is refused.
        """
        cert, _ = self.pair("a.test")
        _, key = self.pair("b.test")
        self.assertEqual(
            self._message(cert, key).replace(self.folder, ""),
            "leaf2.key: does not match the certificate in leaf1.pem",
        )

    def test_chainInTheWrongOrder(self) -> None:
        """
        The usual mistake, the authority first, is called by its name.
        """
        leaf = AUTHORITY.issue("a.test")
        cert = writeFile(self.folder, "c", AUTHORITY.certificatePEM + leaf.certificatePEM)
        key = writeFile(self.folder, "k", leaf.keyPEM)
        self.assertEqual(self._message(cert, key), "c: the certificate of k must come first")

    def test_keyWithPassword(self) -> None:
        """
        A protected key is refused with the reason.
        """
        cert, _ = self.pair("a.test")
        key = writeFile(self.folder, "k", keyPEM(makeKey(), b"secret"))
        self.assertIn("k: is protected by a password", self._message(cert, key))

    def test_warnings(self) -> None:
        """
        What can be served, but hardly is what was meant, is a warning.
        """
        for kind, wanted in (
            ({"days": (-3, -1)}, ": expired on "),
            ({"days": (1, 3)}, ": not valid before "),
        ):
            [warning] = checkPair(*self.pair("a.test", **kind))
            self.assertIn(wanted, warning)
        [warning] = checkPair(*self.pair())
        self.assertIn("is for nobody", warning)
        self.assertEqual(checkPair(*self.pair("a.test")), [])

    def test_reprHidesTheKey(self) -> None:
        """
        A pair in a log does not show its key.
        """
        self.assertNotIn("key=", repr(loadPair(*self.pair("a.test"))))


class LoadRevocationListsTests(TLSTestCase):
    """
    A file of revocation lists, one for each authority.
    """

    def test_several(self) -> None:
        """
        All lists of a file are read, whatever stands between them.
        """
        between = Authority("Between", parent=AUTHORITY)
        data = AUTHORITY.revoke([]) + b"\n# and\n" + between.revoke([])
        found = loadRevocationLists(writeFile(self.folder, "crl", data))
        self.assertEqual([crl.issuer for crl in found], [AUTHORITY.name, between.name])

    def test_nothingOfTheKind(self) -> None:
        """
        A file without a list, or with a broken one, is refused.
        """
        broken = AUTHORITY.revoke([]).replace(b"M", b"?")
        for data in (b"", AUTHORITY.certificatePEM, broken):
            path = writeFile(self.folder, "crl", data)
            error = self.assertRaises(ValueError, loadRevocationLists, path)
            self.assertIn("crl: no PEM revocation list", str(error))


class NameTableTests(TLSTestCase):
    """
    The name a client asks for decides.
    """

    def setUp(self) -> None:
        super().setUp()
        self.table = NameTable(
            [
                (("first.test",), 1),
                (("*.shop.test",), 2),
                (("www.shop.test", "*.a.shop.test"), 3),
                (("www.shop.test", "*.shop.test"), 4),
            ]
        )

    def test_exactBeforeWildcard(self) -> None:
        """
        The exact name counts more than a wildcard listed before it.
        """
        self.assertEqual(self.table.find("www.shop.test"), 3)

    def test_wildcardForOneLabel(self) -> None:
        """
        A wildcard stands for one label, no more and no less.
        """
        self.assertEqual(self.table.find("x.shop.test"), 2)
        self.assertEqual(self.table.find("x.a.shop.test"), 3)
        for name in ("shop.test", "x.y.shop.test", ".shop.test"):
            self.assertEqual(self.table.find(name), 1, name)

    def test_otherwiseTheFirst(self) -> None:
        """
        Whoever asks for an unknown name or for none sees the first certificate.
        """
        for name in ("", "nobody.test", "*", "\N{REPLACEMENT CHARACTER}"):
            self.assertEqual(self.table.find(name), 1)

    def test_caseAndDot(self) -> None:
        """
        Case and a dot at the end make no difference.
        """
        self.assertEqual(self.table.find("WWW.shop.TEST."), 3)
