"""
Tests for L{lbproxy.l7.templates}: texts with placeholders.
"""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.edit import PLACEHOLDERS as CONFIGURED
from lbproxy.l7.templates import PLACEHOLDERS, Template
from lbproxy.wire.http1.grammar import isFieldValue
from tests.l7.asking import asked, exchangeOf

_KEY = ec.generate_private_key(ec.SECP256R1())


def certificateFor(name: str) -> x509.Certificate:
    """
    A client's certificate, with whatever it wants to be called.
    """
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(_KEY.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(_KEY, hashes.SHA256())
    )


def expand(text: str, line: bytes = b"GET /a%20b?x=1 HTTP/1.1", *fields: bytes) -> bytes:
    return Template(text).expand(exchangeOf(asked(line, *fields)))


class TemplateTests(SynchronousTestCase):
    """
    Placeholders become what they stand for.
    """

    def test_textWithoutPlaceholdersIsFixed(self) -> None:
        """
        What is the same for every request is known before the first one.
        """
        self.assertEqual(Template("max-age=1; ä").fixed, "max-age=1; ä".encode())
        self.assertIsNone(Template("{path}").fixed)

    def test_everyPlaceholder(self) -> None:
        """
        Each stands for its part of the request.
        """
        for text, expected in (
            ("{host}", b"shop.example"),
            ("{path}", b"/a%20b"),
            ("{query}", b"?x=1"),
            ("{clientIP}", b"192.0.2.7"),
            ("{serverName}", b""),
            ("{tls.clientSubject}", b""),
            ("https://{host}{path}{query}#", b"https://shop.example/a%20b?x=1#"),
        ):
            self.assertEqual(expand(text), expected, text)

    def test_hostHasNoPort(self) -> None:
        """
        The host is the name alone, so that a redirect can put another port behind it.
        """
        for host, expected in ((b"a.example:8080", b"a.example"), (b"[::1]:80", b"[::1]")):
            self.assertEqual(expand("{host}", b"GET / HTTP/1.1", b"Host: " + host), expected)

    def test_noQuery(self) -> None:
        """
        The query brings its question mark; without a query there is none, with an empty one there
        is.
        """
        self.assertEqual(expand("{query}", b"GET / HTTP/1.1"), b"")
        self.assertEqual(expand("{query}", b"GET /? HTTP/1.1"), b"?")

    def test_requestIDIsTheOneOfTheLog(self) -> None:
        """
        The ID that a template shows is the one that the backend and the log get.
        """
        exchange = exchangeOf()
        shown = Template("{requestID}").expand(exchange)
        self.assertEqual(shown, exchange.requestID)
        self.assertEqual(shown, exchange.takeRequestID())
        self.assertTrue(shown)

    def test_unknownPlaceholder(self) -> None:
        """
        A placeholder that doesn't exist is refused with a list of those that do.
        """
        error = self.assertRaises(ValueError, Template, "{hots}")
        self.assertIn('"{hots}"', str(error))
        for name in PLACEHOLDERS:
            self.assertIn(f"{{{name}}}", str(error))

    def test_configurationKnowsThem(self) -> None:
        """
        What a configuration may name is what there is.
        """
        self.assertEqual(set(CONFIGURED), set(PLACEHOLDERS))


class InjectionTests(SynchronousTestCase):
    """
    Nothing that a client chooses ends a header line.
    """

    def test_clientSubject(self) -> None:
        """
        A certificate's subject may hold line ends: they are escaped as in RFC 4514.
        """
        exchange = exchangeOf()
        transport: Any = exchange.connection.transport
        transport.peerCertificate = certificateFor("joe\r\nX-Admin: 1")
        text = Template("{tls.clientSubject}").expand(exchange)
        self.assertEqual(text, rb"CN=joe\0D\0AX-Admin: 1")

    def test_serverName(self) -> None:
        """
        What a client asks for by SNI is its own word: what cannot be a name is left out.
        """
        exchange = exchangeOf()
        connection: Any = exchange.connection
        for name, expected in (
            ("a-1.example", b"a-1.example"),
            ("a\r\nX-Admin: 1", b""),
            ("a b", b""),
            ("\ufffd", b""),
        ):
            connection.serverName = name
            self.assertEqual(Template("{serverName}").expand(exchange), expected)

    @given(st.text(min_size=1, max_size=40), st.text(max_size=40))
    def test_whateverTheClientSays(self, subject: str, serverName: str) -> None:
        """
        Whatever a client names itself and whomever it asks for, what comes out fits a header line.
        """
        exchange = exchangeOf()
        connection: Any = exchange.connection
        connection.serverName = serverName
        connection.transport.peerCertificate = _Certificate(subject)
        text = Template("".join(f"{{{name}}}" for name in PLACEHOLDERS)).expand(exchange)
        self.assertTrue(isFieldValue(text), text)


class _Certificate:
    """
    A certificate whose subject reads as the test wants.
    """

    def __init__(self, subject: str) -> None:
        self.subject = self
        self._subject = subject

    def rfc4514_string(self) -> str:
        """
        The subject.
        """
        return self._subject
