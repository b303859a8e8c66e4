"""
What can be connected to? Addresses as the socket layer wants them; names looked up first.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.net.stream import StreamAddress, streamAddress

#: A socket family, and a name that C{connect} takes without asking anybody.
Target = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Destination:
    """
    A target, and what is known about it before anybody has connected to it.

    C{peer} is what C{getPeer} will say.
    """

    family: int
    name: Any
    peer: StreamAddress
    loopback: bool

    @classmethod
    def of(cls, target: Target) -> Destination:
        """
        What is known about a target.
        """
        family, name = target
        loopback = family != socket.AF_UNIX and (name[0] == "::1" or name[0].startswith("127."))
        return cls(int(family), name, streamAddress(family, name), loopback)


def numericTarget(address: Address) -> Target | None:
    """
    @return: L{None} for a name.
    @raise OSError: the scope of a link-local address is not there.
    """
    family = address.family
    if family == socket.AF_INET6:
        if "%" in address.host:  # the scope's number has to be found
            found = socket.getaddrinfo(
                address.host, address.port, family, flags=socket.AI_NUMERICHOST
            )
            return family, found[0][4]
        return family, (address.host, address.port, 0, 0)
    if family == socket.AF_INET:
        return family, (address.host, address.port)
    return None if family is None else (family, address.path)


def numericDestination(address: Address) -> Destination | None:
    """
    As L{numericTarget}; remembered, because backends are few and connections many.
    """
    if "%" in address.host:  # interfaces come and go
        return _destination(address)
    return _remembered(address)


def _destination(address: Address) -> Destination | None:
    target = numericTarget(address)
    return None if target is None else Destination.of(target)


_remembered = lru_cache(maxsize=4096)(_destination)


def resolve(reactor: Any, address: Address, resolved: Callable[[Sequence[Target]], object]) -> None:
    """
    Look a name up. C{resolved} is called once, with what to try in this order; nothing: not found.
    Never from within this call.
    """
    try:
        address.host.encode("idna")
    except UnicodeError:
        # Twisted's resolver would never answer.
        reactor.callLater(0, resolved, ())
        return
    reactor.nameResolver.resolveHostName(_Answer(resolved), address.host, address.port)


@implementer(IResolutionReceiver)
class _Answer:
    """
    Collects the addresses of one name.
    """

    def __init__(self, resolved: Callable[[Sequence[Target]], object]) -> None:
        self._resolved = resolved
        self._found: list[Target] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """
        Twisted's resolver cannot be cancelled: who gave up ignores the answer.
        """

    def addressResolved(self, address: IAddress) -> None:
        given: Any = address
        target = numericTarget(Address(given.host, given.port))
        if target is not None and target not in self._found:
            self._found.append(target)

    def resolutionComplete(self) -> None:
        self._resolved(self._found)
