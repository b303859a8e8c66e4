"""
Ports and relays that tell what is done with them.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred

from lbproxy.config.address import Address


class FakePort:
    """
    A bound address.

    @ivar closed: how often.
    @ivar answer: what closing it returns.
    """

    def __init__(self, address: Address, story: list[str]) -> None:
        self.address = address
        self.closed = 0
        self.answer: Deferred[None] | None = None
        self._story = story

    def getHost(self) -> IPv4Address:
        """
        Where it is.
        """
        return IPv4Address("TCP", self.address.host, self.address.port)

    def stopListening(self) -> Deferred[None] | None:
        """
        Note it.
        """
        self.closed += 1
        self._story.append(f"close {self.address.port}")
        return self.answer


class FakeRelaying:
    """
    Work in hand that ends when the test says so.
    """

    def __init__(self, story: list[str]) -> None:
        self.drained: Deferred[None] = Deferred()
        self._story = story

    def drain(self) -> Deferred[None]:
        """
        Note it.
        """
        self._story.append("drain")
        return self.drained

    def abortAll(self) -> None:
        """
        All ends.
        """
        self._story.append("abort")
        if not self.drained.called:
            self.drained.callback(None)
