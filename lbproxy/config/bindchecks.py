"""
Can all of it be bound at the same time, and should it be?
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from lbproxy.config.address import Address
from lbproxy.config.configuration import Configuration
from lbproxy.config.listener import HTTPListener, UDPListener
from lbproxy.config.node import Node, Path
from lbproxy.config.report import Report


def checkBinds(configuration: Configuration, root: Node, report: Report) -> None:
    """
    @param root: the document, for the place of the one that has the address.
    """
    taken: list[tuple[str, Address, str, Path]] = []
    for kind, address, who, loc in _binds(configuration):
        for otherKind, other, owner, otherLoc in taken:
            if kind == otherKind and _clash(address, other):
                place = root.placeOf(otherLoc, key=False)
                report(
                    loc,
                    f"{address} is taken by {owner} at {place}; wanted another address or port",
                )
                break
        else:
            taken.append((kind, address, who, loc))


def _binds(configuration: Configuration) -> Iterator[tuple[str, Address, str, Path]]:
    for name, listener in configuration.listeners.items():
        for index, address in enumerate(listener.bind):
            kind = "udp" if isinstance(listener, UDPListener) else "tcp"
            yield kind, address, f"listener {name}", ("listeners", name, "bind", index)
            if isinstance(listener, HTTPListener) and listener.http3:
                yield "udp", address, f"listener {name}", ("listeners", name, "bind", index)
    if configuration.admin:
        yield "tcp", configuration.admin.bind, "admin", ("admin", "bind")


def _clash(one: Address, other: Address) -> bool:
    if one.path or one.systemd or other.path or other.systemd:
        return (one.path, one.systemd) == (other.path, other.systemd)
    if one.port != other.port or not one.port or one.family != other.family:
        return False
    first, second = _ip(one), _ip(other)
    return first == second or first.is_unspecified or second.is_unspecified


def _ip(address: Address) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(address.host)


def checkAdmin(configuration: Configuration, report: Report) -> None:
    """
    Whoever reaches admin steers the process.
    """
    admin = configuration.admin
    if admin is None or admin.token or admin.bind.path or admin.bind.systemd:
        return
    if not _ip(admin.bind).is_loopback:
        report(
            ("admin", "bind"),
            f"{admin.bind} is not loopback and there is no token; "
            "wanted a token, or an address such as 127.0.0.1:9901",
        )
