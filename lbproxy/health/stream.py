"""
How does a conversation run over TCP or TLS? One connection of its own per check, closed at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, cast

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocol, ITCPTransport
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.health.conversation import Closed, Conversation, Dialogue, ProbeFailed, Want
from lbproxy.health.target import Target
from lbproxy.health.wording import explain
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend

# Bytes a peer may send in one check, whatever it says.
_RECEIVE_LIMIT = 1 << 20


class Cancellable(Protocol):
    """
    A connection attempt.
    """

    def cancel(self) -> None:
        """
        Give up; the protocol hears nothing any more.
        """


class Dialer(Protocol):
    """
    Connects a protocol to an address: L{lbproxy.net.dialing.dial} with all but these filled in.

    The protocol's C{connectFailed(failure)} is called when that does not work.
    """

    def __call__(self, address: Address, protocol: IProtocol) -> Cancellable:
        """
        Begin; the outcome may come before this returns.
        """


#: Looks at the transport of a connection to a backend; raises L{ProbeFailed} if that is no good.
Inspector = Callable[[Backend, Any], object]


@implementer(IProbe)
class StreamProbe:
    """
    Holds a dialogue with the backend over a byte stream.
    """

    def __init__(
        self,
        dial: Dialer,
        dialogue: Dialogue,
        target: Target | None = None,
        preamble: bytes = b"",
        inspect: Inspector | None = None,
    ) -> None:
        """
        @param preamble: what the backend wants to read before anything else, such as a PROXY
            protocol header; for plain TCP only.
        @param inspect: looks at each connection before anything is said on it.
        """
        self._dial = dial
        self._dialogue = dialogue
        self._target = target or Target()
        self._preamble = preamble
        self._inspect = inspect

    def check(self, backend: Backend) -> Deferred[Any]:
        """
        @return: fires with what was seen, for most dialogues a C{str}.
        """
        inspect = self._inspect and partial(self._inspect, backend)
        visit = _Visit(self._dialogue.talk(backend), self._preamble, inspect)
        return visit.begin(self._dial, self._target.of(backend.address))


class _Visit(TwistedProtocol):
    """
    One connection. Whatever comes first ends it: an answer, an error, a cancellation.
    """

    def __init__(
        self,
        conversation: Conversation,
        preamble: bytes,
        inspect: Callable[[Any], object] | None,
    ) -> None:
        self._conversation = conversation
        self._preamble = preamble
        self._inspect = inspect
        self._attempt: Cancellable | None = None
        self._received = bytearray()
        self._total = 0
        self._want: Want | None = None
        self._result: Deferred[Any] | None = None

    def begin(self, dial: Dialer, address: Address) -> Deferred[Any]:
        """
        Go and see.
        """
        result = self._result = Deferred(self._cancelled)
        self._attempt = dial(address, self)
        return result

    def connectionMade(self) -> None:
        if self._result is None:
            # Cancelled in the very moment in which the connection came about.
            cast(ITCPTransport, self.transport).abortConnection()
            return
        if self._inspect is not None:
            try:
                self._inspect(self.transport)
            except ProbeFailed as failed:
                self._end(polite=True).errback(failed)
                return
        if self._preamble:
            self._write(self._preamble)
        self._advance(None)
        self._feed()

    def dataReceived(self, data: bytes) -> None:
        if self._result is None:
            return
        self._total += len(data)
        if self._total > _RECEIVE_LIMIT:
            self._fail(f"more than {_RECEIVE_LIMIT} bytes of answer")
            return
        self._received += data
        self._feed()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._result is None:
            return
        if isinstance(reason.value, error.ConnectionDone):
            self._advance(Closed(bytes(self._received)))
        else:
            self._fail(explain(reason))

    def connectFailed(self, failure: Failure) -> None:
        """
        There is no connection.
        """
        self._attempt = None
        if self._result is not None:
            self._fail(explain(failure))

    def _feed(self) -> None:
        """
        Hand over what is wanted for as long as there is enough of it.
        """
        while self._want is not None and self._result is not None:
            try:
                taken = self._want.take(self._received)
            except ProbeFailed as failed:
                self._end().errback(failed)
                return
            if taken is None:
                return
            self._advance(taken)

    def _advance(self, event: bytes | Closed | None) -> None:
        """
        Let the conversation go on to its next want, or to its end.
        """
        try:
            want = self._step(event)
        except StopIteration as stop:
            self._end(polite=True).callback(stop.value)
        except ProbeFailed as failed:
            # A wrong answer is no bad manners: a reset at each check would fill the backend's log.
            self._end(polite=True).errback(failed)
        except Exception as broken:
            # A mistake in the dialogue: the checker logs it and counts a failure.
            self._end().errback(broken)
        else:
            self._want = want
            if want.say:
                self._write(want.say)

    def _step(self, event: bytes | Closed | None) -> Want:
        if isinstance(event, Closed):
            self._conversation.throw(event)
            # It goes on asking, but nobody is there any more.
            raise event
        if event is None:
            return next(self._conversation)
        return self._conversation.send(event)

    def _write(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def _fail(self, reason: str) -> None:
        self._end().errback(ProbeFailed(reason))

    def _cancelled(self, result: Deferred[Any]) -> None:
        self._end()

    def _end(self, polite: bool = False) -> Deferred[Any]:
        """
        Nothing that comes from now on counts; the socket goes.

        @param polite: say goodbye as the transport does, which takes care that this ends; otherwise
            nothing is left of the connection at once.
        @return: what is to be fired, once. It is forgotten here: it knows us as its canceller, and
            thousands of such cycles per second would be work for the garbage collector.
        """
        result, self._result = self._result, None
        assert result is not None, "ended twice"
        self._conversation.close()
        transport = self.transport
        if transport is None:
            if self._attempt is not None:
                self._attempt.cancel()
        elif polite:
            transport.loseConnection()
        else:
            cast(ITCPTransport, transport).abortConnection()
        return result
