"""
How should datagrams be relayed? The values a UDP listener and its routes were given.
"""

from __future__ import annotations

from dataclasses import dataclass

from lbproxy.pool.pool import Pool


@dataclass(frozen=True, slots=True)
class UDPSettings:
    """
    @ivar idleTimeout: seconds without a datagram either way that end a session; 0 for never.
    @ivar responses: a session ends once each of its questions had that many answers; 0: only idle.
    @ivar maxSessions: one more, and the session that was idle longest ends.
    @ivar perDatagram: a backend is picked for each datagram instead of for each session.
    @ivar transparent: backends see the client's address (on another port); see
        L{lbproxy.net.socketoptions.checkTransparent}.
    @ivar followQUIC: a QUIC connection stays on its backend when the client's address changes.
    """

    idleTimeout: float = 30.0
    responses: int = 0
    maxSessions: int = 65_536
    perDatagram: bool = False
    transparent: bool = False
    followQUIC: bool = True


@dataclass(frozen=True, slots=True)
class UDPRoute:
    """
    @ivar name: for the log.
    @ivar proxyHeader: put a PROXY v2 header in front of each datagram to a backend.
    """

    pool: Pool
    name: str = ""
    proxyHeader: bool = False
