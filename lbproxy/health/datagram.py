"""
How does a conversation run over UDP? One connected socket of its own per check.

Each thing said is a datagram, each thing wanted is the next one that comes back. Nothing is sent
again: a lost datagram is what C{fall} is for.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from lbproxy.config.address import Address
from lbproxy.health.conversation import Conversation, Dialogue, ProbeFailed
from lbproxy.health.target import Target
from lbproxy.interfaces import IProbe
from lbproxy.net.udp import AnswerReceiver
from lbproxy.pool.backend import Backend

# Datagrams that one check may take; a flood must not keep it busy until its timeout.
_DATAGRAMS = 16


class Link(Protocol):
    """
    A datagram socket with one peer, such as L{lbproxy.net.udp.ConnectedSocket}.
    """

    def send(self, data: bytes) -> bool:
        """
        False when the kernel did not take it.
        """

    def close(self) -> None:
        """
        Once is enough, more do no harm.
        """


class Linker(Protocol):
    """
    Opens a link: see L{lbproxy.health.connecting}.
    """

    def __call__(self, address: Address, receiver: AnswerReceiver) -> Link:
        """
        @raise OSError: there is no route, no descriptor, no port.
        """


@implementer(IProbe)
class DatagramProbe:
    """
    Holds a dialogue with the backend in datagrams.
    """

    def __init__(
        self,
        link: Linker,
        dialogue: Dialogue,
        target: Target | None = None,
        patience: float = 0.0,
        clock: IReactorTime | None = None,
    ) -> None:
        """
        @param patience: seconds after which silence is as good as an answer: for services that
            never answer, which then only an ICMP error shows to be gone. Less than the check's
            timeout; 0: silence is a failure.
        @param clock: needed for C{patience} only.
        """
        assert not patience or clock is not None
        self._link = link
        self._dialogue = dialogue
        self._target = target or Target()
        self._patience = patience
        self._clock = clock

    def check(self, backend: Backend) -> Deferred[Any]:
        """
        @return: fires with what was seen, for most dialogues a C{str}.
        """
        visit = _Visit(self._dialogue.talk(backend))
        result = visit.expect()
        try:
            visit.begin(self._link(self._target.of(backend.address), visit))
        except OSError as problem:
            visit.refused(problem.strerror or str(problem))
        if self._clock is not None and self._patience:
            visit.wait(self._clock, self._patience)
        return result


class _Visit:
    """
    One exchange. Whatever comes first ends it: an answer, an ICMP error, a cancellation.
    """

    _link: Link | None = None
    _timer: IDelayedCall | None = None

    def __init__(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._count = 0
        self._result: Deferred[Any] | None = None

    def expect(self) -> Deferred[Any]:
        """
        @return: how it will have ended.
        """
        result = self._result = Deferred(self._cancelled)
        return result

    def begin(self, link: Link) -> None:
        """
        Say the first thing.
        """
        self._link = link
        self._advance(None)

    def wait(self, clock: IReactorTime, patience: float) -> None:
        """
        Pass after C{patience} seconds.
        """
        if self._result is not None:
            self._timer = clock.callLater(patience, self._silent)

    def _silent(self) -> None:
        self._timer = None
        self._end().callback("not refused")

    def answerReceived(self, data: bytes) -> None:
        """
        A datagram from the backend.
        """
        if self._result is None:
            return
        self._count += 1
        if self._count > _DATAGRAMS:
            self._fail(f"more than {_DATAGRAMS} datagrams")
        else:
            self._advance(data)

    def refused(self, reason: str) -> None:
        """
        An ICMP error, or the like of our own host: nobody is there.
        """
        if self._result is not None:
            self._fail(reason.lower())

    def _advance(self, data: bytes | None) -> None:
        try:
            want = next(self._conversation) if data is None else self._conversation.send(data)
        except StopIteration as stop:
            self._end().callback(stop.value)
        except ProbeFailed as failed:
            self._end().errback(failed)
        except Exception as broken:
            # A mistake in the dialogue: the checker logs it and counts a failure.
            self._end().errback(broken)
        else:
            self._say(want.say)
            if not want.wait and self._result is not None:
                self._advance(b"")

    def _say(self, data: bytes | None) -> None:
        # A send that fails since nobody is there calls refused() before it returns.
        if data is not None and self._link is not None:
            self._link.send(data)

    def _fail(self, reason: str) -> None:
        self._end().errback(ProbeFailed(reason))

    def _cancelled(self, result: Deferred[Any]) -> None:
        self._end()

    def _end(self) -> Deferred[Any]:
        """
        @return: what is to be fired, once; forgotten here, for it knows us as its canceller.
        """
        result, self._result = self._result, None
        assert result is not None, "ended twice"
        self._conversation.close()
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        return result
