"""
Tests for L{lbproxy.assembly.listening}: TLS of listeners, and how they let go of their work.
"""

from __future__ import annotations

import os
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from lbproxy.assembly import listening
from lbproxy.assembly.listening import RelayDrain, SiteDrain, renewing, serverTLS
from lbproxy.assembly.parts import Parts
from lbproxy.config.listener import HTTPListener
from lbproxy.config.load import parseConfiguration
from tests.assembly.support import POOL, Call
from tests.config.certificates import writeCertificates


class Log:
    """
    Keeps what is said.
    """

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def __getattr__(self, level: str) -> Any:
        return lambda form, **values: self.said.append((level, form.format(**values)))


class ServerTLSTests(SynchronousTestCase):
    """
    What a listener's TLS is made with.
    """

    def setUp(self) -> None:
        self.folder = os.path.abspath(self.mktemp())
        os.mkdir(self.folder)
        writeCertificates(self.folder)
        self.made = _Server()
        self.patch(listening, "ServerTLS", self.made)
        self.log = Log()
        self.patch(listening, "_log", self.log)

    def build(self, more: str) -> Any:
        """
        @param more: keys of the listener.
        """
        text = f'listeners: {{x: {{bind: "127.0.0.1:0", protocol: http, pool: web{more}}}}}\n{POOL}'
        configuration = parseConfiguration(text, os.path.join(self.folder, "e.yaml"), {})
        asked = configuration.listeners["x"]
        assert isinstance(asked, HTTPListener)
        return serverTLS(Parts.make(Clock(), configuration), asked)

    def test_none(self) -> None:
        """
        Where none was asked for there is none.
        """
        self.assertIsNone(self.build(""))

    def test_everything(self) -> None:
        """
        Certificates, profile, versions, ALPN, client certificates and deadlines.
        """
        self.build(
            ", tls: {certificates: [{cert: good.pem, key: good.key}], profile: modern, "
            'minVersion: "1.3", alpn: [http/1.1], sessionTickets: false, '
            "clientAuth: {ca: good.pem, mode: request}}, timeouts: {tlsHandshake: 3s}"
        )
        path = os.path.join(self.folder, "good")
        self.assertEqual(self.made.given, ([(f"{path}.pem", f"{path}.key")],))
        named = self.made.named
        self.assertEqual((named["profile"], named["minVersion"]), ("modern", "1.3"))
        self.assertEqual((named["alpn"], named["sessionTickets"]), ([b"http/1.1"], False))
        self.assertEqual(named["handshakeTimeout"], 3.0)
        self.assertEqual(named["clientAuth"].mode, "request")

    def test_noClientAuth(self) -> None:
        """
        Clients aren't asked for certificates unless that was wanted.
        """
        self.build(", tls: {certificates: [{cert: good.pem, key: good.key}]}")
        self.assertIsNone(self.made.named["clientAuth"])

    def test_warnings(self) -> None:
        """
        What is odd about certificates is said.
        """
        self.made.odd = ["expires soon"]
        self.build(", tls: {certificates: [{cert: good.pem, key: good.key}]}")
        self.assertEqual(self.log.said, [("warn", "expires soon")])


class _Server(Call):
    """
    A server's TLS that warns of something.
    """

    odd: list[str] = []

    def warnings(self) -> list[str]:
        """
        What it warns of.
        """
        return self.odd


class RenewingTests(SynchronousTestCase):
    """
    Certificate files that change.
    """

    def renew(self, answer: object) -> list[tuple[str, str]]:
        """
        @return: what is said.
        """
        log = Log()
        self.patch(listening, "_log", log)

        class TLS:
            def reload(self) -> bool:
                if isinstance(answer, Exception):
                    raise answer
                return bool(answer)

        tls: Any = TLS()
        renewing(tls)()
        return log.said

    def test_changed(self) -> None:
        """
        New ones are taken, and it is said; unchanged ones are no news.
        """
        self.assertEqual(self.renew(True), [("info", "certificates reloaded")])
        self.assertEqual(self.renew(False), [])

    def test_bad(self) -> None:
        """
        Bad ones are not taken, and it is said why.
        """
        said = self.renew(ValueError("the key is another's"))
        self.assertEqual(said, [("error", "certificates not reloaded: the key is another's")])


class DrainTests(SynchronousTestCase):
    """
    How work ends.
    """

    def test_relay(self) -> None:
        """
        A relay's connections go on until they end, or are closed in peace.
        """
        story: list[str] = []
        idle: Deferred[None] = Deferred()

        class Relay:
            def whenIdle(self) -> Deferred[None]:
                return idle

            def closeAll(self) -> None:
                story.append("close")

        relay: Any = Relay()
        drain = RelayDrain(relay)
        self.assertIs(drain.drain(), idle)
        drain.abortAll()
        self.assertEqual(story, ["close"])

    def test_site(self) -> None:
        """
        Nobody waits for the admin site.
        """
        drain = SiteDrain(Site(Resource()))
        self.successResultOf(drain.drain())
        drain.abortAll()
