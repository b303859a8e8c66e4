"""
To whom does a check say what it found?
"""

from __future__ import annotations

from typing import Protocol

from lbproxy.config.node import Path


class Report(Protocol):
    """
    Takes one problem.
    """

    def __call__(self, loc: Path, message: str, key: bool = False) -> None:
        """
        @param loc: where, in the configuration as it was validated.
        @param message: what is wrong; what would be right.
        @param key: the place of the key is meant, not that of its value.
        """
