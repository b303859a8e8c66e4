"""
What can be connected to? Addresses as the socket layer wants them; names looked up first.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.interfaces import IAddress, IHostResolution, IResolutionReceiver
from zope.interface import implementer

from lbproxy.config.address import Address

#: A socket family, and a name that C{connect} takes without asking anybody.
Target = tuple[int, Any]


def numericTarget(address: Address) -> Target | None:
    """
    @return: L{None} for a name.
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
