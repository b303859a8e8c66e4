"""
Configurations as text, and what they are assembled with.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock

from lbproxy.assembly.parts import Parts
from lbproxy.config.configuration import Configuration
from lbproxy.config.load import parseConfiguration

POOL = 'pools: {web: {backends: ["192.0.2.1:80"]}}\n'


def configured(text: str) -> Configuration:
    """
    @param text: YAML; a listener is added where there is none.
    """
    if "listeners:" not in text:
        name = text.split("pools:")[1].strip(" {\n").partition(":")[0]
        text += f'\nlisteners: {{x: {{bind: "127.0.0.1:0", protocol: http, pool: {name}}}}}\n'
    return parseConfiguration(text, "/nowhere/e.yaml", {})


def partsFor(text: str) -> Parts:
    """
    With a clock that is turned by hand.
    """
    return Parts.make(Clock(), configured(text))


class Call:
    """
    Stands for a class or function: keeps how it was called.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *given: Any, **named: Any) -> Call:
        """
        Keep it.
        """
        self.calls.append((given, named))
        return self

    @property
    def given(self) -> tuple[Any, ...]:
        """
        The positional arguments of the last call.
        """
        return self.calls[-1][0]

    @property
    def named(self) -> dict[str, Any]:
        """
        Its arguments by name.
        """
        return self.calls[-1][1]
