"""
Promises of L{lbproxy.health.tls}.
"""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.health.conversation import ProbeFailed
from lbproxy.health.tls import CertificateInspector
from tests.health.doubles import LogLines, aBackend

DAY = 86400.0


class FakeTransport:
    """
    A connection on which a certificate was seen that ends at day 100.
    """

    class peerCertificate:
        serial_number = 7
        not_valid_after_utc = datetime.fromtimestamp(100 * DAY, UTC)


class CertificateInspectorTests(SynchronousTestCase):
    """
    Certificates that end.
    """

    def setUp(self) -> None:
        self.now = 0.0
        self.log = LogLines(self)
        self.inspector = CertificateInspector(2 * DAY, 10 * DAY, lambda: self.now)

    def inspect(self, day: float, name: str = "b2") -> str:
        """
        What is wrong with the certificate on that day.
        """
        self.now = day * DAY
        try:
            self.inspector(aBackend(name=name), FakeTransport())
        except ProbeFailed as failed:
            return failed.reason
        return ""

    def test_saysNothingInTime(self) -> None:
        """
        A certificate with time left is good.
        """
        self.assertEqual((self.inspect(89), self.log.lines), ("", []))

    def test_warnsOnceADay(self) -> None:
        """
        Soon enough for somebody to act, and not at each check, nor for each backend that has it.
        """
        for day in (90, 90.5, 91):
            self.assertEqual(self.inspect(day), "")
        self.assertEqual(self.inspect(91.1, "b3"), "")
        self.assertEqual(
            self.log.lines,
            [
                "backend web/b2: the certificate expires in 10 days",
                "backend web/b2: the certificate expires in 9 days",
            ],
        )

    def test_failsBeforeTheEnd(self) -> None:
        """
        When it is so wanted a certificate is refused while it is valid.
        """
        self.assertEqual(self.inspect(98.5), "the certificate expires in 1 day")
        self.assertEqual(self.inspect(101), "the certificate has expired")

    def test_failsWithoutACertificate(self) -> None:
        """
        A connection without TLS has none.
        """
        error = self.assertRaises(ProbeFailed, self.inspector, aBackend(), object())
        self.assertEqual(error.reason, "no certificate")
