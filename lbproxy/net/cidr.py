"""
Is this address one of those? Sets of networks, asked once per connection.

One table per prefix length: an address is looked up in as many as there are different lengths, a
handful in practice and 33 (129) at worst, whether the set has ten networks or a hundred thousand.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Final, TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

# (bits that do not count, the others of each network)
_Table: TypeAlias = tuple[int, frozenset[int]]

# ::ffff:0:0/96, the IPv4 clients of a dual-stack socket.
_MAPPED: Final = 0xFFFF


class CIDRSet:
    """
    Networks, IPv4 and IPv6. Never changes.
    """

    __slots__ = ("_count", "_four", "_six")

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        """
        @param networks: without host bits, as L{ipaddress} has them.
        """
        four: dict[int, set[int]] = {}
        six: dict[int, set[int]] = {}
        listed = set(networks)
        self._count = len(listed)
        for network in listed:
            shift = network.max_prefixlen - network.prefixlen
            tables = four if network.version == 4 else six
            tables.setdefault(shift, set()).add(int(network.network_address) >> shift)
            if network.version == 6:
                _addMapped(four, int(network.network_address), shift)
        self._four = _frozen(four)
        self._six = _frozen(six)

    def __len__(self) -> int:
        return self._count

    def contains(self, address: str) -> bool:
        """
        @param address: numeric text, also with an interface (C{fe80::1%eth0}). What is no address,
            such as a UNIX peer's empty one, belongs to no set.
        """
        if ":" in address:
            return self._containsSix(address)
        try:
            number = int.from_bytes(socket.inet_pton(socket.AF_INET, address), "big")
        except (OSError, ValueError):
            return False
        for shift, networks in self._four:  # noqa: SIM110 - a generator would double the time
            if number >> shift in networks:
                return True
        return False

    def _containsSix(self, address: str) -> bool:
        try:
            packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
        except (OSError, ValueError):
            return False
        number = int.from_bytes(packed, "big")
        tables = self._six
        if number >> 32 == _MAPPED:
            number &= 0xFFFFFFFF
            tables = self._four
        return any(number >> shift in networks for shift, networks in tables)

    __contains__ = contains

    def __repr__(self) -> str:
        return f"<CIDRSet of {self._count} networks>"


def _addMapped(four: dict[int, set[int]], network: int, shift: int) -> None:
    # IPv4 clients are looked up as such, so networks that hold them under their other name must be
    # found there: ::ffff:10.0.0.0/104 is 10.0.0.0/8.
    if shift <= 32 and network >> 32 == _MAPPED:
        four.setdefault(shift, set()).add((network & 0xFFFFFFFF) >> shift)
    elif shift > 32 and _MAPPED << 32 >> shift == network >> shift:
        four.setdefault(32, set()).add(0)


def _frozen(tables: dict[int, set[int]]) -> tuple[_Table, ...]:
    # Most networks first: where most of a large set's matches are.
    return tuple(
        (shift, frozenset(networks))
        for shift, networks in sorted(tables.items(), key=lambda item: -len(item[1]))
    )
