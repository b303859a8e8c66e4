"""
Tests for L{lbproxy.config.tls}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.listener import HTTPListener, TCPListener
from lbproxy.config.tls import DEFAULT_ALPN, BackendTLS, ListenerTLS
from tests.config.support import built, faults

PAIR = {"cert": "/a.pem", "key": "/a.key"}


def tls(**keys: Any) -> ListenerTLS:
    """
    @return: the C{tls} of an http listener.
    """
    made = built({"tls": {"certificates": PAIR, **keys}}).listeners["edge"]
    assert isinstance(made, HTTPListener) and made.tls is not None
    return made.tls


class ListenerTLSTests(SynchronousTestCase):
    """
    L{ListenerTLS}.
    """

    def test_defaults(self) -> None:
        """
        The intermediate profile from TLS 1.2 on, with tickets.
        """
        made = tls()
        self.assertEqual((made.profile, made.minVersion), ("intermediate", "1.2"))
        self.assertEqual((made.sessionTickets, made.clientAuth), (True, None))
        self.assertEqual([pair.cert for pair in made.certificates], ["/a.pem"])

    def test_modernMeansTLS13(self) -> None:
        """
        The modern profile raises the version by itself, and refuses an older one.
        """
        self.assertEqual(tls(profile="modern").minVersion, "1.3")
        keys = {"certificates": PAIR, "profile": "modern", "minVersion": "1.2"}
        self.assertIn("speaks TLS 1.3 only", faults({"tls": keys})[0])

    def test_alpn(self) -> None:
        """
        http listeners offer what lbproxy speaks, tcp listeners nothing unless told.
        """
        self.assertEqual(tls().alpn, DEFAULT_ALPN)
        self.assertIn("http/1.1", DEFAULT_ALPN)
        made = built({"protocol": "tcp", "tls": {"certificates": PAIR}}).listeners["edge"]
        assert isinstance(made, TCPListener) and made.tls is not None
        self.assertEqual(made.tls.alpn, ())

    def test_someCertificateIsNeeded(self) -> None:
        """
        From files or by ACME.
        """
        self.assertEqual(faults({"tls": {}}), ["no certificate; wanted certificates or acme"])
        acme = {"directory": "https://a/d", "domains": "a.example", "storage": "acme"}
        self.assertEqual(faults({"tls": {"acme": acme}}), [])

    def test_clientAuth(self) -> None:
        """
        Clients must show a certificate unless it is only requested.
        """
        auth = tls(clientAuth={"ca": "/ca.pem"}).clientAuth
        assert auth is not None
        self.assertEqual((auth.mode, auth.ca, auth.crl), ("require", "/ca.pem", ""))


class BackendTLSTests(SynchronousTestCase):
    """
    L{BackendTLS}.
    """

    def test_switches(self) -> None:
        """
        C{true} is TLS with all defaults, which verify; C{false} is plain.
        """
        self.assertEqual(built(tls=True).pools["web"].tls, BackendTLS())
        self.assertTrue(BackendTLS().verify)
        self.assertIsNone(built(tls=False).pools["web"].tls)

    def test_certificateAndKeyGoTogether(self) -> None:
        """
        Half a pair is a mistake.
        """
        for half in ({"cert": "/a"}, {"key": "/a"}):
            self.assertIn("cert and key go together", faults(None, tls=half)[0])
