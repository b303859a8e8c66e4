"""
Tests for L{lbproxy.net.tls.servercontext} and L{lbproxy.net.tls.profiles}.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

from lbproxy.net.tls.native import sessionReused
from lbproxy.net.tls.server import ServerTLS
from tests.net.tls.pairs import shakeHands
from tests.net.tls.servercase import ServerCase


class ProfileTests(ServerCase):
    """
    Mozilla's profiles.
    """

    def _versions(self, **options: Any) -> list[str]:
        """
        @return: the versions that clients get in with, by a certificate that SNI switches to.
        """
        server = ServerTLS([self.pair("a.test"), self.pair("b.test")], **options)
        up = []
        for version in (SSL.TLS1_1_VERSION, SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            meeting = self.meet(server, self.client(min=version, max=version), "b.test")
            if meeting.server == "up":
                up.append(meeting.theirs.get_protocol_version_name())
        return up

    def test_versions(self) -> None:
        """
        Intermediate: 1.2 and 1.3. Modern, or C{minVersion}: 1.3 only.
        """
        self.assertEqual(self._versions(), ["TLSv1.2", "TLSv1.3"])
        self.assertEqual(self._versions(minVersion="1.3"), ["TLSv1.3"])
        self.assertEqual(self._versions(profile="modern"), ["TLSv1.3"])
        self.assertEqual(self._versions(profile="modern", minVersion="1.2"), ["TLSv1.3"])

    def test_weakCiphers(self) -> None:
        """
        No cipher without forward secrecy and authentication of its records.
        """
        server = ServerTLS([self.pair("a.test"), self.pair("a.test", kind="rsa")])
        for cipher in (b"AES128-SHA", b"ECDHE-ECDSA-AES128-SHA256", b"AES128-GCM-SHA256"):
            client = self.client(max=SSL.TLS1_2_VERSION, ciphers=cipher)
            self.assertEqual(self.meet(server, client).server, "no shared cipher", cipher)

    def test_theClientsOrderOfCiphers(self) -> None:
        """
        A client without AES in hardware gets the cipher it likes best.
        """
        server = ServerTLS([self.pair("a.test")])
        client = self.client(
            max=SSL.TLS1_2_VERSION,
            ciphers=b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256",
        )
        name = self.meet(server, client).theirs.get_cipher_name()
        self.assertEqual(name, "ECDHE-ECDSA-CHACHA20-POLY1305")

    def test_noRenegotiation(self) -> None:
        """
        A client that asks for another handshake does not get one.
        """
        meeting = self.meet(ServerTLS([self.pair("a.test")]), self.client(max=SSL.TLS1_2_VERSION))
        meeting.ours.renegotiate()
        client, _ = shakeHands(meeting.ours, meeting.theirs)
        self.assertRaises(BlockingIOError, meeting.theirs.recv, 65536)
        client, _ = shakeHands(meeting.ours, meeting.theirs)
        self.assertEqual(client, "no renegotiation")

    def test_unknownWords(self) -> None:
        """
        A profile or version that does not exist is refused, with what there is.
        """
        pair = self.pair("a.test")
        self.assertRaisesRegex(
            ValueError, 'unknown profile "old"; one of inter', ServerTLS, [pair], profile="old"
        )
        self.assertRaisesRegex(ValueError, "1.2, 1.3", ServerTLS, [pair], minVersion="1.1")
        self.assertRaisesRegex(ValueError, "at least one certificate", ServerTLS, [])


class SessionTests(ServerCase):
    """
    Clients that come again.
    """

    def _resumes(self, first: ServerTLS, second: ServerTLS, version: int, name: str = "") -> bool:
        client = self.client(max=version)
        before = self.meet(first, client, name)
        session = before.ours.get_session()
        meeting = self.meet(second, client, name, session)
        self.assertEqual((meeting.client, meeting.server), ("up", "up"))
        return sessionReused(meeting.theirs)

    def test_resumed(self) -> None:
        """
        Sessions are resumed in all versions, by tickets or from the cache, whatever the name.
        """
        for tickets in (True, False):
            pairs = [self.pair("a.test"), self.pair("b.test")]
            server = ServerTLS(pairs, sessionTickets=tickets)
            for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
                for name in ("", "a.test", "b.test"):
                    self.assertTrue(self._resumes(server, server, version, name), (tickets, name))

    def test_notElsewhere(self) -> None:
        """
        One listener's session is worth nothing at another.
        """
        pair = self.pair("a.test")
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            self.assertFalse(self._resumes(ServerTLS([pair]), ServerTLS([pair]), version))

    def test_notAfterReload(self) -> None:
        """
        A forced reload makes new ticket keys, so that old ones cannot be used any more.
        """
        server, client = ServerTLS([self.pair("a.test")]), self.client()
        before = self.meet(server, client)
        self.assertTrue(server.reload(force=True))
        after = self.meet(server, client, session=before.ours.get_session())
        self.assertEqual(after.server, "up")
        self.assertFalse(sessionReused(after.ours))
