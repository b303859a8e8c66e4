"""
How is it put? Reasons of a check in words for the log, safe whatever a backend sent.
"""

from __future__ import annotations

from twisted.internet import error
from twisted.python.failure import Failure

# Characters of a backend's own words, and of a library's error, that go into a reason.
_QUOTE_LIMIT = 80
_EXPLANATION_LIMIT = 160

_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (error.ConnectionRefusedError, "connection refused"),
    (ConnectionRefusedError, "connection refused"),
    (error.TCPTimedOutError, "no answer to the connection attempt"),
    (error.TimeoutError, "no answer to the connection attempt"),
    (error.NoRouteError, "no route to it"),
    (error.ConnectionDone, "connection closed"),
    (error.ConnectionLost, "connection reset"),
    (ConnectionResetError, "connection reset"),
)


def quoted(data: bytes) -> str:
    """
    A backend's words: printable, short, in quotes.
    """
    return f'"{_printable(data.decode("latin-1"), _QUOTE_LIMIT)}"'


def plural(count: int, noun: str) -> str:
    """
    C{1 byte}, C{2 bytes}.
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def explain(failure: Failure) -> str:
    """
    Why a connection failed or broke.
    """
    problem = failure.value
    for kind, words in _WORDS:
        if isinstance(problem, kind):
            return words
    if isinstance(problem, OSError) and problem.strerror:
        return _printable(problem.strerror, _EXPLANATION_LIMIT)
    return _printable(str(problem) or type(problem).__name__, _EXPLANATION_LIMIT)


def _printable(text: str, limit: int) -> str:
    # ASCII only: no terminal escapes, no line ends, no letters that look like others.
    text = "".join(c if " " <= c <= "~" else "." for c in text[: limit + 1])
    return text if len(text) <= limit else f"{text[:limit]}..."
