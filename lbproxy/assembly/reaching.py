"""
How are a pool's backends reached?
"""

from __future__ import annotations

from typing import Any, Protocol

from lbproxy.assembly.parts import Parts
from lbproxy.config.pool import Pool as PoolConfig
from lbproxy.net.dialing import dial
from lbproxy.net.tls.client import ClientTLS
from lbproxy.pool.backend import Backend


class Reaching(Protocol):
    """
    Starts a connection to a backend.
    """

    def __call__(self, backend: Backend, protocol: Any, context: object = None) -> Any: ...


def clientTLS(asked: PoolConfig) -> ClientTLS | None:
    """
    The TLS that a pool's backends speak; L{None}: none.
    """
    tls = asked.tls
    if tls is None:
        return None
    return ClientTLS(
        serverName=tls.serverName, ca=tls.ca, verify=tls.verify, cert=tls.cert, key=tls.key
    )


def reaching(parts: Parts, asked: PoolConfig, timeout: float) -> Reaching:
    """
    @param timeout: seconds until the backend has answered, TLS included.
    """
    tls = clientTLS(asked)

    def reach(backend: Backend, protocol: Any, context: object = None) -> Any:
        return dial(
            parts.reactor,
            backend.address,
            protocol,
            timeout=timeout,
            tls=tls,
            deadlines=parts.deadlines,
        )

    return reach
