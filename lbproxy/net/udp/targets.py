"""
Where is this backend? Addresses as the system wants them: numeric ones at once, names resolved and
remembered.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.net.udp.address import SocketAddress, resolveNow

#: Family and address, ready for C{socket} and C{connect}.
Target: TypeAlias = tuple[socket.AddressFamily, SocketAddress]

#: Told the target, or L{None} when the name does not resolve.
Waiter: TypeAlias = Callable[[Target | None], object]

# Seconds. The resolver does not tell the records' own lifetime; half a minute is short enough for
# a moved server and long enough that a resolver asked by many sessions does not notice us.
_LIFETIME: Final = 30.0

# Far more than a configuration has; a discovery that invents addresses ends here.
_LIMIT: Final = 16_384


class Targets:
    """
    Finds targets. A name that no longer resolves keeps its last good target.
    """

    __slots__ = ("_known", "_names", "_reactor", "_seconds", "_waiting")

    def __init__(
        self, reactor: IReactorPluggableNameResolver, seconds: Callable[[], float]
    ) -> None:
        self._reactor = reactor
        self._seconds = seconds
        # By identity, which every session asks for: hashing an address costs more than the rest of
        # the look-up. The address is kept beside its target, so that its identity stays its own.
        self._known: dict[int, tuple[Address, Target]] = {}
        self._names: dict[Address, float] = {}  # until when the target is good
        self._waiting: dict[Address, list[Waiter]] = {}

    def find(self, address: Address) -> Target | None:
        """
        What is known. A name whose time is over is asked for anew, while the old target serves.

        @return: L{None} for a name that has never been resolved: see L{resolve}.
        @raise OSError: it looks numeric but the system does not take it.
        """
        known = self._known.get(id(address))
        if known is None:
            if address.family is None:
                return None
            target = resolveNow(address)
            self._remember(address, target)
            return target
        if self._names and address in self._names and self._names[address] <= self._seconds():
            self._names[address] = self._seconds() + _LIFETIME
            self.resolve(address, _nobody)
        return known[1]

    def resolve(self, address: Address, waiter: Waiter) -> None:
        """
        Call C{waiter} once the name is resolved, or is known not to be. The resolver has timeouts
        of its own, so the call comes in any case. Who asks at the same time waits for one answer.
        """
        waiting = self._waiting.get(address)
        if waiting is not None:
            waiting.append(waiter)
            return
        self._waiting[address] = [waiter]
        answer = _Answer(lambda found: self._resolved(address, found))
        self._reactor.nameResolver.resolveHostName(
            answer, address.host, address.port, transportSemantics="UDP"
        )

    def _resolved(self, address: Address, found: Sequence[IAddress]) -> None:
        target = _firstOf(found)
        if target is not None:
            self._remember(address, target)
            self._names[address] = self._seconds() + _LIFETIME
        elif id(address) in self._known:
            target = self._known[id(address)][1]
        for waiter in self._waiting.pop(address):
            waiter(target)

    def _remember(self, address: Address, target: Target) -> None:
        if len(self._known) >= _LIMIT:
            self._known.clear()
            self._names.clear()
        self._known[id(address)] = (address, target)


def _nobody(target: Target | None) -> None:
    """
    The new target is remembered; nobody waits for it.
    """


def _firstOf(found: Sequence[IAddress]) -> Target | None:
    for address in found:
        if isinstance(address, IPv4Address):
            return socket.AF_INET, (address.host, address.port)
        if isinstance(address, IPv6Address):
            return socket.AF_INET6, (address.host, address.port, 0, 0)
    return None


@implementer(IResolutionReceiver)
class _Answer:
    """
    Collects what the resolver finds.
    """

    def __init__(self, done: Callable[[Sequence[IAddress]], object]) -> None:
        self._done = done
        self._found: list[IAddress] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """
        Nothing to keep: a session that ends meanwhile does not stop the others' waiting.
        """

    def addressResolved(self, address: IAddress) -> None:
        """
        One more.
        """
        self._found.append(address)

    def resolutionComplete(self) -> None:
        """
        That was all.
        """
        self._done(self._found)
