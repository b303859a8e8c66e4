"""
Is it in there? What an answer must contain: bytes, or a match of a regular expression.
"""

from __future__ import annotations

import re

from lbproxy.health.wording import quoted


class Expected:
    """
    Looked for anywhere in an answer.
    """

    __slots__ = ("_pattern", "_text")

    def __init__(self, data: bytes = b"", regex: str = "") -> None:
        """
        @param regex: counts if it is not empty, and speaks of the answer's bytes as UTF-8.
        @raise ValueError: with a message fit for a user.
        """
        try:
            self._pattern = re.compile(regex.encode() if regex else re.escape(data))
        except re.error as problem:
            raise ValueError(f'"{regex}" is not a regular expression: {problem}') from problem
        self._text = f"/{regex}/" if regex else quoted(data)

    @classmethod
    def orNone(cls, data: bytes = b"", regex: str = "") -> Expected | None:
        """
        L{None} when nothing is expected.
        """
        return cls(data, regex) if data or regex else None

    def find(self, data: bytes) -> int:
        """
        @return: the index just after the first match, -1 when there is none.
        """
        match = self._pattern.search(data)
        return -1 if match is None else match.end()

    def __str__(self) -> str:
        return self._text
