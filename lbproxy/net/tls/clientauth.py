"""
Who may be a client? Client certificates, asked for or required.
"""

from __future__ import annotations

from dataclasses import dataclass

from OpenSSL import SSL
from OpenSSL.crypto import X509StoreFlags

from lbproxy.net.tls.certificates import loadRevocationLists
from lbproxy.net.tls.verify import trust

# Seconds. A resumed session is not verified again: an expired client gets in no longer than this.
_SESSION_TIMEOUT = 300

MODES = ("request", "require")


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """
    Clients show a certificate of one of the authorities in the file C{ca}.

    C{mode} C{"require"}: nobody without one. C{"request"}: who has none may come too, but a bad one
    is refused. C{crl} is a PEM file with one revocation list for each authority of the chain;
    C{""}: nobody is revoked.
    """

    ca: str
    mode: str = "require"
    crl: str = ""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f'"{self.mode}" is no mode of client authentication; one of {MODES}')

    def apply(self, context: SSL.Context) -> None:
        """
        @raise ValueError: with a message fit for a user, when a file is of no use.
        """
        authorities = trust(context, self.ca)
        for authority in authorities:
            context.add_client_ca(authority)  # so that a browser knows which of its own to show
        if self.crl:
            store = context.get_cert_store()
            assert store is not None
            for crl in loadRevocationLists(self.crl):
                store.add_crl(crl)
            # As nginx and HAProxy: an authority without a list is an error, not a yes.
            store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)
        required = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if self.mode == "require" else 0
        context.set_verify(SSL.VERIFY_PEER | required)
        context.set_timeout(_SESSION_TIMEOUT)

    @property
    def files(self) -> tuple[str, ...]:
        """
        What is read; to be looked at for changes.
        """
        return (self.ca, self.crl) if self.crl else (self.ca,)
