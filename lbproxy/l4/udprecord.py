"""
What is said about a UDP session after its end?
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from lbproxy.l4.udpsession import UDPSession


class UDPRecord(NamedTuple):
    """
    One session, after its end. C{duration} and C{latency} (to the first answer; 0 when there was
    none) are in seconds.

    C{code} is a value of L{lbproxy.l4.udpsession.End}.
    """

    client: str
    listener: str
    route: str
    pool: str
    backend: str
    bytesUp: int
    bytesDown: int
    datagramsUp: int
    datagramsDown: int
    duration: float
    latency: float
    code: str


def recorder(
    listener: str, log: Callable[[UDPRecord], object], seconds: Callable[[], float]
) -> Callable[[UDPSession], None]:
    """
    @param listener: the listener's name.
    @param seconds: the relay's clock.
    @return: for L{lbproxy.l4.udprelay.UDPRelay}: tells C{log} of each session that ended.
    """

    def record(session: UDPSession) -> None:
        assert session.ended is not None
        route = session.route
        log(
            UDPRecord(
                client=session.client.clientIP,
                listener=listener,
                route=route.name,
                pool=route.pool.name,
                backend=session.lease.backend.name,
                bytesUp=session.bytesUp,
                bytesDown=session.bytesDown,
                datagramsUp=session.questions,
                datagramsDown=session.answers,
                duration=seconds() - session.opened,
                latency=session.latency,
                code=session.ended.value,
            )
        )

    return record
