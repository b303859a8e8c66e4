"""
How does a PROXY header travel? Below TLS: read from accepted streams, sent first on dialed ones.
"""

from lbproxy.net.proxyprotocol.accepting import HEADER_TIMEOUT, ProxiedListener
from lbproxy.net.proxyprotocol.proxiedsocket import ProxiedSocket
from lbproxy.net.proxyprotocol.sending import Announced, Introduced, describe, encode, ownHeader

__all__ = [
    "HEADER_TIMEOUT",
    "Announced",
    "Introduced",
    "ProxiedListener",
    "ProxiedSocket",
    "describe",
    "encode",
    "ownHeader",
]
