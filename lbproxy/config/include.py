"""
Which files make up the configuration? A file and those that it includes, merged.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping

from lbproxy.config.document import MAX_BYTES, Document, readDocument
from lbproxy.config.node import Node, Place, dotted
from lbproxy.errors import Problem

# Named by globs, so it takes little to have too many.
MAX_FILES = 1000
# These are merged name by name; every other key may stand in one file only.
SECTIONS = ("listeners", "pools")


class Files:
    """
    Reads files into one tree.

    @ivar root: all that was read so far.
    @ivar problems: all that was wrong so far.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._seen: set[str] = set()
        self._isComplete = True
        self.root = Node({}, Place(""))
        self.problems: list[Problem] = []

    def addFile(self, name: str, namedAt: Place | None = None) -> None:
        """
        @param name: a path, as messages will show it.
        @param namedAt: where it is included.
        """
        real = os.path.realpath(name)
        if real in self._seen:
            return
        self._seen.add(real)
        place = namedAt or Place(name)
        if len(self._seen) > MAX_FILES:
            self._problem(place, f"too many files; wanted at most {MAX_FILES}")
            return
        try:
            if namedAt is not None and not os.path.isfile(name):
                raise ValueError("not a regular file; wanted a YAML file")
            self.addText(_read(name), name)
        except (OSError, ValueError) as error:
            self._isComplete = False
            why = error.strerror if isinstance(error, OSError) else str(error)
            self._problem(place, f"{name}: {why}" if namedAt else str(why))
        except _NotText as error:
            self._isComplete = False
            self.problems.append(Problem(name, error.line, error.column, "", str(error)))

    def addText(self, text: str, name: str) -> None:
        """
        @param text: what the file of that name holds.
        """
        folder = os.path.dirname(os.path.abspath(name))
        document = readDocument(text, name, folder, self._environ)
        self.problems += document.problems
        self._isComplete = self._isComplete and document.isComplete
        patterns = self._patterns(document)
        self._merge(document.root)
        for pattern, place in patterns:
            self._include(os.path.join(os.path.dirname(name), pattern), place)

    def tree(self) -> Node:
        """
        @return: what was read; where a file could not be, the gaps are marked C{partial}.
        """
        if not self._isComplete:
            self.root.partial = True
            for section in SECTIONS:
                node = self.root.child(section)
                if node is not None:
                    node.partial = True
        return self.root

    def _patterns(self, document: Document) -> list[tuple[str, Place]]:
        node = document.root.value.pop("include", None)
        document.root.keys.pop("include", None)
        if node is None:
            return []
        patterns = []
        for item in node.value if isinstance(node.value, list) else [node]:
            if isinstance(item.value, str) and item.value and "\0" not in item.value:
                patterns.append((str(item.value), item.place))
            else:
                self._problem(item.place, "wanted paths such as conf.d/*.yaml")
        return patterns

    def _include(self, pattern: str, place: Place) -> None:
        names = sorted(glob.glob(pattern))
        if not names and not glob.has_magic(pattern):
            self._problem(place, f"{pattern}: no such file; wanted one, or a pattern with *")
        for name in names:
            self.addFile(name, place)

    def _merge(self, other: Node) -> None:
        if not self.root.place.file:
            self.root = other
            return
        for key, node in other.value.items():
            mine = self.root.value.get(key)
            if mine is None:
                self.root.value[key] = node
                self.root.keys[key] = other.keys[key]
            elif key in SECTIONS and isinstance(mine.value, dict) and isinstance(node.value, dict):
                self._mergeSection(key, mine, node)
            else:
                self._twice(other.keys[key], self.root.keys[key], key)

    def _mergeSection(self, section: str, mine: Node, other: Node) -> None:
        for name, node in other.value.items():
            if name in mine.value:
                self._twice(other.keys[name], mine.keys[name], section, name)
            else:
                mine.value[name] = node
                mine.keys[name] = other.keys[name]

    def _twice(self, place: Place, first: Place, *path: str) -> None:
        message = f"given twice; the first is at {first}"
        self.problems.append(Problem(place.file, place.line, place.column, dotted(path), message))

    def _problem(self, place: Place, message: str) -> None:
        key = "include" if place.line else ""
        self.problems.append(Problem(place.file, place.line, place.column, key, message))


class _NotText(Exception):
    """
    A file is not UTF-8; C{line} and C{column} count from 1.
    """

    def __init__(self, before: bytes) -> None:
        super().__init__("a byte that is not UTF-8; wanted the file saved as UTF-8")
        self.line = before.count(b"\n") + 1
        self.column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1


def _read(name: str) -> str:
    with open(name, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"too large; wanted at most {MAX_BYTES // 1024**2} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _NotText(data[: error.start]) from error
