"""
Which keys are there? The part of the documentation that is written from the models.

C{python -m lbproxy.config.documentation docs/configuration.md} rewrites what is behind the file's
marker; what is before it is written by hand.
"""

from __future__ import annotations

import re
import sys
import textwrap
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from lbproxy.config.configuration import Configuration
from lbproxy.config.kinds import Before, Kind, Whole, Word
from lbproxy.config.listener import HTTPListener, TCPListener, UDPListener
from lbproxy.config.model import oneOrMany
from lbproxy.config.shape import keysOf
from lbproxy.config.supported import UNSUPPORTED

MARKER = "<!-- What follows is written by python -m lbproxy.config.documentation. -->\n"
_LISTENERS: dict[type[BaseModel], str] = {
    HTTPListener: "http",
    TCPListener: "tcp",
    UDPListener: "udp",
}


class Documentation:
    """
    A section for each model, in the order in which they are reached from the top.
    """

    def __init__(self, lines: tuple[str, ...] = UNSUPPORTED) -> None:
        """
        @param lines: what is not yet supported.
        """
        self._unsupported = lines
        self._titles: dict[type[BaseModel], str] = {}
        self._queue: list[tuple[type[BaseModel], str, str]] = []
        self._protocol = ""

    def text(self) -> str:
        """
        @return: Markdown.
        """
        self._queue = [(Configuration, "", "")]
        self._titles = {Configuration: "The top"}
        sections = []
        while self._queue:
            model, path, self._protocol = self._queue.pop(0)
            sections.append("\n".join(self._section(model, path)))
        return "\n\n".join(sections) + "\n"

    def _section(self, model: type[BaseModel], path: str) -> Iterator[str]:
        title = self._titles[model]
        yield f"## {title}\n"
        yield _prose(model.__doc__ or "") + "\n"
        if not model.model_fields:
            yield "It has no keys yet."
            return
        yield "| key | default | meaning |"
        yield "|---|---|---|"
        prefix = f"{path}." if path else ""
        for key, field in keysOf(model).items():
            kind = self._kind(field.annotation, field.metadata, f"{prefix}{key}")
            meaning = _prose(field.description or "")
            notYet = self._notYet(f"{prefix}{key}", model)
            yield _row(f"`{key}`", _default(field), f"{meaning} {kind}{notYet}")

    def _kind(self, annotation: Any, metadata: list[Any], path: str) -> str:
        words = self._words(annotation, metadata, path)
        many = "; one or a list" if Before(oneOrMany) in metadata else ""
        return f"*{words}{many}*" if words else ""

    def _words(self, annotation: Any, metadata: list[Any], path: str) -> str:
        if get_origin(annotation) is Annotated:
            inner, *more = get_args(annotation)
            return self._words(inner, [*more, *metadata], path)
        kinds = [each for each in metadata if isinstance(each, Kind)]
        if kinds:
            return _noun(kinds[0])
        if any(isinstance(each, Word) for each in metadata) or get_origin(annotation) is Literal:
            return " \\| ".join(_word(word) for word in get_args(annotation))
        if get_origin(annotation) in (Union, types.UnionType):
            parts = [self._words(each, [], path) for each in get_args(annotation)]
            return " or ".join(part for part in parts if part)
        return self._part(annotation, path)

    def _part(self, option: Any, path: str) -> str:
        origin, arguments = get_origin(option), get_args(option)
        if origin is tuple:
            inner = self._words(arguments[0], [], path)
            return inner if arguments[-1] is ... else f"two: {inner}"
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return f"mapping to {self._words(arguments[1], [], f'{path}.*')}"
        if isinstance(option, type) and issubclass(option, BaseModel):
            return self._link(option, path)
        return self._words(option, [], path) if origin is Literal else ""

    def _link(self, model: type[BaseModel], path: str) -> str:
        if model not in self._titles:
            protocol = _LISTENERS.get(model, self._protocol)
            self._titles[model] = self._title(model, path, protocol)
            self._queue.append((model, path, protocol))
        title = self._titles[model]
        return f"[{title}](#{re.sub(r'[^a-z0-9 -]', '', title.lower()).replace(' ', '-')})"

    def _title(self, model: type[BaseModel], path: str, protocol: str) -> str:
        shown = path.replace("*", "NAME")
        isShared = model not in _LISTENERS and shown not in self._titles.values()
        return shown if isShared else f"{shown}, {protocol}"

    def _notYet(self, path: str, model: type[BaseModel]) -> str:
        protocol = _LISTENERS.get(model, "")
        words = []
        for line in self._unsupported:
            pattern, _, word = line.partition(" = ")
            if pattern in (path, re.sub(r"^listeners\.\*", f"listeners.<{protocol}>", path)):
                words.append(word)
        if "" in words:
            return " **Not yet supported.**"
        return f" **Not yet supported: {', '.join(words)}.**" if words else ""


def _noun(kind: Kind) -> str:
    if not isinstance(kind, Whole):
        return kind.noun
    return f"number, {kind.low} to {kind.high}" if kind.high < 2**53 else "number"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required"
    if field.default is None:
        return "absent"
    if isinstance(field.default, BaseModel):
        return "its defaults"
    return f"`{_written(field.default, field.annotation, field.metadata)}`"


def _written(value: Any, annotation: Any, metadata: list[Any]) -> str:
    if isinstance(value, tuple):
        inner = get_args(annotation)[0] if get_origin(annotation) is tuple else None
        more = list(get_args(inner)[1:]) if get_origin(inner) is Annotated else []
        return f"[{', '.join(_written(each, inner, more) for each in value)}]"
    kinds = [each for each in metadata if isinstance(each, Kind)]
    if kinds:
        return kinds[0].write(value)
    return _word(value)


def _word(value: Any) -> str:
    if value == "" or value == {}:
        return '""' if value == "" else "{}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _prose(text: str) -> str:
    """
    @return: epytext as Markdown, its C{@} fields left out.
    """
    text = textwrap.dedent(text).split("@", 1)[0].strip()
    text = re.sub(r"[CL]\{((?:[^{}]|\{[^{}]*\})*)\}", r"`\1`", text)
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text)


def _row(*cells: str) -> str:
    return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", cell.strip()) for cell in cells) + " |"


def rewritten(page: str) -> str:
    """
    @param page: the page as it is.
    @return: the page with the part behind the marker as it should be.
    """
    return page.partition(MARKER)[0] + MARKER + "\n" + Documentation().text()


def main(path: str) -> None:
    """
    @param path: the page to rewrite.
    """
    with open(path, encoding="utf-8") as file:
        page = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(rewritten(page))


if __name__ == "__main__":
    main(sys.argv[1])
