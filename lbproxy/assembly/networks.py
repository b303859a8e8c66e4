"""
Who is meant by a list of networks?
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from lbproxy.net.cidr import CIDRSet


def networkSet(asked: Iterable[Any]) -> Callable[[str], bool]:
    """
    @param asked: L{ipaddress} networks, and the word C{unix} for peers without an address.
    @return: tells whether a numeric address is in one of them.
    """
    listed = list(asked)
    networks = CIDRSet(entry for entry in listed if entry != "unix")
    if "unix" not in listed:
        return networks.contains
    return lambda address: not address or networks.contains(address)


def admission(allow: Iterable[Any], deny: Iterable[Any]) -> Callable[[str], bool] | None:
    """
    @return: tells whether an address may come in; L{None} where everybody may.
    """
    allowed, denied = list(allow), list(deny)
    if not allowed and not denied:
        return None
    isAllowed, isDenied = CIDRSet(allowed), CIDRSet(denied)

    def admits(address: str) -> bool:
        return not isDenied.contains(address) and (not allowed or isAllowed.contains(address))

    return admits
