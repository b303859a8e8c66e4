"""
What stands where? The values of a file with the place of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """
    A place in a file; C{line} and C{column} count from 1, 0: the whole file.
    """

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(slots=True)
class Node:
    """
    A value and its place. Nodes may be shared: an alias yields the node that its anchor names.

    @ivar value: a mapping or list of nodes, or a scalar.
    @ivar keys: the places of a mapping's keys.
    @ivar text: a scalar as it was written, before the environment's values were put in.
    @ivar broken: something is wrong with it, and that has been said.
    @ivar partial: some of it could not be read, and that has been said.
    """

    value: Any
    place: Place
    keys: dict[str, Place] = field(default_factory=dict)
    text: str = ""
    broken: bool = False
    partial: bool = False

    def child(self, step: str | int) -> Node | None:
        """
        @return: what is at a key or a position, or L{None}.
        """
        if isinstance(self.value, dict) and isinstance(step, str):
            found: Node | None = self.value.get(step)
            return found
        if isinstance(self.value, list) and isinstance(step, int) and step < len(self.value):
            item: Node = self.value[step]
            return item
        return None

    def at(self, path: Path) -> Node | None:
        """
        @return: what is at the end of C{path}, or L{None}.
        """
        node: Node | None = self
        for step in path:
            node = node.child(step) if node is not None else None
        return node

    def placeOf(self, path: Path, key: bool) -> Place:
        """
        @param key: the place of the key is wanted, not that of its value.
        @return: the place of what C{path} leads to, or of the nearest around it.
        """
        node, place = self, self.place
        for step in path:
            child = node.child(step)
            if child is None:
                break
            place = child.place
            if isinstance(step, str):
                keyPlace = node.keys.get(step, place)
                # A value on the lines below its key is best shown by the key.
                if key or not isinstance(child.value, str | int | float | bool):
                    place = keyPlace
            node = child
        return place

    def plain(self, skip: Collection[Path] = (), path: Path = ()) -> Any:
        """
        @param skip: paths to leave out.
        @return: the value as plain mappings, lists and scalars.
        """
        if not skip:
            return self._plain()
        if isinstance(self.value, dict):
            return {
                key: node.plain(skip, (*path, key))
                for key, node in self.value.items()
                if (*path, key) not in skip
            }
        if isinstance(self.value, list):
            return [
                node.plain(skip, (*path, index))
                for index, node in enumerate(self.value)
                if (*path, index) not in skip
            ]
        return self.value

    def _plain(self) -> Any:
        if isinstance(self.value, dict):
            return {key: node._plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node._plain() for node in self.value]
        return self.value

    def faults(self, path: Path = ()) -> Iterator[tuple[Path, Node]]:
        """
        @return: the nodes that are C{broken} or C{partial}.
        """
        if self.broken or self.partial:
            yield path, self
        if isinstance(self.value, dict):
            for key, node in self.value.items():
                yield from node.faults((*path, key))
        elif isinstance(self.value, list):
            for index, node in enumerate(self.value):
                yield from node.faults((*path, index))


def dotted(path: Path) -> str:
    """
    @return: C{pools.web.backends[0].weight}.
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text
