"""
Does the mail server greet, and know what it can do?
"""

from __future__ import annotations

import re
from collections.abc import Generator

from lbproxy.health.conversation import Closed, Conversation, ProbeFailed, Want, line
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import Backend

# RFC 5321 4.2: three digits, a hyphen where more lines follow.
_REPLY = re.compile(rb"[2-5][0-9][0-9](?:[ -].*)?")

# A banner or an EHLO answer has rarely more than 20 lines.
_LINES = 100

_NAME = re.compile(r"[A-Za-z0-9.:\[\]-]+")


class SMTPDialogue:
    """
    Waits for the banner, says C{EHLO}, says C{QUIT}.
    """

    def __init__(self, name: str = "localhost") -> None:
        """
        @param name: who we say we are.
        @raise ValueError: with a message fit for a user.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f'"{name}" is not a host name')
        self._hello = f"EHLO {name}\r\n".encode()

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        yield from _reply(b"", b"220", "the banner")
        yield from _reply(self._hello, b"250", "EHLO")
        try:
            # Leaving without a word makes many servers log a complaint.
            yield from line(b"QUIT\r\n")
        except Closed:
            pass
        return "SMTP 250"


def _reply(say: bytes, code: bytes, what: str) -> Generator[Want, bytes, None]:
    """
    @raise ProbeFailed: unless every line of the reply has C{code}.
    """
    for _ in range(_LINES):
        received = yield from line(say)
        say = b""
        if not _REPLY.fullmatch(received) or not received.startswith(code):
            raise ProbeFailed(f"{what} is {quoted(received)}, wanted {code.decode()}")
        if received[3:4] != b"-":
            return
    raise ProbeFailed(f"{what} has more than {_LINES} lines")
