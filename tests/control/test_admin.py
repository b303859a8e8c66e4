"""
Tests for L{lbproxy.control.admin}: who may ask, and by which name.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.control.admin import adminSite
from lbproxy.pool.registry import Registry


class NameTests(SynchronousTestCase):
    """
    Without a token only loopback is served; pages in a browser on that machine are kept out.
    """

    def ask(self, path: str, host: str, token: str = "", given: str = "") -> int:
        """
        @return: the status.
        """
        site = adminSite(Registry(), lambda: True, token)
        site.reactor = Clock()
        transport = StringTransport()
        protocol = site.buildProtocol(None)
        assert protocol is not None
        protocol.makeConnection(transport)
        field = f"Authorization: {given}\r\n" if given else ""
        head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n{field}Connection: close\r\n\r\n"
        protocol.dataReceived(head.encode())
        self.answer = transport.value().lower()
        return int(self.answer.split(b" ")[1])

    def test_ownNames(self) -> None:
        """
        Addresses and localhost are nobody else's names.
        """
        for host in ("127.0.0.1:9901", "[::1]:9901", "localhost", "LOCALHOST.:9901", "a.localhost"):
            self.assertEqual(self.ask("/api/pools", host), 200, host)

    def test_otherNames(self) -> None:
        """
        A page whose own name leads to loopback (DNS rebinding) gets nothing.
        """
        for host in ("evil.example:9901", "127.0.0.1.evil.example", "localhost.evil.example", "a"):
            self.assertEqual(self.ask("/api/pools", host), 421, host)

    def test_withAToken(self) -> None:
        """
        Who knows the token may use any name: no page knows it.
        """
        self.assertEqual(self.ask("/api/pools", "lb.example", "secret", "Bearer secret"), 200)
        for given in ("", "Bearer", "Bearer wrong", "secret", "Basic secret", "Bearer secret x"):
            self.assertEqual(self.ask("/api/pools", "lb.example", "secret", given), 401, given)
            self.assertIn(b"\r\nwww-authenticate: bearer\r\n", self.answer)

    def test_health(self) -> None:
        """
        Whether it is well may be asked by anybody and by any name.
        """
        for path in ("/healthz", "/readyz"):
            self.assertEqual(self.ask(path, "lb.example"), 200)
            self.assertEqual(self.ask(path, "lb.example", "secret"), 200)

    def test_nothingElse(self) -> None:
        """
        There is nothing else.
        """
        for path in ("/", "/api/none", "/healthz/x", "/api/../etc/passwd"):
            self.assertEqual(self.ask(path, "localhost"), 404, path)
