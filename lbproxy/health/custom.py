"""
Which probe did the user write? Loads C{package.module:Class}.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from zope.interface.exceptions import Invalid
from zope.interface.verify import verifyObject

from lbproxy.interfaces import IProbe


def loadProbe(name: str, arguments: Mapping[str, object] | None = None) -> IProbe:
    """
    Import the class, make one of it with C{arguments}, and see that it is an L{IProbe}.

    @raise ValueError: with a message fit for a user.
    """
    module, colon, attribute = name.partition(":")
    if not (module and colon and attribute):
        raise ValueError(f'"{name}" is no probe; wanted "package.module:Class"')
    try:
        made = getattr(import_module(module), attribute)(**(arguments or {}))
    except Exception as problem:
        # Whatever a user's module does wrong belongs into one line of the configuration's errors.
        text = f"{type(problem).__name__}: {problem}"
        raise ValueError(f'the probe "{name}" cannot be made: {text}') from problem
    try:
        verifyObject(IProbe, made)
    except Invalid as problem:
        raise ValueError(f'"{name}" is no probe: {problem}') from problem
    probe: IProbe = made
    return probe
