"""
Which routes need no backend? Those that answer by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lbproxy.l7.replies import Reply
from lbproxy.l7.templates import Template

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange


class RespondPlan:
    """
    Answer with a fixed response.
    """

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def start(self, exchange: Exchange) -> None:
        exchange.code = "respond"
        exchange.reply(self._reply)


class RedirectPlan:
    """
    Send the client elsewhere.

    C{to} may name C{{host}}, C{{path}} and C{{query}} of the request; the query comes with its
    question mark.
    """

    __slots__ = ("_status", "_to")

    def __init__(self, to: str, status: int) -> None:
        self._to = Template(to)
        self._status = status

    def start(self, exchange: Exchange) -> None:
        exchange.code = "redirect"
        exchange.reply(Reply(self._status, b"", ((b"Location", self._to.expand(exchange)),)))


class NoRoutePlan:
    """
    Nothing matched.
    """

    __slots__ = ()

    def start(self, exchange: Exchange) -> None:
        exchange.code = "noRoute"
        exchange.fail(404)
