"""
Whose turn is it? The C{system} of Twisted's log events, found out only when something is logged.

Twisted's reactors build a logging context around each event, for 2 us. Here the reactor just says
whose turn it is, and the context is built for those who ask.
"""

from __future__ import annotations

from typing import Any

from twisted.python import context
from twisted.python.log import ILogContext


class LogContext(dict[Any, Any]):
    """
    A frame for L{twisted.python.context.call}.

    @ivar selectable: whose event is being handled; L{None}: nobody's.
    """

    __slots__ = ("_asking", "selectable")

    def __init__(self) -> None:
        super().__init__()
        self.selectable: Any = None
        self._asking = False

    def __missing__(self, key: Any) -> Any:
        if key is not ILogContext or self.selectable is None or self._asking:
            raise KeyError(key)  # then the frame below is asked
        self._asking = True
        try:
            return {**context.get(ILogContext), "system": self._prefix()}
        finally:
            self._asking = False

    def _prefix(self) -> Any:
        try:
            return self.selectable.logPrefix()
        except Exception:
            return "(buggy logPrefix method)"
