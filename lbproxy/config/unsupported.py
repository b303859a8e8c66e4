"""
Which of the keys that were given does this version not do yet?
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from lbproxy.config.node import Node, Path, dotted
from lbproxy.config.shape import keysOf, modelAt
from lbproxy.config.supported import UNSUPPORTED
from lbproxy.config.words import quoted
from lbproxy.errors import Problem


def unsupported(root: Node, lines: tuple[str, ...] | None = None) -> dict[Path, Problem]:
    """
    @param lines: as in L{UNSUPPORTED}, which is the default.
    @return: what stands in C{root} and is not yet supported, by its path; nothing below a path
        that is reported itself.
    """
    found: dict[Path, Problem] = {}
    for line in UNSUPPORTED if lines is None else lines:
        pattern, equals, word = line.partition(" = ")
        for path, node in _matching(root, tuple(pattern.split(".")), ()):
            if equals:
                found.update(_word(root, path, node, word))
            elif not _harmless(root, path, node):
                place = root.placeOf(path, key=True)
                found[path] = _problem(place, path, "not yet supported")
    return {path: problem for path, problem in found.items() if not _within(path, found)}


def _within(path: Path, found: dict[Path, Problem]) -> bool:
    return any(path[:length] in found for length in range(1, len(path)))


def _matching(node: Node, pattern: Path, path: Path) -> Iterator[tuple[Path, Node]]:
    if not pattern:
        yield path, node
    elif isinstance(node.value, list):
        for index, item in enumerate(node.value):
            yield from _matching(item, pattern, (*path, index))
    elif isinstance(node.value, dict):
        for key, child in node.value.items():
            if _fits(str(pattern[0]), key, child):
                yield from _matching(child, pattern[1:], (*path, key))


def _fits(step: str, key: str, child: Node) -> bool:
    if step.startswith("<"):
        protocol = child.child("protocol")
        return protocol is not None and protocol.value == step[1:-1]
    return step in ("*", key)


def _word(root: Node, path: Path, node: Node, word: str) -> dict[Path, Problem]:
    if isinstance(node.value, list):
        found: dict[Path, Problem] = {}
        for index, item in enumerate(node.value):
            found.update(_word(root, (*path, index), item, word))
        return found
    if not isinstance(node.value, str) or not fnmatchcase(node.value, word):
        return {}
    return {path: _problem(node.place, path, f"{quoted(node.text)} is not yet supported")}


def _harmless(root: Node, path: Path, node: Node) -> bool:
    """
    Whether the key says what would hold without it.
    """
    if node.value is None or node.value is False:
        return True
    model = modelAt(root, path[:-1])
    field = keysOf(model).get(str(path[-1])) if model else None
    if model is None or field is None or field.default is PydanticUndefined:
        return False
    try:
        given = _adapter(model, str(path[-1])).validate_python(node.plain())
    except ValidationError:
        return False
    return bool(given == field.default)


@cache
def _adapter(model: type[BaseModel], key: str) -> TypeAdapter[Any]:
    field = keysOf(model)[key]
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(kind)


def _problem(place: Any, path: Path, message: str) -> Problem:
    return Problem(place.file, place.line, place.column, dotted(path), message)
