"""
Where does this word come from? Text of a configuration file that remembers its origin.
"""

from __future__ import annotations


class Scalar(str):
    """
    A text value as it stood in a file.

    It is seen only by the kinds of L{lbproxy.config.kinds}: the finished models hold plain
    C{str}.

    @ivar folder: the folder of the file that holds it; relative paths start there.
    @ivar expanded: the text is (partly) the environment's, so C{"8080"} may stand for a number.
    """

    __slots__ = ("expanded", "folder")

    folder: str
    expanded: bool

    def __new__(cls, text: str, folder: str, expanded: bool = False) -> Scalar:
        self = super().__new__(cls, text)
        self.folder = folder
        self.expanded = expanded
        return self


def fromEnvironment(value: object) -> str:
    """
    @return: the text of a value that the environment gave, C{""} for any other.
    """
    return str(value) if isinstance(value, Scalar) and value.expanded else ""
