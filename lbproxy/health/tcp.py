"""
Does the port answer, and as it should? Connect only, or a script of things to send and expect.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from lbproxy.health.conversation import Closed, Conversation, ProbeFailed, Want
from lbproxy.health.expected import Expected
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import Backend

# Bytes of an answer that are kept while looking for what is expected in it.
_ANSWER_LIMIT = 65536


@dataclass(frozen=True, slots=True)
class Step:
    """
    Send C{send}, if it isn't empty; then wait for C{expect}, if there is one.
    """

    send: bytes = b""
    expect: Expected | None = None


class TCPDialogue:
    """
    Goes through its steps in order; without any, a connection is all it asks for.
    """

    def __init__(self, steps: Sequence[Step] = ()) -> None:
        self._steps = tuple(steps)

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        received = b""
        for step in self._steps:
            if step.send:
                yield Want(step.send, wait=False)
            if step.expect is not None:
                received = yield from _await(step.expect, received)
        return "answered as expected" if self._steps else "connected"


def _await(expected: Expected, received: bytes) -> Generator[Want, bytes, bytes]:
    """
    Read on until C{expected} is there.

    @return: what came after it.
    """
    while True:
        end = expected.find(received)
        if end >= 0:
            return received[end:]
        if len(received) >= _ANSWER_LIMIT:
            raise ProbeFailed(f"{len(received)} bytes without {expected}")
        try:
            received += yield Want()
        except Closed as closed:
            if not received:
                raise
            raise ProbeFailed(f"got {quoted(received)}, wanted {expected}") from closed
