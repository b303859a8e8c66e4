"""
What is a server's TLS context made of? One for each certificate, all with the same policy.

The same policy, because OpenSSL takes only the certificate along when SNI switches a connection to
another context: neither the versions, nor the options, nor who is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from OpenSSL import SSL

from lbproxy.net.tls.callbacks import chooseContext, chooseProtocol
from lbproxy.net.tls.certificates import CertificatePair, NameTable
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.profiles import PROFILES, VERSIONS

# Sessions are resumed in one and the same context only (its keys never leave it), so this needs no
# secrecy; without it OpenSSL refuses to resume where clients have certificates.
_SESSION_ID = b"lbproxy"


@dataclass(frozen=True, slots=True)
class ServerPolicy:
    """
    All about a listener's TLS but the certificates. See L{lbproxy.net.tls.server.ServerTLS}.

    @raise ValueError: with a message fit for a user.
    """

    profile: str = "intermediate"
    minVersion: str = "1.2"
    alpn: tuple[bytes, ...] = ()
    clientAuth: ClientAuth | None = None
    sessionTickets: bool = True

    def __post_init__(self) -> None:
        if self.profile not in PROFILES:
            raise ValueError(f'unknown profile "{self.profile}"; one of {", ".join(PROFILES)}')
        if self.minVersion not in VERSIONS:
            raise ValueError(f'"{self.minVersion}" is no minVersion; one of {", ".join(VERSIONS)}')

    def contexts(self, pairs: Sequence[CertificatePair]) -> NameTable[SSL.Context]:
        """
        New contexts, never used: pyOpenSSL forbids to change one after its first connection.
        """
        table = NameTable([(pair.names, self._context(pair)) for pair in pairs])
        chooseContext(table)
        return table

    def _context(self, pair: CertificatePair) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        PROFILES[self.profile].apply(context, self.minVersion)
        # An idle connection costs 22 KiB less (29 instead of 50), a record 0.1 us more.
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        self._setSessions(context)
        if self.alpn:
            chooseProtocol(context, self.alpn)
        if self.clientAuth is not None:
            self.clientAuth.apply(context)
        show(context, pair)
        return context

    def _setSessions(self, context: SSL.Context) -> None:
        context.set_session_id(_SESSION_ID)
        # With tickets the client keeps the session. The cache is for those that know none (Java
        # before 13) and for all when there are none; OpenSSL holds 20480 sessions at most.
        context.set_session_cache_mode(SSL.SESS_CACHE_SERVER)
        if not self.sessionTickets:
            context.set_options(SSL.OP_NO_TICKET)


def show(context: SSL.Context, pair: CertificatePair) -> None:
    """
    Have connections show the certificate.

    @raise ValueError: with a message fit for a user: OpenSSL finds it too weak.
    """
    try:
        context.use_certificate(pair.leaf)
        for certificate in pair.chain:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(pair.key)  # type: ignore[arg-type]
    except (SSL.Error, TypeError) as e:
        reasons = e.args[0] if e.args else ""
        detail = reasons[0][2] if isinstance(reasons, list) and reasons else str(e)
        raise ValueError(f"{pair.certPath}: OpenSSL refuses it: {detail}") from None
