"""
How much passed?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lbproxy.l4.udpsession import UDPSession


@dataclass(slots=True)
class Traffic:
    """
    What sessions relayed: datagrams and bytes from clients (up) and to them (down), without headers
    of ours.
    """

    datagramsUp: int = 0
    datagramsDown: int = 0
    bytesUp: int = 0
    bytesDown: int = 0

    def add(self, session: UDPSession) -> None:
        """
        And these.
        """
        self.datagramsUp += session.questions
        self.datagramsDown += session.answers
        self.bytesUp += session.bytesUp
        self.bytesDown += session.bytesDown
