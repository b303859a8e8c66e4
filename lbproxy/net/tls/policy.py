"""
How do treq and Twisted's Agent verify whom they talk to? As strictly as the rest of us.
"""

from __future__ import annotations

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from lbproxy.net.tls.client import clientContext, prepareClient
from lbproxy.net.tls.verify import Verification, peerName


class PeerRefused(SSL.Error):
    """
    The certificate is not good enough; C{reason} says why.
    """

    def __init__(self, reason: str) -> None:
        # Twisted looks into what OpenSSL has queued up, in this form.
        super().__init__([("certificate", "", reason)])
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@implementer(IPolicyForHTTPS)
class StrictPolicyForHTTPS:
    """
    For C{Agent(reactor, StrictPolicyForHTTPS(ca=...))}, which treq takes as C{agent}.
    """

    def __init__(self, *, ca: str = "", verify: bool = True, cert: str = "", key: str = "") -> None:
        """
        @param ca: path of a PEM file with who is trusted; C{""}: the system's.
        @param verify: L{False}: anybody will do.
        @param cert: path of our own certificate, C{key} belongs to it.
        @raise ValueError: with a message fit for a user.
        """
        self._verify = verify
        self._context = clientContext(ca, verify, cert, key)

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        """
        For one server.
        """
        return StrictCreator(self._context, peerName(hostname.decode("ascii")), self._verify)


@implementer(IOpenSSLClientConnectionCreator)
class StrictCreator:
    """
    Makes connections to one server; also for C{connectSSL}, C{startTLS} and C{wrapClientTLS}.
    """

    def __init__(self, context: SSL.Context, name: str, verify: bool = True) -> None:
        """
        @param context: from L{clientContext}, with the same C{verify}.
        """
        self._context = context
        self._name = name
        self._verify = verify

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        For Twisted.
        """
        connection = _StrictConnection(self._context, None)
        if self._verify:
            connection.verification = Verification(self._name)
        prepareClient(connection, self._name)
        return connection


class _StrictConnection(SSL.Connection):
    """
    Whose handshake does not succeed unless the peer was verified.
    """

    verification: Verification | None = None

    def do_handshake(self) -> None:
        verification = self.verification
        try:
            super().do_handshake()
        except SSL.WantReadError:
            raise
        except SSL.Error:
            if verification is not None and verification.reason:
                raise PeerRefused(verification.reason) from None
            raise
        if verification is not None and not verification.passed:
            raise PeerRefused(verification.reason or "the peer was not verified")
