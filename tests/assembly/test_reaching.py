"""
Tests for L{lbproxy.assembly.reaching}: how a pool's backends are reached.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import reaching
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.assembly.reaching import clientTLS, dialer, httpDialer
from lbproxy.l4.tcpcontext import TCPContext
from lbproxy.l7.client import HTTPClientProtocol
from tests.assembly.support import Call, partsFor
from tests.config.certificates import writeCertificates
from tests.l7.doubles import GET, Stage


class ReachingCase(SynchronousTestCase):
    """
    A pool from YAML.
    """

    def play(self, pool: str) -> tuple[Parts, Any]:
        """
        @param pool: keys of the pool.
        @return: the parts, and the pool's configuration.
        """
        comma = ", " if pool else ""
        parts = partsFor(f'pools: {{web: {{{pool}{comma}backends: ["192.0.2.1:80"]}}}}')
        buildPools(parts)
        return parts, parts.configuration.pools["web"]


class TLSTests(ReachingCase):
    """
    TLS to backends.
    """

    def test_none(self) -> None:
        """
        Where none was asked for there is none.
        """
        self.assertIsNone(clientTLS(*self.play("")))

    def test_everything(self) -> None:
        """
        Whom to trust, by which name, and who we are.
        """
        folder = os.path.abspath(self.mktemp())
        os.mkdir(folder)
        writeCertificates(folder)
        made = Call()
        self.patch(reaching, "ClientTLS", made)
        parts, asked = self.play(
            f"tls: {{serverName: a.example, ca: {folder}/good.pem, cert: {folder}/good.pem, "
            f"key: {folder}/good.key}}"
        )
        clientTLS(parts, asked, (b"h2",))
        named = made.named
        self.assertEqual((named["serverName"], named["verify"]), ("a.example", True))
        paths = [os.path.basename(named[key]) for key in ("ca", "cert", "key")]
        self.assertEqual(paths, ["good.pem", "good.pem", "good.key"])
        self.assertEqual(named["alpn"], (b"h2",))
        self.assertIs(named["deadlines"], parts.deadlines)

    def test_unverified(self) -> None:
        """
        Only who says so goes without.
        """
        made = Call()
        self.patch(reaching, "ClientTLS", made)
        clientTLS(*self.play("tls: {verify: false}"))
        self.assertFalse(made.named["verify"])


class DialerTests(ReachingCase):
    """
    Dialing.
    """

    def setUp(self) -> None:
        self.made = Call()
        self.patch(reaching, "BackendDialer", self.made)

    def test_plain(self) -> None:
        """
        Unless asked for: no TLS, no header, our own address.
        """
        parts, asked = self.play("")
        dialer(parts, asked, 3.0)
        self.assertEqual(self.made.given, (parts.reactor, parts.deadlines, 3.0))
        self.assertEqual(self.made.named, {"tls": None, "sendProxy": None, "transparent": False})

    def test_introduced(self) -> None:
        """
        A PROXY header of the wanted version, and the client's address.
        """
        for version in ("v1", "v2"):
            parts, asked = self.play(f"sendProxyProtocol: {version}")
            dialer(parts, asked, 3.0, transparent=True)
            self.assertEqual(self.made.named["sendProxy"], version)
            self.assertTrue(self.made.named["transparent"])

    def reached(self, pool: str) -> Any:
        """
        @return: about whom a dial for an exchange is.
        """
        parts, asked = self.play(pool)
        reach = httpDialer(parts, asked)
        self.assertEqual(self.made.given[2], asked.timeouts.connect)
        stage = Stage()
        protocol, wire = stage.connect()
        wire.isSecure, wire.serverName = False, ""  # type: ignore[attr-defined]
        protocol.dataReceived(GET)
        dialed = stage.dials[0]
        client: HTTPClientProtocol = dialed.protocol
        reach(dialed.backend, client)
        backend, given, about = self.made.given
        self.assertEqual((backend, given), (dialed.backend, client))
        return about

    def test_exchanges(self) -> None:
        """
        A connection that any client's requests may use is about nobody; one with a PROXY header is
        about its client.
        """
        self.assertIsNone(self.reached("timeouts: {connect: 7s}"))
        self.assertIsInstance(self.reached("sendProxyProtocol: v2"), TCPContext)
