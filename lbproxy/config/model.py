"""
What do all parts of a configuration share? Frozen models without surprises, and their shorthands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict

from lbproxy.config.kinds import Before, Text

T = TypeVar("T")


class Model(BaseModel):
    """
    Base of all configuration models: frozen, and unknown keys are errors.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, populate_by_name=True
    )


def oneOrMany(value: Any) -> Any:
    """
    C{x} is short for C{[x]}.
    """
    return value if value is None or isinstance(value, list | tuple) else [value]


def keyed(key: str) -> Before:
    """
    A bare word, number or list is short for C{{key: value}}.
    """

    def change(value: Any) -> Any:
        return value if value is None or isinstance(value, Mapping | BaseModel) else {key: value}

    return Before(change)


def switch(value: Any) -> Any:
    """
    C{true} is short for C{{}} (all defaults), C{false} for leaving the key out.
    """
    if value is True:
        return {}
    return None if value is False else value


def off(value: Any) -> Any:
    """
    C{false} and C{off} mean that the key is left out.
    """
    return None if value is False or value == "off" else value


def exactlyOne(model: BaseModel, noun: str, *keys: str) -> None:
    """
    @raise ValueError: not exactly one of C{keys} is there.
    """
    given = [key for key in keys if getattr(model, key) not in (None, "", ())]
    empty = [key for key in keys if key in model.model_fields_set and getattr(model, key) is None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other; wanted one {noun}")
    if not given and empty:
        raise ValueError(f"{empty[0]} is empty; wanted {{}} behind it, or what it needs")
    if not given:
        raise ValueError(f"no {noun}; wanted one of {', '.join(keys)}")


OneOrMany = Annotated[tuple[T, ...], Before(oneOrMany)]

# A name is seen in logs, dotted paths, URLs of the admin API and metrics: no character that one of
# them would have to escape.
Name = Annotated[
    str,
    Text(
        r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}",
        'a name of letters, digits, "_", "-" and ".", such as "web-2"',
    ),
]
