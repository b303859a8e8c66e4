"""
A listener's TLS, and clients of all sorts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography import x509
from OpenSSL import SSL

from lbproxy.net.tls.certificates import dnsNames
from lbproxy.net.tls.server import ServerTLS
from lbproxy.net.tls.tlssocket import PortableTLSSocket, TLSSocket
from tests.certs import Leaf
from tests.net.tls.pairs import TLSTestCase, readAll, shakeHands, socketPair


@dataclass
class Meeting:
    """
    What came of a handshake.
    """

    client: str
    server: str
    ours: PortableTLSSocket
    theirs: PortableTLSSocket

    @property
    def shown(self) -> tuple[str, ...]:
        """
        The names of the certificate that the client saw.
        """
        certificate: x509.Certificate | None = self.ours.get_peer_certificate(as_cryptography=True)
        assert certificate is not None
        return dnsNames(certificate)


class ServerCase(TLSTestCase):
    """
    A server, and clients of all sorts.
    """

    def client(self, **options: Any) -> SSL.Context:
        """
        Verifies nobody.

        @param options: C{max} version, C{min} version, C{alpn}, C{leaf} to show, C{ciphers}.
        """
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_session_cache_mode(SSL.SESS_CACHE_CLIENT)
        context.set_cipher_list(options.get("ciphers", b"DEFAULT:@SECLEVEL=0"))
        context.set_max_proto_version(options.get("max", 0))
        context.set_min_proto_version(options.get("min", 0))
        if "alpn" in options:
            context.set_alpn_protos(options["alpn"])
        leaf: Leaf | None = options.get("leaf")
        if leaf is not None:
            context.use_certificate(leaf.certificate)
            context.use_privatekey(leaf.key)
        return context

    def meet(
        self,
        server: ServerTLS,
        context: SSL.Context | None = None,
        name: str = "",
        session: SSL.Session | None = None,
    ) -> Meeting:
        """
        One handshake.
        """
        near, far = socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        ours = TLSSocket(context or self.client(), near, TLSSocket.makeScratch())
        ours.set_connect_state()
        if name:
            ours.set_tlsext_host_name(name.encode())
        if session is not None:
            ours.set_session(session)
        theirs = server.connection(far)
        client, answer = shakeHands(ours, theirs)
        if client == answer == "up":
            readAll(ours)
        return Meeting(client, answer, ours, theirs)
