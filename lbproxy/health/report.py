"""
What does the backend say of itself? One line of HAProxy's agent protocol, read.

Words with blanks or commas between: C{up}, C{down}, C{fail}, C{failed}, C{stopped} are about
health, C{ready}, C{drain}, C{maint} about the admin state, C{75%} and C{weight:10} about the
weight. C{#} begins the reason for being down. What a line does not speak of stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass

from lbproxy.health.conversation import Closed, ProbeFailed, Want
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import MAX_WEIGHT, AdminState, Backend, Health

_LINE_LIMIT = 1024
# Nobody takes all traffic to himself by claiming to bear a thousand times his share.
_SHARE_LIMIT = 10.0

_HEALTH = {"up": Health.UP} | dict.fromkeys(("down", "fail", "failed", "stopped"), Health.DOWN)
_ADMIN = {
    "ready": AdminState.READY,
    "drain": AdminState.DRAIN,
    "maint": AdminState.MAINTENANCE,
}
_BLANKS = re.compile(r"[ \t,]+")
_PERCENT = re.compile(r"([0-9]{1,5})%")
_WEIGHT = re.compile(r"weight:([0-9]{1,5})")
# Known, and without a counterpart here: the limit of connections is the configuration's.
_IGNORED = re.compile(r"maxconn:[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Report:
    """
    One line, understood; L{None} where it says nothing.

    C{share} is the weight as a share of the one that was set, C{weight} an absolute one, C{text}
    the whole line, fit for the log.
    """

    text: str
    health: Health | None = None
    admin: AdminState | None = None
    share: float | None = None
    weight: int | None = None


def parseReport(line: bytes) -> Report:
    """
    Words that nobody knows are passed over, as in HAProxy.

    @raise ProbeFailed: there is no known word at all.
    """
    health = admin = share = weight = None
    known = False
    for word in _BLANKS.split(line.partition(b"#")[0].decode("latin-1").lower()):
        if word in _HEALTH:
            health = _HEALTH[word]
        elif word in _ADMIN:
            admin = _ADMIN[word]
        elif match := _PERCENT.fullmatch(word):
            share = min(int(match[1]) / 100, _SHARE_LIMIT)
        elif match := _WEIGHT.fullmatch(word):
            weight = min(int(match[1]), MAX_WEIGHT)
        elif not _IGNORED.fullmatch(word):
            continue
        known = True
    if not known:
        raise ProbeFailed(f"not an agent's line: {quoted(line)}")
    return Report(quoted(line), health, admin, share, weight)


class AgentDialogue:
    """
    Connects, says something if the agent wants that, reads a line.
    """

    def __init__(self, send: bytes = b"") -> None:
        """
        @param send: what the agent wants to hear first, with its line end.
        """
        self._send = send

    def talk(self, backend: Backend) -> Generator[Want, bytes, Report]:
        """
        @return: ends with the L{Report}.
        """
        try:
            received = yield Want(self._send, until=b"\n", limit=_LINE_LIMIT)
        except Closed as closed:
            # Agents of few words close instead of ending their line.
            received = closed.data
            if not received:
                raise
        return parseReport(received.strip())
