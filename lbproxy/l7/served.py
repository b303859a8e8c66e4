"""
Whom does a connection to a backend work for?
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.python.failure import Failure

from lbproxy.errors import Outcome
from lbproxy.l7.download import Body
from lbproxy.wire.http1 import RequestHead, ResponseHead

if TYPE_CHECKING:
    from lbproxy.l7.client import HTTPClientProtocol
    from lbproxy.l7.server import HTTPServerProtocol


class Served(Protocol):
    """
    Who has the connection's use: an exchange, or a rival in its hedge.
    """

    firstByte: float
    requestDone: bool

    @property
    def head(self) -> RequestHead: ...

    @property
    def connection(self) -> HTTPServerProtocol: ...

    def upstreamReady(self, client: HTTPClientProtocol) -> None: ...
    def connectFailed(self, failure: Failure) -> None: ...
    def informational(self, head: ResponseHead) -> None: ...
    def retryable(self, head: ResponseHead) -> bool: ...
    def wholeResponse(self, head: ResponseHead, payload: bytes) -> None: ...
    def responseReceived(
        self, head: ResponseHead, body: Body | None, payload: bytes, done: bool
    ) -> None: ...
    def responseData(self, payload: bytes, done: bool) -> None: ...
    def responseBroken(self, outcome: Outcome, code: str, detail: str, silent: bool) -> None: ...
    def upgraded(self, head: ResponseHead, client: HTTPClientProtocol, rest: bytes) -> None: ...
