"""
Tests for L{lbproxy.config.filechecks} and L{lbproxy.config.pem}.
"""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import pem, unsupported
from lbproxy.config.load import parseConfiguration
from lbproxy.errors import ConfigError
from tests.config.certificates import writeCertificates
from tests.config.support import LISTENER, POOL


class FileCheckTests(SynchronousTestCase):
    """
    Files that a configuration names.
    """

    def setUp(self) -> None:
        self.patch(unsupported, "UNSUPPORTED", ())
        self.folder = os.path.abspath(self.mktemp())
        os.makedirs(self.folder)
        writeCertificates(self.folder)

    def said(self, listener: str = "", pool: str = "") -> list[str]:
        """
        @return: what is wrong, without the folder's name.
        """
        text = LISTENER.replace("{", f"{{{listener}") + POOL.replace("{", f"{{{pool}")
        try:
            parseConfiguration(text, os.path.join(self.folder, "e.yaml"), {})
        except ConfigError as error:
            return [
                f"{problem.key}: {problem.message}".replace(self.folder + "/", "")
                for problem in error.problems
            ]
        return []

    def pair(self, cert: str, key: str) -> list[str]:
        return self.said(f"tls: {{certificates: {{cert: {cert}, key: {key}}}}}, ")

    def test_aPairThatFits(self) -> None:
        """
        A chain with its leaf first and the leaf's key, on listeners and towards backends.
        """
        self.assertEqual(self.pair("good.pem", "good.key"), [])
        self.assertEqual(self.said(pool="tls: {cert: good.pem, key: good.key, ca: good.pem}, "), [])

    def test_aPairThatDoesNot(self) -> None:
        """
        A stranger's key, a chain in the wrong order, a key that needs a passphrase.
        """
        for cert, key, message in (
            ("good.pem", "other.key", 'key: "other.key" does not belong to "good.pem"'),
            ("reversed.pem", "good.key", 'cert: "reversed.pem" does not begin with the leaf'),
            ("good.pem", "encrypted.key", 'key: "encrypted.key" is encrypted'),
            ("good.key", "good.key", 'cert: "good.key" holds no certificate'),
            ("good.pem", "good.pem", 'key: "good.pem" holds no private key'),
            ("none.pem", "good.key", 'cert: "none.pem" cannot be read: No such file'),
        ):
            (line,) = self.pair(cert, key)
            self.assertIn(f"listeners.edge.tls.certificates.{message}", line)

    def test_clientAuthorities(self) -> None:
        """
        Authorities and revocation lists are read, too.
        """
        pair, auth = "{cert: good.pem, key: good.key}", "{ca: good.key, crl: good.pem}"
        self.assertEqual(
            self.said(f"tls: {{certificates: {pair}, clientAuth: {auth}}}, "),
            [
                'listeners.edge.tls.clientAuth.ca: "good.key" holds no certificate '
                "that can be read; wanted PEM",
                'listeners.edge.tls.clientAuth.crl: "good.pem" holds no revocation list; '
                "wanted PEM",
            ],
        )

    def test_pagesAndPasswords(self) -> None:
        """
        Error pages, htpasswd files and files of backends must be there.
        """
        listener = LISTENER.replace(
            "pool: web",
            "errorPages: {'503': a.html}, routes: [{pool: web, auth: {basic: {file: htpasswd}}}]",
        )
        text = listener + POOL.replace("{", "{discover: {file: b.yaml}, ")
        error = self.assertRaises(
            ConfigError, parseConfiguration, text, self.folder + "/e.yaml", {}
        )
        self.assertEqual(
            [problem.key for problem in error.problems],
            [
                "listeners.edge.errorPages.503",
                "listeners.edge.routes[0].auth.basic.file",
                "pools.web.discover.file",
            ],
        )

    def test_logs(self) -> None:
        """
        A log's folder exists; a folder is no log; what is off is not looked at.
        """
        self.assertEqual(self.said("accessLog: {file: a.log}, "), [])
        self.assertIn("there is no folder", self.said("accessLog: {file: x/a.log}, ")[0])
        self.assertIn("is a folder", self.said("accessLog: {file: .}, ")[0])
        self.assertEqual(self.said("accessLog: {file: x/a.log, format: off}, "), [])

    def test_whatIsNoFileDoesNotHang(self) -> None:
        """
        Pipes, sockets and folders are refused at once.
        """
        os.mkfifo(os.path.join(self.folder, "pipe"))
        with socket.socket(socket.AF_UNIX) as sock:
            path = os.path.relpath(os.path.join(self.folder, "s"))
            sock.bind(path)
            for name in ("pipe", "s", ".", "/dev/null"):
                (line,) = self.pair("good.pem", name)
                self.assertRegex(line, "is not a regular file|cannot be read")

    def test_whatIsTooLarge(self) -> None:
        """
        A file that no certificate needs is not read into memory.
        """
        self.patch(pem, "_LARGEST", 10)
        self.assertIn("is too large", self.pair("good.pem", "good.key")[0])
