"""
Imports go one way: each room knows only those below it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import lbproxy

ROOT = Path(next(iter(lbproxy.__path__)))

# Rooms of one row don't know each other; a room knows all rows below its own. The last row may be
# known to everybody.
ROWS = (
    ("tap", "cli", "testing"),
    ("assembly",),
    ("services", "control"),
    ("l4", "l7", "health"),
    ("net",),
    ("wire", "pool"),
    ("config", "errors", "interfaces"),
)
ROW = {room: number for number, rooms in enumerate(ROWS) for room in rooms}
# tap and cli are the two doors of one house.
NEIGHBOURS = {("cli", "tap"), ("config", "errors"), ("interfaces", "errors")}
# What reads a clock, moves bytes or runs by itself; pool and wire do nothing of that.
PURE = ("pool", "wire")
IO = ("twisted.internet", "twisted.web", "select", "selectors", "asyncio", "threading")
# Of the socket module only the text of addresses is of use to them.
ADDRESSES = {"AF_INET", "AF_INET6", "AF_UNIX", "AddressFamily", "inet_pton", "inet_ntop"}
# Names that only describe something.
INNOCENT = {"twisted.internet.interfaces", "twisted.internet.defer"}


class Import:
    """
    One module that names another one.

    @ivar typing: only where types are checked.
    """

    def __init__(self, path: Path, line: int, name: str, typing: bool) -> None:
        self.file = path.relative_to(ROOT.parent)
        self.line = line
        self.name = name
        self.typing = typing
        self.room = roomOf(path)

    def __repr__(self) -> str:
        return f"{self.file}:{self.line}: {self.name}"


def roomOf(path: Path) -> str:
    """
    The room that a module stands in.
    """
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def importsOf(path: Path) -> Iterator[Import]:
    """
    Every import of a module, wherever it stands in it.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing = {
        id(node)
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for statement in branch.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            yield Import(path, node.lineno, name, id(node) in typing)


@lru_cache(maxsize=1)
def everyImport() -> list[Import]:
    """
    Of the whole package.
    """
    return [each for path in sorted(ROOT.rglob("*.py")) for each in importsOf(path)]


def isAllowed(room: str, other: str) -> bool:
    """
    Whether C{room} may know C{other}.
    """
    if room == other or (room, other) in NEIGHBOURS:
        return True
    return room in ROW and other in ROW and ROW[room] < ROW[other]


class ImportTests(SynchronousTestCase):
    """
    The house's one-way rule.
    """

    def test_everyRoomHasItsPlace(self) -> None:
        """
        A new room is added to the plan before it is built.
        """
        rooms = {roomOf(path) for path in ROOT.rglob("*.py")} - {"__init__"}
        self.assertEqual(rooms - set(ROW), set())

    def test_oneWay(self) -> None:
        """
        No room knows one above it or beside it.
        """
        wrong = []
        for each in everyImport():
            package, _, rest = each.name.partition(".")
            other = rest.partition(".")[0]
            if package != "lbproxy" or each.room == "__init__" or other == "__version__":
                continue
            if not isAllowed(each.room, other) and not each.typing:
                wrong.append(each)
        self.assertEqual(wrong, [])

    def test_typesGoOneWayToo(self) -> None:
        """
        Nor is anything above named for its type alone, but in the contracts for extensions.
        """
        wrong = []
        for each in everyImport():
            other = each.name.removeprefix("lbproxy.").partition(".")[0]
            if each.typing and each.name.startswith("lbproxy.") and each.room != "interfaces":
                if not isAllowed(each.room, other):
                    wrong.append(each)
        self.assertEqual(wrong, [])

    def test_purity(self) -> None:
        """
        pool and wire move no bytes, read no clock of the system's and run nothing by themselves:
        they can be tested with plain numbers.
        """
        wrong = [
            each
            for each in everyImport()
            if each.room in PURE
            and any(each.name == name or each.name.startswith(name + ".") for name in IO)
            and not any(each.name.startswith(name) for name in INNOCENT)
            and not each.typing
        ]
        self.assertEqual(wrong, [])

    def test_noSockets(self) -> None:
        """
        Nor do they open sockets: of that module they use what reads and writes addresses.
        """
        used: set[str] = set()
        for path in (path for room in PURE for path in (ROOT / room).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module == "socket":
                    used.update(alias.name for alias in node.names)
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "socket":
                    used.add(node.attr)
        self.assertEqual(used - ADDRESSES, set())

    def test_reactorIsGiven(self) -> None:
        """
        Only what launches imports the reactor; all others are given one.
        """
        names = [each for each in everyImport() if each.name == "twisted.internet.reactor"]
        self.assertEqual({each.room for each in names} - {"tap", "cli"}, set())

    def test_nothingIsImportedForTests(self) -> None:
        """
        The house doesn't know its tests, nor the doubles for those of others.
        """
        wrong = [
            each
            for each in everyImport()
            if each.name.split(".")[0] in ("tests", "bench")
            or each.name.startswith("lbproxy.testing")
        ]
        self.assertEqual(wrong, [])
