"""
What becomes of a connection after 101 (Switching Protocols)? A raw relay, both ways, until either
side ends it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lbproxy.net.pipe import Pipe
from lbproxy.net.pipeside import Ending

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange
    from lbproxy.l7.factory import HTTPFactory


class Tunnel:
    """
    One upgraded connection, for as long as it lasts.
    """

    __slots__ = ("_exchange", "_factory", "_pipe")

    def __init__(self, factory: HTTPFactory, exchange: Exchange, client: Any, backend: Any) -> None:
        """
        @param client: the client's transport.
        @param backend: the backend's transport.
        """
        self._factory = factory
        self._exchange = exchange
        self._pipe = Pipe(client, backend, self._done, factory.deadlines, factory.timeouts.idle)

    def start(self, toBackend: bytes, toClient: bytes, ended: bool) -> None:
        """
        Begin with what both sides have already said.
        """
        self._pipe.start(toBackend, toClient, ended)

    def abort(self) -> None:
        """
        Reset both sides.
        """
        self._pipe.abort(Ending.DRAINED)

    def _done(self, pipe: Pipe) -> None:
        ending = pipe.ending
        assert ending is not None
        self._exchange.tunnelDone(pipe.bytesDown, ending.value)
        self._factory.connectionClosed(self._exchange.connection)
