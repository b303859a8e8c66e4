"""
Is it right? Everything that is wrong with a configuration, found in one run.

What is wrong is left out and the rest looked at again, so that one slip does not hide the next.
"""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ValidationError

from lbproxy.config.checks import check
from lbproxy.config.configuration import Configuration
from lbproxy.config.document import MAX_PROBLEMS
from lbproxy.config.messages import pathOf, problemFor
from lbproxy.config.node import Node, Path, dotted
from lbproxy.config.unsupported import unsupported
from lbproxy.errors import Problem

# Each round leaves out at least one more key; few files need more than three.
_ROUNDS = 12


class Validation:
    """
    One look at a configuration.

    @ivar problems: what was found.
    """

    def __init__(self, root: Node) -> None:
        self._root = root
        notYet = unsupported(root)
        self.problems = list(notYet.values())
        self._skipped: set[Path] = set()
        self._around: set[Path] = set()
        self._kept: dict[Path, list[int]] = {}
        self._skip(notYet)
        for path, node in root.faults():
            if node.broken:
                self._skip([path])
            else:
                self._around.add(path)

    def run(self) -> Configuration | None:
        """
        @return: the configuration, complete only if there are no C{problems}; L{None} if too little
            of it is right to be looked at.
        """
        for _ in range(_ROUNDS):
            try:
                configuration = Configuration.model_validate(self._root.plain(self._skipped))
            except ValidationError as error:
                if not self._leaveOut(error):
                    return None
            else:
                check(configuration, self._root, self._report)
                return configuration
        return None

    def _skip(self, paths: Iterable[Path]) -> None:
        for path in paths:
            self._skipped.add(path)
            self._around.update(path[:length] for length in range(len(path) + 1))
        self._kept.clear()

    def _leaveOut(self, error: ValidationError) -> bool:
        """
        @return: whether another look makes sense.
        """
        before = len(self._skipped)
        added: set[Path] = set()
        for each in error.errors(include_url=False):
            path = self._translated(pathOf(each["loc"]))
            # With every item wrong, pydantic complains about the list's length as well.
            isEcho = path in self._around or (each["type"] == "too_short" and each["input"])
            if len(self.problems) < MAX_PROBLEMS and not isEcho:
                self.problems.append(problemFor(self._root, each, path))
            added.add(self._nearest(path[:-1] if each["type"] == "missing" else path))
        self._skip(added)
        return () not in self._skipped and len(self._skipped) > before

    def _report(self, loc: Path, message: str, key: bool = False) -> None:
        """
        @param loc: where, in the configuration without what is left out.
        @param key: the place of the key is meant, not that of its value.
        """
        path = self._translated(loc)
        if path in self._around:
            # It may be about what we left out ourselves.
            return
        place = self._root.placeOf(path, key)
        text = dotted(self._nearest(path))
        self.problems.append(Problem(place.file, place.line, place.column, text, message))

    def _nearest(self, path: Path) -> Path:
        while path and self._root.at(path) is None:
            path = path[:-1]
        return path

    def _translated(self, loc: Path) -> Path:
        """
        @return: C{loc} as it is in the document, where lists still have the items we left out, and
            one value may stand for a list of one.
        """
        path: Path = ()
        for step in loc:
            node = self._root.at(path)
            if isinstance(step, int) and node is not None:
                if isinstance(node.value, dict):
                    continue
                if isinstance(node.value, list):
                    step = self._position(path, len(node.value), step)
            path = (*path, step)
        return path

    def _position(self, path: Path, length: int, index: int) -> int:
        if path not in self._around:
            return index
        kept = self._kept.get(path)
        if kept is None:
            kept = [at for at in range(length) if (*path, at) not in self._skipped]
            self._kept[path] = kept
        return kept[index] if index < len(kept) else index


def validated(root: Node) -> tuple[Configuration | None, list[Problem]]:
    """
    @return: the configuration and what is wrong with it.
    """
    validation = Validation(root)
    configuration = validation.run()
    return configuration, validation.problems
