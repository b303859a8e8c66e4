"""
What does the socket module want to hear? Addresses of ours as addresses of the system.
"""

from __future__ import annotations

import socket
from typing import TypeAlias

from lbproxy.config.address import Address

#: What C{recvfrom} tells and C{sendto} wants: host and port, for IPv6 also flow and scope. The host
#: is numeric text.
ClientAddress: TypeAlias = tuple[str, int] | tuple[str, int, int, int]

#: The same, or a UNIX socket's path.
SocketAddress: TypeAlias = ClientAddress | str

_MAPPED = "::ffff:"


def resolveNow(address: Address) -> tuple[socket.AddressFamily, SocketAddress]:
    """
    For a numeric or UNIX address at once; for a name the resolver is waited for, so names belong
    here only before any port is open.

    @raise OSError: the name does not resolve.
    """
    if address.path:
        return socket.AF_UNIX, address.path
    flags = 0 if address.family is None else socket.AI_NUMERICHOST
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM, flags=flags)
    family, _, _, _, target = found[0]
    return family, target  # type: ignore[return-value]  # typeshed allows for builds without IPv6


def clientText(host: str) -> str:
    """
    A client's address as the configuration would write it: a dual-stack socket shows IPv4 clients
    as C{::ffff:192.0.2.1}, and link-local ones with their interface.
    """
    if ":" in host:
        if host.startswith(_MAPPED) and "." in host:
            return host[len(_MAPPED) :]
        return host.partition("%")[0]
    return host
