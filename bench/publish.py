"""
Where are the figures shown? C{python -m bench.publish [RESULT.json]} puts the newest ones, or those
of a file, into C{docs/}.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bench import picture, results
from bench.results import Document
from bench.table import figuresOf, markdown

_DOCS = Path(__file__).parent.parent / "docs"
_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"


def publish(found: Document) -> None:
    """
    Write the picture, and the tables between the markers of C{docs/performance.md}.
    """
    (_DOCS / "performance.svg").write_text(picture.draw(figuresOf(found)))
    page = _DOCS / "performance.md"
    page.write_text(between(page.read_text(), markdown(found)))


def between(page: str, tables: str) -> str:
    """
    @return: C{page}, with what was between its markers replaced.
    @raise ValueError: it has no markers.
    """
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError("the page has no markers")
    return f"{before}{_BEGIN}\n\n{tables}\n{_END}{after}"


def main() -> None:
    """
    Publish.
    """
    publish(results.load(Path(sys.argv[1]) if len(sys.argv) > 1 else None))


if __name__ == "__main__":
    main()
