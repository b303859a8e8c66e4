"""
Which routes need no backend? Those that answer by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lbproxy.l7.headers import NO_EDITS, HeaderEdits
from lbproxy.l7.replies import Reply
from lbproxy.l7.templates import Template

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange


class RespondPlan:
    """
    Answer with a fixed response.
    """

    __slots__ = ("_edits", "_reply")

    def __init__(self, reply: Reply, edits: HeaderEdits = NO_EDITS) -> None:
        """
        @param edits: fields that differ from request to request.
        """
        self._reply = reply
        self._edits = edits

    def start(self, exchange: Exchange) -> None:
        exchange.code = "respond"
        exchange.reply(self._reply, self._edits.varying(exchange))


class RedirectPlan:
    """
    Send the client elsewhere.

    C{to} may name C{{host}}, C{{path}} and C{{query}} of the request; the query comes with its
    question mark.
    """

    __slots__ = ("_local", "_status", "_to")

    def __init__(self, to: str, status: int) -> None:
        self._to = Template(to)
        self._status = status
        self._local = to.lstrip("/").startswith("{path}")

    def start(self, exchange: Exchange) -> None:
        location = self._to.expand(exchange)
        if self._local:
            # To browsers "//evil.example" is another host, and so is "/\\evil.example".
            location = b"/" + location.lstrip(b"/\\")
        exchange.code = "redirect"
        exchange.reply(Reply(self._status, b"", ((b"Location", location),)))


class NoRoutePlan:
    """
    Nothing matched.
    """

    __slots__ = ()

    def start(self, exchange: Exchange) -> None:
        exchange.code = "noRoute"
        exchange.fail(404)
