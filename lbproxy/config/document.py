"""
What does the YAML say? A file's text -> nodes, with none of YAML's surprises.

Plain words mean what they mean in JSON: C{null true false}, decimal numbers; everything else is
text (C{on}, C{0777}, C{1:30}, dates). Refused are duplicate and non-text keys, merge keys, tags,
more than one document, and whatever would grow or nest beyond reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lbproxy.config.environment import expand
from lbproxy.config.node import Node, Path, Place, dotted
from lbproxy.config.scalar import Scalar
from lbproxy.config.syntax import firstUnprintable, syntaxMessage
from lbproxy.config.words import quoted
from lbproxy.errors import Problem

# The largest file: 100 000 networks with room to spare.
MAX_BYTES = 16 * 1024 * 1024
# Values in one file once its aliases are expanded; beyond it a file is an attack or an accident.
MAX_VALUES = 1_000_000
# The reference nests 8 deep.
MAX_DEPTH = 40

_WORDS: dict[str, Any] = {"": None, "~": None, "null": None, "true": True, "false": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,29})")
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,3})?")
# The C parser is some 20 times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Frame:
    """
    A mapping or list that is being read. C{key} is the key whose value comes next.
    """

    node: Node
    anchor: str | None
    before: int
    key: str | None = None
    hasKey: bool = False


class Document:
    """
    One file.

    @ivar root: its mapping, after L{read}.
    @ivar problems: what was wrong so far.
    """

    def __init__(self, name: str, folder: str, environ: Mapping[str, str]) -> None:
        """
        @param name: what messages call the file.
        @param folder: where its relative paths start.
        """
        self._name = name
        self._folder = folder
        self._environ = environ
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._values = 0
        self._documents = 0
        self.root = Node({}, Place(name))
        self.problems: list[Problem] = []

    def read(self, text: str) -> None:
        """
        Fill C{root} and C{problems}; a file that is no YAML leaves C{root} as far as it was read.
        """
        bad = firstUnprintable(text)
        if bad is not None:
            self._problem(Place(self._name, *bad[:2]), bad[2])
            return
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._event(event)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = self._place(mark) if mark else Place(self._name)
            self._problem(place, syntaxMessage(error), named=False)
        except yaml.YAMLError:
            self._problem(Place(self._name), "not YAML; wanted a mapping of keys")
        except _Stop:
            pass

    def _event(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            self._tag(event)
            self._attach(self._scalar(event), event.anchor, 1)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            frame = self._frames.pop()
            self._attach(frame.node, frame.anchor, self._values - frame.before + 1)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._problem(
                    self._place(event.start_mark), "a second document; wanted one per file"
                )
                raise _Stop

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        place = self._place(event.start_mark)
        if len(self._frames) >= MAX_DEPTH:
            self._problem(place, f"nested too deep; wanted at most {MAX_DEPTH} levels")
            raise _Stop
        self._tag(event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        self._count(1, place)
        self._anchors.pop(event.anchor or "", None)
        self._frames.append(_Frame(Node(value, place), event.anchor, self._values))

    def _count(self, values: int, place: Place) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._problem(place, f"too many values; wanted at most {MAX_VALUES}, aliases expanded")
            raise _Stop

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event.start_mark)
        anchor = event.anchor or ""
        found = self._anchors.get(anchor)
        if found is None:
            self._problem(
                place, f"{quoted('*' + anchor)} names no anchor that is complete before it"
            )
            found = Node(None, place), 1
        node, size = found
        self._count(size, place)
        # Shared values, but the place is the alias's: that is where a message must point.
        self._attach(Node(node.value, place, node.keys, node.text), None, size)

    def _attach(self, node: Node, anchor: str | None, size: int) -> None:
        if not self._frames:
            self._setRoot(node)
        elif isinstance(self._frames[-1].node.value, list):
            self._frames[-1].node.value.append(node)
        else:
            self._attachToMapping(self._frames[-1], node)
        if anchor:
            self._anchors[anchor] = node, size

    def _attachToMapping(self, frame: _Frame, node: Node) -> None:
        if not frame.hasKey:
            frame.hasKey = True
            frame.key = self._key(frame, node)
            return
        if frame.key is not None:
            frame.node.value[frame.key] = node
        frame.hasKey = False
        frame.key = None

    def _key(self, frame: _Frame, node: Node) -> str | None:
        """
        @return: the key, or L{None} where it cannot be one (said in C{problems}).
        """
        if not isinstance(node.value, str):
            wanted = f"; write it in quotes: {quoted(node.text)}" if node.text else "; wanted text"
            self._problem(node.place, f"a key that is not text{wanted}")
            return None
        key = node.text
        if key == "<<":
            self._problem(node.place, 'merge keys ("<<") are not read; wanted the keys themselves')
            return None
        first = frame.node.keys.get(key)
        if first is not None:
            self._problem(node.place, f"given twice; the first is at {first}", key)
            return None
        frame.node.keys[key] = node.place
        return key

    def _setRoot(self, node: Node) -> None:
        if isinstance(node.value, dict):
            self.root = node
        elif node.value is not None:
            self._problem(node.place, "wanted a mapping of keys such as listeners and pools")

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        place = self._place(event.start_mark)
        self._count(1, place)
        text: str = event.value
        isKey = bool(self._frames) and self._takesKey(self._frames[-1])
        if "${" in text and not isKey:
            return Node(self._expanded(text, place), place, text=text)
        value: Any = _resolve(text) if event.implicit[0] else text
        if isinstance(value, str):
            value = Scalar(value, self._folder)
        return Node(value, place, text=text)

    @staticmethod
    def _takesKey(frame: _Frame) -> bool:
        return isinstance(frame.node.value, dict) and not frame.hasKey

    def _expanded(self, text: str, place: Place) -> Scalar | None:
        try:
            return Scalar(expand(text, self._environ), self._folder, True)
        except ValueError as error:
            self._problem(place, str(error))
            return None

    def _tag(self, event: Any) -> None:
        if event.tag is not None:
            self._problem(
                self._place(event.start_mark),
                f"tags such as {quoted(_shortTag(event.tag))} are not read; wanted the plain value",
            )

    def _place(self, mark: Any) -> Place:
        return Place(self._name, mark.line + 1, mark.column + 1)

    def _problem(self, place: Place, message: str, key: str = "", named: bool = True) -> None:
        path = dotted((*self._path(), key) if key else self._path()) if named else ""
        self.problems.append(Problem(place.file, place.line, place.column, path, message))

    def _path(self) -> Path:
        steps: list[str | int] = []
        for frame in self._frames:
            if isinstance(frame.node.value, list):
                steps.append(len(frame.node.value))
            elif frame.key is not None:
                steps.append(frame.key)
        return tuple(steps)


class _Stop(Exception):
    """
    The rest of the file is not read.
    """


def _resolve(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else text
    return text


def _shortTag(tag: str) -> str:
    return tag.replace("tag:yaml.org,2002:", "!!")


def readDocument(text: str, name: str, folder: str, environ: Mapping[str, str]) -> Document:
    """
    @return: the document, with its problems.
    """
    document = Document(name, folder, environ)
    document.read(text)
    return document
