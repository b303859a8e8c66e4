"""
What does the client ask for? Its first protocol where routes depend on a ClientHello.

Two ways: bytes are read and kept for the backend, or, where TLS may have to be ended here, they are
only looked at (C{MSG_PEEK}) and stay in the socket for whoever reads it next.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.l4.relayrecord import Refusal
from lbproxy.net.deadlines import Deadlines
from lbproxy.wire.clienthello import HELLO_LIMIT, ClientHello, HelloReader, Verdict

#: Told what was found: the hello, L{None} when it is not TLS or nothing came; or why it is refused.
Told = Callable[[ClientHello | None, Refusal | None, str], object]


@implementer(IHalfCloseableProtocol)
class HelloWait:
    """
    Waits for one client's hello. C{told} is called once, with reading paused, unless the client
    leaves before: that is told to the transport's protocol from before, which it gets back.

    @ivar reader: has what was read; empty where bytes were only looked at.
    """

    __slots__ = (
        "_before",
        "_deadlines",
        "_looks",
        "_seen",
        "_told",
        "_transport",
        "deadline",
        "reader",
    )

    def __init__(self, transport: Any, told: Told, deadlines: Deadlines, looks: bool) -> None:
        """
        @param looks: only look. The transport has to be a plain
            L{lbproxy.net.directstream.DirectStream}.
        """
        self.reader = HelloReader()
        self.deadline = 0.0
        self._transport = transport
        self._before = transport.protocol
        self._told = told
        self._deadlines = deadlines
        self._looks = looks
        self._seen = 0
        transport.protocol = self
        if looks:
            transport.doRead = self._look

    def expect(self, deadline: float) -> None:
        """
        @param deadline: when to give up, on the clock of L{Deadlines}; 0: never.
        """
        self.deadline = deadline
        self._deadlines.watch(self)

    def cancel(self) -> None:
        """
        Wait no longer; nobody is told.
        """
        self._release()

    @property
    def early(self) -> bytes:
        """
        What has to be given to the backend first.
        """
        return b"" if self._looks else self.reader.peeked

    def dataReceived(self, data: bytes) -> None:
        """
        Bytes that were read.
        """
        self._found(self.reader.feed(data))

    def _look(self) -> Any:
        skt = self._transport.socket
        try:
            data = skt.recv(HELLO_LIMIT + 1, socket.MSG_PEEK)
        except BlockingIOError:
            return None
        except OSError:
            return type(self._transport).doRead(self._transport)
        new = data[self._seen :]
        if not new:  # readable, but not for bytes: the end
            self._finish(None, Refusal.CLIENT_LEFT, "")
            return None
        self._seen = len(data)
        verdict = self.reader.feed(new)
        if verdict is Verdict.NEED_MORE:
            # Or the reactor would call again and again for the bytes that are left there.
            skt.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, self._seen + 1)
        self._found(verdict)
        return None

    def _found(self, verdict: Verdict) -> None:
        if verdict is Verdict.MALFORMED:
            self._finish(None, Refusal.BAD_HELLO, self.reader.reason)
        elif verdict is not Verdict.NEED_MORE:
            self._finish(self.reader.hello, None, "")

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}. Half a hello is nothing; but where the server speaks first a client is
        right to wait, so silence means "not TLS".
        """
        if self.reader.peeked:
            self._finish(None, Refusal.HELLO_TIMEOUT, "")
        else:
            self._finish(None, None, "")

    def readConnectionLost(self) -> None:
        """
        The client ended within its hello, or without one.
        """
        self._finish(None, Refusal.CLIENT_LEFT, "")

    def writeConnectionLost(self) -> None:
        """
        We do not half-close here.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        The client is gone.
        """
        before = self._before
        self._release()
        before.connectionLost(reason)

    def _finish(self, hello: ClientHello | None, refusal: Refusal | None, detail: str) -> None:
        self._transport.pauseProducing()
        self._release()
        self._told(hello, refusal, detail)

    def _release(self) -> None:
        self._deadlines.forget(self)
        transport = self._transport
        if self._looks and transport.connected:
            if self._seen:
                transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
            if getattr(vars(transport).get("doRead"), "__self__", None) is self:
                del transport.doRead
        transport.protocol = self._before
