"""
Tests for L{lbproxy.net.tls.callbacks}.
"""

from __future__ import annotations

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.tls import callbacks, native
from lbproxy.net.tls.server import ServerTLS
from tests.net.tls.servercase import ServerCase


class CertificateChoiceTests(ServerCase):
    """
    Clients see the certificate for the name they ask for.
    """

    def setUp(self) -> None:
        super().setUp()
        names = [("first.test",), ("*.shop.test",), ("www.shop.test",)]
        self.server = ServerTLS([self.pair(*each) for each in names], alpn=[b"h2", b"http/1.1"])

    def test_byName(self) -> None:
        """
        Exact before wildcard before the first; so with TLS 1.2 and 1.3.
        """
        for version in (SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION):
            client = self.client(max=version, min=version)
            for name, shown in (
                ("www.shop.test", "www.shop.test"),
                ("a.shop.test", "*.shop.test"),
                ("first.test", "first.test"),
                ("nobody.test", "first.test"),
                ("", "first.test"),
            ):
                self.assertEqual(self.meet(self.server, client, name).shown, (shown,), name)

    def test_oddNames(self) -> None:
        """
        A name that no certificate could have is no reason for trouble.
        """
        for name in ("*", "a" * 250, "a b", "."):
            meeting = self.meet(self.server, name=name)
            self.assertIn(meeting.server, ("up", "bad extension"), name)

    def test_alpnAfterSwitching(self) -> None:
        """
        The listener's protocols are the same for all names.
        """
        client = self.client(alpn=[b"http/1.1", b"h2"])
        for name in ("first.test", "www.shop.test"):
            meeting = self.meet(self.server, client, name)
            self.assertEqual(meeting.ours.get_alpn_proto_negotiated(), b"h2", "the server's order")


class ALPNTests(ServerCase):
    """
    RFC 7301.
    """

    def setUp(self) -> None:
        super().setUp()
        self.server = ServerTLS([self.pair("a.test")], alpn=[b"http/1.1"])

    def test_noneOffered(self) -> None:
        """
        A client that knows nothing of ALPN is welcome.
        """
        meeting = self.meet(self.server)
        self.assertEqual((meeting.client, meeting.server), ("up", "up"))
        self.assertEqual(meeting.theirs.get_alpn_proto_negotiated(), b"")

    def test_nothingInCommon(self) -> None:
        """
        A client that speaks only something else is told so by the alert made for it.
        """
        meeting = self.meet(self.server, self.client(alpn=[b"smtp", b"h3"]))
        self.assertEqual(meeting.server, "no application protocol")
        self.assertEqual(meeting.client, "tlsv1 alert no application protocol")

    def test_oneFailureIsOneConnections(self) -> None:
        """
        The next client hears nothing of a failure before it.
        """
        self.meet(self.server, self.client(alpn=[b"smtp"]))
        meeting = self.meet(self.server, self.client(alpn=[b"http/1.1"]))
        self.assertEqual((meeting.client, meeting.server), ("up", "up"))

    def test_listenerWithoutALPN(self) -> None:
        """
        Without C{alpn} whatever is offered is ignored.
        """
        server = ServerTLS([self.pair("a.test")])
        meeting = self.meet(server, self.client(alpn=[b"smtp"]))
        self.assertEqual(meeting.client, "up")
        self.assertEqual(meeting.ours.get_alpn_proto_negotiated(), b"")

    def test_manyLists(self) -> None:
        """
        Whatever clients offer, in whatever order, the answer is right, and not all is remembered.
        """
        self.patch(callbacks, "_REMEMBERED", 2)
        server = ServerTLS([self.pair("a.test")], alpn=[b"h2", b"http/1.1"])
        for number in (*range(6), *range(6)):
            other = b"x%d" % number
            wanted = (b"h2", b"http/1.1")[number % 2]
            meeting = self.meet(server, self.client(alpn=[other, wanted]))
            self.assertEqual(meeting.ours.get_alpn_proto_negotiated(), wanted)


class PortableCertificateChoiceTests(CertificateChoiceTests):
    """
    The same by pyOpenSSL's public methods.
    """

    def setUp(self) -> None:
        self.patch(native, "HAS_CALLBACKS", False)
        super().setUp()


class PortableALPNTests(ALPNTests):
    """
    The same by pyOpenSSL's public methods.
    """

    def setUp(self) -> None:
        self.patch(native, "HAS_CALLBACKS", False)
        super().setUp()


class NativeTests(SynchronousTestCase):
    """
    Which of the two is used.
    """

    def test_theQuickOnes(self) -> None:
        """
        The quick ways are taken where they can be.
        """
        self.assertTrue(native.HAS_CALLBACKS)
        self.assertTrue(native.HAS_DIRECT)
