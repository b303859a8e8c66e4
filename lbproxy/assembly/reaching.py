"""
How are a pool's backends reached?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lbproxy.assembly.parts import Parts
from lbproxy.config.pool import Pool as PoolConfig
from lbproxy.l4.backenddialer import BackendDialer
from lbproxy.l4.tcpcontext import TCPContext
from lbproxy.l7.client import HTTPClientProtocol
from lbproxy.net.tls.client import ClientTLS
from lbproxy.pool.backend import Backend


def clientTLS(parts: Parts, asked: PoolConfig, alpn: Sequence[bytes] = ()) -> ClientTLS | None:
    """
    The TLS that a pool's backends speak; L{None}: none.

    @param alpn: what to offer.
    """
    tls = asked.tls
    if tls is None:
        return None
    return ClientTLS(
        serverName=tls.serverName,
        ca=tls.ca,
        verify=tls.verify,
        cert=tls.cert,
        key=tls.key,
        alpn=alpn,
        deadlines=parts.deadlines,
    )


def dialer(
    parts: Parts, asked: PoolConfig, timeout: float, *, transparent: bool = False
) -> BackendDialer:
    """
    @param timeout: seconds until the backend has answered, TLS included.
    @param transparent: the backend sees the client's address.
    """
    return BackendDialer(
        parts.reactor,
        parts.deadlines,
        timeout,
        tls=clientTLS(parts, asked),
        sendProxy=None if asked.sendProxyProtocol == "off" else asked.sendProxyProtocol,
        transparent=transparent,
    )


def httpDialer(parts: Parts, asked: PoolConfig) -> Callable[[Backend, HTTPClientProtocol], Any]:
    """
    The same for exchanges. With a PROXY header the connection is about one client, and must not be
    used for another's.
    """
    dial = dialer(parts, asked, asked.timeouts.connect)
    announced = asked.sendProxyProtocol != "off"
    nobody: Any = None

    def reach(backend: Backend, protocol: HTTPClientProtocol) -> Any:
        exchange = protocol.exchange
        if not announced or exchange is None:
            return dial(backend, protocol, nobody)
        return dial(backend, protocol, TCPContext(exchange.connection.transport))

    return reach
