"""
Which versions, ciphers and groups may clients use? Mozilla's server-side profiles, guideline 6.0.
"""

from __future__ import annotations

from dataclasses import dataclass

from OpenSSL import SSL

from lbproxy.net.tls.native import setGroups

#: As configuration writes them.
VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}

# X25519MLKEM768 costs a quarter more per handshake than X25519, and is only used with clients that
# ask for it: recorded traffic stays secret when quantum computers come.
_GROUPS = b"X25519MLKEM768:X25519:P-256:P-384"
#: For TLS 1.3.
SUITES = b"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"
# All of them with forward secrecy and authenticated. DHE went with guideline 6.0: its cost for the
# server can be forced up by anybody (CVE-2002-20001).
_CIPHERS = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    b"ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    b"ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"
)


@dataclass(frozen=True, slots=True)
class Profile:
    """
    What a server accepts. The client's order of ciphers counts, as Mozilla has it: a phone without
    AES in hardware asks for ChaCha20 first.
    """

    minVersion: str

    def apply(self, context: SSL.Context, minVersion: str = "1.2") -> None:
        """
        @param minVersion: C{"1.2"} or C{"1.3"}; the stricter of this and the profile's own counts.
        """
        context.set_min_proto_version(VERSIONS[max(minVersion, self.minVersion)])
        context.set_cipher_list(_CIPHERS)
        context.set_tls13_ciphersuites(SUITES)
        setGroups(context, _GROUPS)
        # Renegotiation lets a client make the server do a handshake for the price of a message.
        context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)


PROFILES = {"intermediate": Profile("1.2"), "modern": Profile("1.3")}
