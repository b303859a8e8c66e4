"""
How does a check reach a backend? The real dialer and the real datagram link.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from twisted.internet.interfaces import IProtocol

from lbproxy.config.address import Address
from lbproxy.health.datagram import Link, Linker
from lbproxy.health.quick import QuickSocket
from lbproxy.health.stream import Cancellable, Dialer
from lbproxy.net.dialing import ClientTLS, dial
from lbproxy.net.resolving import Target, numericTarget, resolve
from lbproxy.net.udp import AnswerReceiver, ConnectedSocket, connectDatagrams


def streamDialer(reactor: Any, tls: ClientTLS | None = None) -> Dialer:
    """
    Connects over TCP or UNIX sockets, with TLS if asked to. It has no timeout of its own: the
    checker's covers everything.
    """

    named: dict[str, Any] = {}

    def connect(address: Address, protocol: IProtocol) -> Cancellable:
        target = None if tls is not None else numericTarget(address)
        if target is not None:
            return QuickSocket(reactor, target, protocol)
        return dial(reactor, address, protocol, timeout=0, tls=_forName(tls, address, named))

    return connect


def _forName(tls: Any, address: Address, named: dict[str, Any]) -> Any:
    """
    A backend that is dialed by name has to prove that name, where no other is asked for.
    """
    serverName: Any = getattr(tls, "serverName", "-")
    if address.family is not None or serverName:
        return tls
    if address.host not in named:
        named[address.host] = tls.named(address.host)
    return named[address.host]


def datagramLinker(reactor: Any, header: bytes = b"") -> Linker:
    """
    Opens UDP sockets.

    @param header: goes before what is sent, in each datagram.
    """

    def link(address: Address, receiver: AnswerReceiver) -> Link:
        opened = bare(address, receiver)
        return _HeadedLink(opened, header) if header else opened

    def bare(address: Address, receiver: AnswerReceiver) -> Link:
        target = numericTarget(address)
        if target is not None:
            return connectDatagrams(reactor, socket.AddressFamily(target[0]), target[1], receiver)
        named = _NamedLink(reactor, receiver)
        resolve(reactor, address, named.resolved)
        return named

    return link


class _HeadedLink:
    """
    A link whose every datagram begins with a header.
    """

    def __init__(self, link: Link, header: bytes) -> None:
        self._link = link
        self._header = header

    def send(self, data: bytes) -> bool:
        """
        Header and data, together.
        """
        return self._link.send(self._header + data)

    def close(self) -> None:
        """
        Once is enough, more do no harm.
        """
        self._link.close()


class _NamedLink:
    """
    A link to a name: keeps what is sent until it is known where to.
    """

    def __init__(self, reactor: Any, receiver: AnswerReceiver) -> None:
        self._reactor = reactor
        self._receiver = receiver
        self._waiting: list[bytes] = []
        self._socket: ConnectedSocket | None = None
        self._closed = False

    def resolved(self, targets: Sequence[Target]) -> None:
        """
        Here is where the name leads; the first address is as good as any.
        """
        if self._closed:
            return
        if not targets:
            self._receiver.refused("no such name, or it has no address")
            return
        family, name = targets[0]
        try:
            self._socket = connectDatagrams(
                self._reactor, socket.AddressFamily(family), name, self._receiver
            )
        except OSError as problem:
            self._receiver.refused(problem.strerror or str(problem))
            return
        for data in self._waiting:
            self._socket.send(data)

    def send(self, data: bytes) -> bool:
        """
        Now or later.
        """
        if self._socket is not None:
            return self._socket.send(data)
        self._waiting.append(data)
        return True

    def close(self) -> None:
        """
        Once is enough, more do no harm.
        """
        self._closed = True
        if self._socket is not None:
            self._socket.close()
