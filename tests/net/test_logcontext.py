"""
Tests for L{lbproxy.net.logcontext}.
"""

from __future__ import annotations

from typing import Any

from twisted.python import context, log

from lbproxy.net.logcontext import LogContext
from tests.net.descriptorcase import Descriptor, LeanReactorCase


class LogContextTests(LeanReactorCase):
    """
    Tests for L{LogContext}.
    """

    def system(self) -> str:
        found: str = context.get(log.ILogContext)["system"]
        return found

    def test_systemOfTheDescriptor(self) -> None:
        """
        What a descriptor logs carries its prefix; what nobody's event causes does not.
        """
        reader, writer = self.reader(), Descriptor(self)
        systems: list[str] = []

        def read() -> None:
            systems.append(self.system())

        def write() -> None:
            systems.append(self.system())
            self.reactor.removeWriter(writer)

        reader.onRead, writer.onWrite = read, write
        reader.peer.send(b"x")
        self.reactor.tryWriter(writer)
        self.until(lambda: len(systems) == 2)
        self.reactor.callLater(0, lambda: systems.append(self.system()))
        self.until(lambda: len(systems) == 3)
        self.assertEqual(["the descriptor", "the descriptor", "-"], systems)
        self.assertEqual("-", self.system())

    def test_messages(self) -> None:
        """
        Messages logged in an event carry the prefix as Twisted's reactors have it.
        """
        events: list[Any] = []
        log.addObserver(events.append)
        self.addCleanup(log.removeObserver, events.append)
        reader = self.reader()
        reader.onRead = lambda: log.msg("hello")
        reader.peer.send(b"x")
        self.until(lambda: events)
        self.assertEqual("the descriptor", events[0]["system"])

    def test_otherContext(self) -> None:
        """
        Other things in the context, and logging contexts inside the event, are left alone.
        """
        frame = LogContext()
        frame.selectable = Descriptor(self)
        context.call({"mine": 1}, context.call, frame, self._look)

    def _look(self) -> None:
        self.assertEqual(1, context.get("mine"))
        self.assertEqual("the descriptor", self.system())
        log.callWithContext({"system": "inner"}, self._lookInside)

    def _lookInside(self) -> None:
        self.assertEqual("inner", self.system())

    def test_brokenPrefix(self) -> None:
        """
        A descriptor whose C{logPrefix} fails can still log.
        """
        frame = LogContext()
        frame.selectable = Descriptor(self)
        frame.selectable.logPrefix = lambda: 1 / 0
        self.assertEqual("(buggy logPrefix method)", context.call(frame, self.system))
