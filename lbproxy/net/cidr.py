"""
Is this address in one of those networks? A lookup per prefix length, however many networks there are.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network

# ::ffff:0:0/96, where a dual-stack socket shows IPv4 peers (RFC 4291 2.5.5.2).
_MAPPED = b"\0" * 10 + b"\xff\xff"

_Table = tuple[tuple[int, frozenset[int]], ...]


class CIDRSet:
    """
    A fixed set of networks. C{len} counts them.
    """

    __slots__ = ("_count", "_table4", "_table6")

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        listed = set(networks)
        self._count = len(listed)
        self._table4 = _table(listed, 4)
        self._table6 = _table(listed, 6)

    def __len__(self) -> int:
        return self._count

    def contains(self, address: str) -> bool:
        """
        @param address: numeric text; anything else, such as a UNIX peer's empty one, is in no network.
        """
        try:
            if ":" in address:
                packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
                if not packed.startswith(_MAPPED):
                    return _covers(self._table6, int.from_bytes(packed))
                packed = packed[12:]
            else:
                packed = socket.inet_pton(socket.AF_INET, address)
        except (OSError, ValueError):
            return False
        return _covers(self._table4, int.from_bytes(packed))

    __contains__ = contains


def _table(networks: Iterable[IPv4Network | IPv6Network], version: int) -> _Table:
    """
    @return: for each prefix length, how far to shift an address, and what must come out.
    """
    prefixes: dict[int, set[int]] = {}
    for network in networks:
        if network.version == version:
            shift = network.max_prefixlen - network.prefixlen
            prefixes.setdefault(shift, set()).add(int(network.network_address) >> shift)
    return tuple((shift, frozenset(found)) for shift, found in sorted(prefixes.items()))


def _covers(table: _Table, address: int) -> bool:
    return any(address >> shift in prefixes for shift, prefixes in table)
