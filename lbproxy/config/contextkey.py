"""
By what is a client known? The C{key} of balancers, rate limits and queues.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from lbproxy.config.kinds import Kind, asText
from lbproxy.config.words import quoted, unknown

_PLAIN = ("clientIP", "path", "serverName", "connectionID")
_NAMED = ("header", "cookie", "query")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True, slots=True)
class ContextKey:
    """
    C{kind} is one of clientIP, path, serverName, connectionID, header, cookie, query; C{name} is
    set for the last three, a header's in lower case.
    """

    kind: str
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


CLIENT_IP = ContextKey("clientIP")


class ContextKeyKind(Kind):
    """
    C{clientIP}, C{path}, C{serverName}, C{connectionID}, C{header:NAME}, C{cookie:NAME} or
    C{query:NAME}.
    """

    noun: ClassVar[str] = "key"

    def parse(self, value: object) -> object:
        if isinstance(value, ContextKey):
            return value
        text = asText(value)
        kind, colon, name = text.partition(":")
        if kind in _NAMED:
            if not _TOKEN.fullmatch(name):
                raise ValueError(
                    f'{quoted(text)} names no {kind}; wanted "{kind}:NAME", NAME being a token'
                )
            return ContextKey(kind, name.lower() if kind == "header" else name)
        if kind in _PLAIN and not colon:
            return ContextKey(kind)
        raise ValueError(unknown("key", text, (*_PLAIN, *(f"{word}:NAME" for word in _NAMED))))
