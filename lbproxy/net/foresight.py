"""
What will instances look like? Said in advance, so that CPython finds their attributes at once.
"""

from __future__ import annotations

from types import FunctionType


def foresee(cls: type[object], *names: str) -> None:
    """
    Tell Python the attributes that instances of C{cls} may get, those of C{__init__} included.

    CPython keeps the attributes of all instances of a class under one table of keys, which is open
    only while the first few instances are made (at most 30 names, less one per instance). A name
    that is set for the first time later, say when the first of a thousand connections ends, turns
    each instance's values into a dictionary of its own: 3 us and 240 bytes apiece (measured, 3.11).
    """
    first = object.__new__(cls)
    for name in names:
        setattr(first, name, None)


def ownCode(cls: type[object], *names: str) -> None:
    """
    Give C{cls} its own copies of functions that it inherits.

    CPython remembers with each instruction where the attributes of the last object's class were. In
    a function that objects of two classes take turns in, it is always wrong.
    """
    for name in names:
        theirs = getattr(cls, name)
        ours = FunctionType(
            theirs.__code__.replace(),
            theirs.__globals__,
            name,
            theirs.__defaults__,
            theirs.__closure__,
        )
        ours.__qualname__, ours.__doc__ = f"{cls.__qualname__}.{name}", theirs.__doc__
        setattr(cls, name, ours)
