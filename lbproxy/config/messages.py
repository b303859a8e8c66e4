"""
What is wrong, in words? Validation errors -> problems with a place, a key and a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lbproxy.config.kinds import Before
from lbproxy.config.model import switch
from lbproxy.config.node import Node, Path, dotted
from lbproxy.config.shape import fieldAt, keysAt, protocolAt, protocolsWith
from lbproxy.config.words import quoted, shown, unknown
from lbproxy.errors import Problem

_KINDS = {
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
    "list_type": "a list",
}


def pathOf(loc: tuple[str | int, ...]) -> Path:
    """
    @param loc: where pydantic saw it.
    @return: the same without what pydantic adds: C{[key]}, and a listener's protocol.
    """
    steps = [step for step in loc if step != "[key]"]
    if len(steps) > 2 and steps[0] == "listeners":
        del steps[2]
    return tuple(steps)


def problemFor(root: Node, error: Mapping[str, Any], path: Path) -> Problem:
    """
    @param error: one of C{ValidationError.errors()}.
    @param path: where it is in C{root}.
    """
    kind = error["type"]
    if kind == "union_tag_invalid":
        path = (*path, "protocol")
    atKey = kind in ("extra_forbidden", "missing") or error["loc"][-1:] == ("[key]",)
    place = root.placeOf(path, atKey)
    known = path
    while known and root.at(known) is None:
        known = known[:-1]
    if kind == "missing":
        known = (*known, path[-1]) if known == path[:-1] else path
    return Problem(
        place.file, place.line, place.column, dotted(known), _sentence(root, error, path)
    )


def _sentence(root: Node, error: Mapping[str, Any], path: Path) -> str:
    kind, given, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    if kind == "extra_forbidden":
        return _unknownKey(root, path)
    if kind == "missing":
        return f"missing; wanted {'this key' if isinstance(path[-1], str) else 'a value'} here"
    if kind == "union_tag_not_found":
        return "no protocol; wanted protocol: http, tcp or udp"
    if kind == "union_tag_invalid":
        return unknown("protocol", context["tag"], ("http", "tcp", "udp"))
    if kind in _KINDS:
        return f"wanted {_KINDS[kind]}{_orSwitch(root, path)}, got {shown(given)}"
    if kind == "too_long":
        return f"{context['actual_length']} values; wanted at most {context['max_length']}"
    if kind == "too_short":
        return "an empty list; wanted at least one"
    return _unforeseen(kind)


def _orSwitch(root: Node, path: Path) -> str:
    field = fieldAt(root, path)
    return ", true or false" if field and Before(switch) in field.metadata else ""


def _unforeseen(kind: str) -> str:
    return f"not a fitting value ({kind.replace('_', ' ')}); see the documentation of this key"


def _unknownKey(root: Node, path: Path) -> str:
    key = str(path[-1])
    protocols = protocolsWith(root, path)
    if protocols:
        own = protocolAt(root, path)
        article = "an" if own == "http" else "a"
        return f"not for {article} {own} listener; only for protocol {' or '.join(protocols)}"
    here = keysAt(root, path[:-1])
    return unknown("key", key, here) if here else f"unknown key {quoted(key)}; wanted none here"
