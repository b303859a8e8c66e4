"""
A connection whose peer reads only when the test says so.
"""

from __future__ import annotations

from lbproxy.l7.server import HTTPServerProtocol
from tests.l7.doubles import DONE, Stage, Wire

# As the transports have it.
BUFFER = 65536


class SlowWire(Wire):
    """
    What is written stays in the transport's queue until L{read}; its producer is paused while there
    is more than the queue should hold, and resumed when it is empty.

    @ivar blocked: the producer is paused.
    """

    def __init__(self, peer: str = "192.0.2.7") -> None:
        super().__init__(peer)
        self.blocked = False

    @property
    def queued(self) -> int:
        """
        Bytes that the peer has not taken.
        """
        return len(self.value())

    def write(self, data: bytes) -> None:
        """
        Queue it.
        """
        super().write(data)  # type: ignore[no-untyped-call]
        if self.producer is not None and not self.blocked and self.queued > BUFFER:
            self.blocked = True
            self.producer.pauseProducing()

    def unregisterProducer(self) -> None:
        """
        Nobody is to be paused any more.
        """
        super().unregisterProducer()  # type: ignore[no-untyped-call]
        self.producer = None
        self.blocked = False

    def read(self, size: int = 1 << 30) -> bytes:
        """
        The peer takes some bytes.
        """
        data: bytes = self.value()
        self.clear()
        self.io.write(data[size:])
        if size >= len(data):
            if self.blocked:
                self.blocked = False
                self.producer.resumeProducing()
            elif self.disconnecting and self.protocol is not None:
                self.lose(DONE)
        return data[:size]


def connectSlowly(
    stage: Stage, wire: SlowWire | None = None
) -> tuple[HTTPServerProtocol, SlowWire]:
    """
    A client connects that reads only when the test says so.
    """
    wire = wire or SlowWire()
    protocol: HTTPServerProtocol = stage.factory.buildProtocol(None)
    wire.protocol = protocol
    protocol.makeConnection(wire)
    return protocol, wire
