"""
Which backends does a file list? What discovery by file reads: a YAML list, as under C{backends}.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from lbproxy.config.document import readDocument
from lbproxy.config.messages import pathOf, problemFor
from lbproxy.config.model import Model, keyed
from lbproxy.config.node import Node
from lbproxy.config.pool import Backend
from lbproxy.errors import ConfigError, Problem

# Bytes. A hundred thousand backends fit; more than that is a mistake.
_LIMIT = 16 << 20


class _Listed(Model):
    backends: tuple[Annotated[Backend, keyed("address")], ...] = Field(description="The backends.")


def loadBackends(path: str, environ: Mapping[str, str] = os.environ) -> tuple[Backend, ...]:
    """
    @param path: a YAML file that holds a list of backends, or a mapping with the key C{backends}.
    @raise ConfigError: with everything that is wrong with it.
    """
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(_LIMIT + 1)
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise ConfigError([Problem(path, 0, 0, "", f"cannot be read: {reason}")]) from problem
    if len(text) > _LIMIT:
        raise ConfigError([Problem(path, 0, 0, "", f"more than {_LIMIT} bytes")])
    document = readDocument(text, path, os.path.dirname(path), environ, True)
    if document.problems:
        raise ConfigError(sorted(document.problems))
    return _validated(document.root)


def _validated(root: Node) -> tuple[Backend, ...]:
    value = root.plain()
    bare = isinstance(value, list)
    try:
        listed = _Listed.model_validate({"backends": value} if bare else value).backends
    except ValidationError as error:
        problems = []
        for each in error.errors(include_url=False):
            path = pathOf(each["loc"])
            problems.append(problemFor(root, each, path[1:] if bare else path))
        raise ConfigError(sorted(set(problems))) from None
    _refuseTwins(root, listed)
    return listed


def _refuseTwins(root: Node, listed: tuple[Backend, ...]) -> None:
    names: set[str] = set()
    for backend in listed:
        if backend.name in names:
            place = root.placeOf((), key=False)
            message = f'two backends named "{backend.name}"; wanted each name once'
            raise ConfigError([Problem(place.file, place.line, place.column, "", message)])
        names.add(backend.name)
