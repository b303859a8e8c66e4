"""
Tests for L{lbproxy.net.tls.clientauth}.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.native import sessionReused
from lbproxy.net.tls.server import ServerTLS
from tests.certs import Leaf, writeFile
from tests.net.tls.pairs import AUTHORITY, STRANGER
from tests.net.tls.servercase import ServerCase


class ClientAuthTests(ServerCase):
    """
    Clients with certificates.
    """

    def _server(self, **options: Any) -> ServerTLS:
        pairs = [self.pair("first.test"), self.pair("second.test")]
        return ServerTLS(pairs, clientAuth=ClientAuth(self.ca, **options))

    def _answers(self, server: ServerTLS, leaf: Leaf | None) -> set[str]:
        """
        What the server thinks of a client, by either name and version.
        """
        return {
            self.meet(server, self.client(leaf=leaf, max=version), name).server
            for name in ("first.test", "second.test", "")
            for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION)
        }

    def test_required(self) -> None:
        """
        Nobody comes in without a certificate of the right authority, whatever name he asks for.
        """
        server = self._server()
        self.assertEqual(self._answers(server, AUTHORITY.issue(client=True)), {"up"})
        nobody = {"peer did not return a certificate"}
        self.assertEqual(self._answers(server, None), nobody)
        refused = {"certificate verify failed"}
        for bad in (
            STRANGER.issue(client=True),
            AUTHORITY.issue(client=True, days=(-3, -1)),
            AUTHORITY.issue("a.test"),
        ):
            self.assertEqual(self._answers(server, bad), refused)

    def test_requested(self) -> None:
        """
        Who has no certificate may come in, who has a bad one may not.
        """
        server = self._server(mode="request")
        self.assertEqual(self._answers(server, None), {"up"})
        self.assertEqual(self._answers(server, AUTHORITY.issue(client=True)), {"up"})
        self.assertEqual(
            self._answers(server, STRANGER.issue(client=True)), {"certificate verify failed"}
        )

    def test_revoked(self) -> None:
        """
        Who is on the list stays out.
        """
        good, bad = AUTHORITY.issue(client=True), AUTHORITY.issue(client=True)
        server = self._server(crl=writeFile(self.folder, "crl", AUTHORITY.revoke([bad])))
        self.assertEqual(self._answers(server, good), {"up"})
        self.assertEqual(self._answers(server, bad), {"certificate verify failed"})

    def test_noListForTheAuthority(self) -> None:
        """
        When it cannot be known whether a client is revoked, he is.
        """
        server = self._server(crl=writeFile(self.folder, "crl", STRANGER.revoke([])))
        good = AUTHORITY.issue(client=True)
        self.assertEqual(self._answers(server, good), {"certificate verify failed"})

    def test_authoritiesAreNamed(self) -> None:
        """
        Browsers are told which of their certificates to show.
        """
        meeting = self.meet(self._server(mode="request"))
        [name] = meeting.ours.get_client_ca_list(as_cryptography=True)
        self.assertEqual(name, AUTHORITY.name)

    def test_resumedClientIsStillKnown(self) -> None:
        """
        After resumption the client's certificate is there as before.
        """
        server, leaf = self._server(), AUTHORITY.issue(client=True)
        client = self.client(leaf=leaf)
        before = self.meet(server, client)
        meeting = self.meet(server, client, session=before.ours.get_session())
        self.assertTrue(sessionReused(meeting.ours))
        shown = meeting.theirs.get_peer_certificate(as_cryptography=True)
        self.assertEqual(shown, leaf.certificate)

    def test_sessionsAreShort(self) -> None:
        """
        Who resumes is not verified again, so nobody may do it for long.
        """
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        ClientAuth(self.ca).apply(context)
        self.assertEqual(context.get_timeout(), 300)

    def test_badSettings(self) -> None:
        """
        What is wrong with mode or files is said at once.
        """
        self.assertRaisesRegex(ValueError, '"maybe" is no mode', ClientAuth, self.ca, "maybe")
        pair = self.pair("a.test")
        for auth in (ClientAuth(self.ca + "x"), ClientAuth(self.ca, crl=self.ca)):
            self.assertRaises(ValueError, ServerTLS, [pair], clientAuth=auth)
