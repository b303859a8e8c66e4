"""
What may stand here? The models, walked along a path.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lbproxy.config.configuration import Configuration
from lbproxy.config.listener import HTTPListener, TCPListener, UDPListener
from lbproxy.config.node import Node, Path

_LISTENERS: dict[str, type[BaseModel]] = {
    "http": HTTPListener,
    "tcp": TCPListener,
    "udp": UDPListener,
}


def keysOf(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """
    @return: a model's fields by the keys that configurations use.
    """
    return {field.alias or name: field for name, field in model.model_fields.items()}


def fieldAt(root: Node, path: Path) -> FieldInfo | None:
    """
    @return: the field that C{path} leads to, or L{None} where there is none.
    """
    if not path or not isinstance(path[-1], str):
        return None
    model = modelAt(root, path[:-1])
    return keysOf(model).get(path[-1]) if model else None


def keysAt(root: Node, path: Path) -> list[str]:
    """
    @return: the keys of the model that C{path} leads to.
    """
    model = modelAt(root, path)
    keys = list(keysOf(model)) if model else []
    return ["include", *keys] if model is Configuration else keys


def modelAt(root: Node, path: Path, protocol: str = "") -> type[BaseModel] | None:
    """
    @param protocol: what its listener is taken for; default: what it says.
    @return: the model that C{path} leads to, or L{None} where something else stands.
    """
    here: Any = Configuration
    for depth, step in enumerate(path):
        here = _step(here, step)
        if depth == 1 and path[0] == "listeners":
            here = _LISTENERS.get(protocol or protocolAt(root, path))
    for option in _options(here):
        if get_origin(option) is tuple:
            # One instead of a list.
            option = get_args(option)[0]
        found: list[type[BaseModel]] = [each for each in _options(option) if _isModel(each)]
        if found:
            return found[0]
    return None


def protocolAt(root: Node, path: Path) -> str:
    """
    @return: the protocol of the listener that C{path} leads into, C{""} if it has none.
    """
    node = root.at((*path[:2], "protocol"))
    return str(node.value) if node else ""


def _step(here: Any, step: str | int) -> Any:
    for option in _options(here):
        if _isModel(option):
            field = keysOf(option).get(str(step))
            return field.annotation if field else None
        origin, arguments = get_origin(option), get_args(option)
        if origin is tuple and isinstance(step, str):
            # One instead of a list.
            return _step(arguments[0], step)
        if origin is tuple:
            return arguments[0]
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return arguments[1]
    return None


def _options(annotation: Any) -> Iterator[Any]:
    """
    @return: what an annotation allows besides L{None}, without what C{Annotated} adds.
    """
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin is Union or origin is types.UnionType:
        for argument in get_args(annotation):
            yield from _options(argument)
    elif annotation is not None and annotation is not type(None):
        yield annotation


def _isModel(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, BaseModel)


def protocolsWith(root: Node, path: Path) -> list[str]:
    """
    @return: the protocols whose listeners may have the key that C{path} leads to.
    """
    if len(path) < 3 or path[0] != "listeners":
        return []
    models = {name: modelAt(root, path[:-1], name) for name in _LISTENERS}
    return [name for name, model in models.items() if model and path[-1] in keysOf(model)]
