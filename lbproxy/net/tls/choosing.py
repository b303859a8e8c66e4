"""
Who ends this client's TLS, we or the backend? Decided by its ClientHello, which stays unread.

The hello is only peeked at, so that whoever gets the socket, our TLS or a plain relay, finds
every byte still in it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.net.port import BegunTransport
from lbproxy.net.stream import StreamAddress, StreamServer
from lbproxy.net.tls.handshake import HandshakeFailed
from lbproxy.net.tls.server import ServerTLS
from lbproxy.wire.clienthello import HELLO_LIMIT, ClientHello, HelloReader, Verdict

#: Says for a client whether its TLS is left alone.
Passes = Callable[[ClientHello, StreamAddress], bool]

# Seconds between two looks at a hello that does not grow although the socket is readable: the
# client has closed, or the kernel does not know SO_RCVLOWAT for this kind of socket.
_LOOK_AGAIN = 0.05


class ChoosingTLS:
    """
    To be given to L{lbproxy.net.listening.listenStream} as C{tls}. A client whose hello C{passes}
    gets a plain transport and goes on with TLS over it; everybody else gets our TLS, which also has
    the right answer for those who do not speak it.
    """

    def __init__(self, tls: ServerTLS, passes: Passes) -> None:
        self.tls = tls
        self.passes = passes

    def serverTransport(
        self, skt: socket.socket, protocol: Any, peer: StreamAddress, server: Any, reactor: Any
    ) -> BegunTransport:
        """
        For L{lbproxy.net.port.StreamPort}.
        """
        return AwaitedHello(self, skt, protocol, peer, server, reactor)


@implementer(IReadDescriptor)
class AwaitedHello:
    """
    One accepted connection until its hello is there. Has as long as a handshake has, and the
    handshake gets as long once more.
    """

    __slots__ = (
        "_arguments",
        "_choosing",
        "_deadlines",
        "_last",
        "_reactor",
        "_reader",
        "_resting",
        "_socket",
        "_watched",
        "deadline",
        "fileno",
    )

    _log = Logger()

    def __init__(
        self,
        choosing: ChoosingTLS,
        skt: socket.socket,
        protocol: Any,
        peer: StreamAddress,
        server: Any,
        reactor: Any,
    ) -> None:
        self._choosing = choosing
        self._deadlines = choosing.tls.deadlinesOn(reactor)
        self._socket: socket.socket | None = skt
        self._arguments = (protocol, peer, server)
        self._reactor = reactor
        self._reader = HelloReader()
        self._last = 0
        self._watched = False
        self._resting: IDelayedCall | None = None
        self.deadline = 0.0
        self.fileno: Callable[[], int] = skt.fileno

    def begin(self) -> None:
        """
        Look; the hello has hardly ever come with the connection.
        """
        timeout = self._choosing.tls.handshakeTimeout
        if timeout:
            self.deadline = self._deadlines.seconds() + timeout
            self._deadlines.watch(self)
        self._watch(True)

    def abortConnection(self) -> None:
        """
        Give up; the protocol hears nothing.
        """
        skt = self._take()
        if skt is not None:
            skt.close()

    def doRead(self) -> None:
        skt = self._socket
        assert skt is not None
        try:
            peeked = skt.recv(HELLO_LIMIT, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError as e:
            self._fail((e.strerror or "lost").lower())
            return
        if not peeked:
            self._fail("the peer left")
            return
        verdict = self._reader.feed(peeked[self._last :])
        if verdict is not Verdict.NEED_MORE:
            self._decide()
        elif len(peeked) > self._last:
            self._last = len(peeked)
            # Readable only when there is more, or the loop would spin. epoll heeds it for TCP.
            skt.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(peeked) + 1)
        else:
            self._rest()

    def connectionLost(self, reason: Failure) -> None:
        """
        For the reactor, when it finds the descriptor dead or shuts down.
        """
        self._fail("the peer left")

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}.
        """
        self._fail(f"no hello within {self._choosing.tls.handshakeTimeout:g} s")

    def logPrefix(self) -> str:
        return "TLS hello"

    def _decide(self) -> None:
        skt = self._take()
        assert skt is not None
        if self._last:
            skt.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        protocol, peer, server = self._arguments
        hello = self._reader.hello
        try:
            passes = hello is not None and self._choosing.passes(hello, peer)
            make = StreamServer if passes else self._choosing.tls.serverTransport
            transport: BegunTransport = make(skt, protocol, peer, server, self._reactor)
        except Exception:
            self._log.failure("nobody could be chosen for a connection from {peer}", peer=peer)
            skt.close()
            return
        try:
            transport.begin()
        except Exception:
            self._log.failure("a connection from {peer} could not be begun", peer=peer)
            transport.abortConnection()

    def _fail(self, reason: str) -> None:
        skt = self._take()
        if skt is None:
            return
        skt.close()
        protocol, peer, _ = self._arguments
        self._choosing.tls.failedWith(reason, peer)
        failed = getattr(protocol, "handshakeFailed", None)
        if failed is not None:
            failed(Failure(HandshakeFailed(reason)))

    def _take(self) -> socket.socket | None:
        """
        @return: the socket, which is not ours any more; L{None} when it was taken already.
        """
        skt, self._socket = self._socket, None
        if skt is not None:
            self._deadlines.forget(self)
            self._watch(False)
            if self._resting is not None:
                self._resting.cancel()
                self._resting = None
        return skt

    def _rest(self) -> None:
        self._watch(False)
        self._resting = self._reactor.callLater(_LOOK_AGAIN, self._wake)

    def _wake(self) -> None:
        self._resting = None
        self._watch(True)

    def _watch(self, wanted: bool) -> None:
        if wanted is not self._watched:
            self._watched = wanted
            (self._reactor.addReader if wanted else self._reactor.removeReader)(self)
