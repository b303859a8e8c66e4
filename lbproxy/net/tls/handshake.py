"""
Has the TLS connection come up? A handshake on a connected socket, from its start to its end.

Nothing above sees a half-open connection: a transport is made when this has succeeded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.errors import LBProxyError
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.tls.tlssocket import PortableTLSSocket, reasonOf

# Bytes of a misguided peer that are read before closing.
_UNREAD = 65536


class HandshakeFailed(LBProxyError, ConnectError):
    """
    TLS did not come up. C{reason} is a few words fit for a log.
    """

    def __init__(self, reason: str) -> None:
        LBProxyError.__init__(self, reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"TLS: {self.reason}"


@implementer(IReadWriteDescriptor)
class Handshake:
    """
    Once L{start}ed it calls C{done} exactly once, never from within C{start}: with C{""} when TLS
    is up, or with the reason when it failed and the socket is closed. After L{cancel} it calls
    nobody.
    """

    __slots__ = (
        "_deadlines",
        "_done",
        "_reactor",
        "_reading",
        "_refusal",
        "_timeout",
        "_writing",
        "connection",
        "deadline",
        "fileno",
    )

    def __init__(self, reactor: Any, connection: PortableTLSSocket, deadlines: Deadlines) -> None:
        """
        @param connection: told already which side it is. If it has a verification, that has to have
            passed in the end.
        """
        self._reactor = reactor
        self._deadlines = deadlines
        self._done: Callable[[str], object] | None = None
        self._reading = self._writing = False
        self._timeout = 0.0
        self._refusal = ""
        self.connection = connection
        self.deadline = 0.0
        self.fileno: Callable[[], int] = connection.fileno

    def start(self, done: Callable[[str], object], timeout: float, speakFirst: bool) -> None:
        """
        @param timeout: seconds from now on; 0: as long as it takes.
        @param speakFirst: for a client. A server has nothing to say before the client has spoken.
        """
        self._done = done
        if timeout:
            self._timeout = timeout
            self.deadline = self._deadlines.seconds() + timeout
            self._deadlines.watch(self)
        if speakFirst:
            self._speak()
        else:
            self._watchReading(True)

    def cancel(self) -> None:
        """
        Give up, without telling anybody. Also when it is over already, before the connection is
        anybody else's.
        """
        self._stop()
        self.connection.close()

    def _speak(self) -> None:
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            self._watchReading(True)
            return
        except SSL.Error as e:
            # Refused before we could look, or dead. OpenSSL won't say it twice.
            self._refusal = self._reason(e)
        # In the next turn: nobody is to be told from within L{start}.
        self._watchWriting(True)

    def doRead(self) -> None:
        if self._refusal:
            self._fail(self._refusal)
            return
        try:
            self.connection.do_handshake()
        except SSL.WantReadError:
            self._watchReading(True)
            self._watchWriting(False)
        except SSL.WantWriteError:
            self._watchReading(False)
            self._watchWriting(True)
        except SSL.Error as e:
            self._fail(self._reason(e))
        except Exception as e:
            # One of the callbacks (ALPN) said no.
            self._fail(str(e))
        else:
            self._up()

    doWrite = doRead

    def connectionLost(self, reason: Failure) -> None:
        """
        For the reactor, when it finds the descriptor dead or shuts down.
        """
        self._fail("the peer left")

    def deadlinePassed(self, now: float) -> None:
        """
        For L{Deadlines}.
        """
        self._fail(f"no handshake within {self._timeout:g} s")

    def logPrefix(self) -> str:
        return "TLS handshake"

    def _up(self) -> None:
        verification = self.connection.verification
        if verification is not None and not verification.passed:
            self._fail(verification.reason or "the peer was not verified")
        else:
            self._finish("")

    def _fail(self, reason: str) -> None:
        if self._done is None:
            return
        try:
            # With unread bytes the kernel would send a reset, which may overtake our alert.
            self.connection.plain.recv(_UNREAD)
        except OSError:
            pass
        self._finish(reason, close=True)

    def _reason(self, error: SSL.Error) -> str:
        verification = self.connection.verification
        if verification is not None and verification.reason:
            return verification.reason
        return reasonOf(error)

    def _finish(self, reason: str, close: bool = False) -> None:
        done = self._done
        assert done is not None, "a handshake ended twice"
        self._stop()
        if close:
            self.connection.close()
        done(reason)

    def _stop(self) -> None:
        self._done = None
        self._deadlines.forget(self)
        self._watchReading(False)
        self._watchWriting(False)

    def _watchReading(self, wanted: bool) -> None:
        if wanted is not self._reading:
            self._reading = wanted
            (self._reactor.addReader if wanted else self._reactor.removeReader)(self)

    def _watchWriting(self, wanted: bool) -> None:
        if wanted is not self._writing:
            self._writing = wanted
            (self._reactor.addWriter if wanted else self._reactor.removeWriter)(self)
