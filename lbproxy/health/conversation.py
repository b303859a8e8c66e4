"""
What is said, and what must come back? The vocabulary of probes, without sockets.

A conversation is a generator: it yields what it L{Want}s and is sent the bytes that satisfied it;
it returns what it saw ("HTTP 200") or raises L{ProbeFailed}. The same conversation runs over TCP,
TLS and UDP; L{lbproxy.health.stream} and L{lbproxy.health.datagram} carry it.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol

from lbproxy.errors import LBProxyError
from lbproxy.health.wording import plural
from lbproxy.pool.backend import Backend

#: Bytes; a longer line is no line of any protocol spoken here (HTTP/1 asks for 8 000 at least).
LINE_LIMIT = 8192


class ProbeFailed(LBProxyError):
    """
    A check did not pass; C{reason} says why, in words for the log.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Closed(ProbeFailed):
    """
    The peer closed. Raised where the conversation waits; those that expect it catch it.

    @ivar data: what had arrived and was not enough.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(f"closed after {plural(len(data), 'byte')}" if data else "closed at once")
        self.data = data


class Want:
    """
    Say something, then wait: for a line, for so many bytes, for any bytes, or not at all.
    """

    __slots__ = ("limit", "say", "size", "until", "wait")

    def __init__(
        self,
        say: bytes | None = None,
        *,
        size: int = 0,
        until: bytes = b"",
        limit: int = LINE_LIMIT,
        wait: bool = True,
    ) -> None:
        """
        @param say: bytes to send first; over UDP an empty datagram is sent, too.
        @param size: exactly so many bytes are wanted.
        @param until: everything up to and including this is wanted.
        @param limit: bytes within which C{until} must come.
        @param wait: false to go on at once, with nothing.
        """
        self.say = say
        self.size = size
        self.until = until
        self.limit = limit
        self.wait = wait

    def take(self, received: bytearray) -> bytes | None:
        """
        Cut what is wanted off the front of C{received}.

        @return: L{None} while there is not enough.
        @raise ProbeFailed: when the line is too long.
        """
        if not self.wait:
            return b""
        if self.until:
            end = received.find(self.until, 0, self.limit + len(self.until))
            if end < 0:
                if len(received) > self.limit:
                    raise ProbeFailed(f"a line of more than {self.limit} bytes")
                return None
            end += len(self.until)
        elif len(received) < self.size or not received:
            return None
        else:
            end = self.size or len(received)
        taken = bytes(received[:end])
        del received[:end]
        return taken


#: What it returns is what was seen, for the log; an agent's returns a report.
Conversation = Generator[Want, bytes, Any]


class Dialogue(Protocol):
    """
    Knows what to say to a backend; one serves all backends of a pool.
    """

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """


def line(say: bytes = b"", limit: int = LINE_LIMIT) -> Generator[Want, bytes, bytes]:
    """
    Say something, return the next line without its line end (CRLF or LF).
    """
    received = yield Want(say, until=b"\n", limit=limit)
    return received[:-1].removesuffix(b"\r")
