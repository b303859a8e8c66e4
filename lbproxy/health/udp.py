"""
Does a service behind UDP answer? One datagram there, one back.
"""

from __future__ import annotations

from lbproxy.health.conversation import Conversation, ProbeFailed, Want
from lbproxy.health.expected import Expected
from lbproxy.health.wording import plural, quoted
from lbproxy.pool.backend import Backend


class UDPDialogue:
    """
    Sends one datagram and judges the first that comes back.
    """

    def __init__(self, send: bytes = b"", expect: Expected | None = None) -> None:
        """
        @param send: may be empty: an empty datagram is one, too.
        @param expect: what the answer must contain; L{None} for any answer.
        """
        self._send = send
        self._expect = expect

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        answer = yield Want(self._send)
        if self._expect is not None and self._expect.find(answer) < 0:
            raise ProbeFailed(f"answered {quoted(answer)}, wanted {self._expect}")
        return f"answered {plural(len(answer), 'byte')}"
