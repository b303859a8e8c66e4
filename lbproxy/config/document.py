"""
What does the YAML say? A file's text -> nodes, with none of YAML's surprises.

Plain words mean what they mean in JSON: C{null true false}, decimal numbers; everything else is
text (C{on}, C{0777}, C{1:30}, dates). Refused are duplicate and non-text keys, merge keys, tags,
more than one document, and whatever would grow or nest beyond reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from lbproxy.config.environment import expand
from lbproxy.config.node import Node, Path, Place, dotted
from lbproxy.config.plain import plainValue
from lbproxy.config.scalar import Scalar
from lbproxy.config.syntax import firstUnprintable, syntaxProblem
from lbproxy.config.words import quoted
from lbproxy.errors import Problem

# The largest file: 100 000 networks with room to spare.
MAX_BYTES = 16 * 1024 * 1024
# Values in one file once its aliases are expanded; beyond it a file is an attack or an accident.
MAX_VALUES = 1_000_000
# The reference nests 8 deep.
MAX_DEPTH = 40
# Who has made so many mistakes has made one.
MAX_PROBLEMS = 1000

# The C parser is some 20 times as fast.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class _Frame:
    """
    A mapping or list that is being read.

    @ivar before: how many values there were before it.
    @ivar height: how deep what it holds nests, so far.
    @ivar key: the key whose value comes next, L{None} if it cannot be used.
    """

    node: Node
    anchor: str | None
    before: int
    height: int = 1
    key: str | None = None
    hasKey: bool = False


@dataclass(frozen=True, slots=True)
class _Part:
    """
    A node with its size, in values, and its height, in levels, once aliases are expanded.
    """

    node: Node
    size: int = 1
    height: int = 0


class Document:
    """
    One file.

    @ivar root: its mapping, after L{read}.
    @ivar problems: what was wrong so far.
    @ivar isComplete: the file was read to its end.
    """

    def __init__(
        self, name: str, folder: str, environ: Mapping[str, str], mayList: bool = False
    ) -> None:
        """
        @param name: what messages call the file.
        @param folder: where its relative paths start.
        @param mayList: the file may hold a list instead of a mapping.
        """
        self._name = name
        self._folder = folder
        self._environ = environ
        self._frames: list[_Frame] = []
        self._anchors: dict[str, _Part] = {}
        self._values = 0
        self._documents = 0
        self._mayList = mayList
        self.root = Node({}, Place(name))
        self.problems: list[Problem] = []
        self.isComplete = True

    def read(self, text: str) -> None:
        """
        Fill C{root} and C{problems}; a file that is no YAML leaves C{root} as far as it was read.
        """
        try:
            self.isComplete = self._parse(text)
        except _Stop:
            self.isComplete = False

    def _parse(self, text: str) -> bool:
        """
        @return: whether it was read to its end.
        """
        bad = firstUnprintable(text)
        if bad is not None:
            self._problem(Place(self._name, *bad[:2]), bad[2])
            return False
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                self._event(event)
        except yaml.MarkedYAMLError as error:
            line, column, message = syntaxProblem(error, text)
            self._problem(Place(self._name, line, column), message, named=False)
            return False
        except yaml.YAMLError:
            self._problem(Place(self._name), "not YAML; wanted a mapping of keys")
            return False
        return True

    def _event(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
            self._tag(event, node)
            self._attach(_Part(node), event.anchor)
        elif isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            frame = self._frames.pop()
            size = self._values - frame.before + 1
            self._attach(_Part(frame.node, size, frame.height), frame.anchor)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._problem(
                    self._place(event.start_mark), "a second document; wanted one per file"
                )
                raise _Stop

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        place = self._place(event.start_mark)
        self._nest(1, place)
        self._count(1, place)
        self._anchors.pop(event.anchor or "", None)
        node = Node({} if isinstance(event, yaml.MappingStartEvent) else [], place)
        self._tag(event, node)
        self._frames.append(_Frame(node, event.anchor, self._values))

    def _count(self, values: int, place: Place) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._problem(place, f"too many values; wanted at most {MAX_VALUES}, aliases expanded")
            raise _Stop

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event.start_mark)
        anchor = event.anchor or ""
        part = self._anchors.get(anchor)
        if part is None:
            name = quoted("*" + anchor)
            self._problem(place, f"{name} names nothing; wanted an anchor that ends before it")
            part = _Part(Node(None, place, broken=True))
        self._count(part.size, place)
        self._nest(part.height, place)
        # Shared values, but the place is the alias's: that is where a message must point.
        named = part.node
        node = Node(named.value, place, named.keys, named.text, named.broken)
        self._attach(_Part(node, part.size, part.height), None)

    def _nest(self, levels: int, place: Place) -> None:
        if len(self._frames) + levels > MAX_DEPTH:
            self._problem(place, f"nested too deep; wanted at most {MAX_DEPTH} levels", named=False)
            raise _Stop

    def _attach(self, part: _Part, anchor: str | None) -> None:
        if not self._frames:
            self._setRoot(part.node)
        else:
            frame = self._frames[-1]
            frame.height = max(frame.height, part.height + 1)
            if isinstance(frame.node.value, list):
                frame.node.value.append(part.node)
            else:
                self._attachToMapping(frame, part.node)
        if anchor:
            self._anchors[anchor] = part

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
            frame.node.partial = True
            return None
        key = node.text
        if key == "<<":
            self._problem(node.place, 'merge keys ("<<") are not read; wanted the keys themselves')
            frame.node.partial = True
            return None
        first = frame.node.keys.get(key)
        if first is not None:
            self._problem(node.place, f"given twice; the first is at {first}", key)
            return None
        frame.node.keys[key] = node.place
        return key

    def _setRoot(self, node: Node) -> None:
        if isinstance(node.value, dict) or (self._mayList and isinstance(node.value, list)):
            self.root = node
        elif node.value is not None:
            self._problem(node.place, "wanted a mapping of keys such as listeners and pools")

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        place = self._place(event.start_mark)
        self._count(1, place)
        text: str = event.value
        value: Any
        isKey = bool(self._frames) and self._takesKey(self._frames[-1])
        if "${" in text and not isKey:
            value = self._expanded(text, place)
            return Node(value, place, text=text, broken=value is None)
        value = plainValue(text) if event.implicit[0] else text
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

    def _tag(self, event: Any, node: Node) -> None:
        if event.tag is not None:
            node.broken = True
            tag = quoted(event.tag.replace("tag:yaml.org,2002:", "!!"))
            place = self._place(event.start_mark)
            self._problem(place, f"tags such as {tag} are not read; wanted the plain value")

    def _place(self, mark: Any) -> Place:
        return Place(self._name, mark.line + 1, mark.column + 1)

    def _problem(self, place: Place, message: str, key: str = "", named: bool = True) -> None:
        path = dotted((*self._path(), key) if key else self._path()) if named else ""
        self.problems.append(Problem(place.file, place.line, place.column, path, message))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _Stop

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


def readDocument(
    text: str, name: str, folder: str, environ: Mapping[str, str], mayList: bool = False
) -> Document:
    """
    @param mayList: a list will do for a mapping.
    @return: the document, with its problems.
    """
    document = Document(name, folder, environ, mayList)
    document.read(text)
    return document
