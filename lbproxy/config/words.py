"""
How do we say it? Small pieces that every message about a configuration is made of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches

# A longer value says no more about the mistake, and a line of a terminal has an end.
_LONGEST = 60


def shown(value: object) -> str:
    """
    @return: C{value} as the reader of a message would name it.
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, str):
        return quoted(str(value))
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return quoted(str(value))


def subject(value: object) -> str:
    """
    @return: C{value} as the subject of a sentence: a number stands for itself.
    """
    isNumber = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if isNumber else shown(value)


def quoted(text: str, longest: int = _LONGEST) -> str:
    """
    @return: C{text} in double quotes, control characters escaped, shortened where it is long.
    """
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    return json.dumps(text, ensure_ascii=False)


def quotedPath(path: str) -> str:
    """
    @return: C{path} in double quotes; it is of no use without its end.
    """
    return quoted(path, 4096)


def listed(words: Iterable[object]) -> str:
    """
    @return: C{a, b, c}.
    """
    return ", ".join(_word(word) for word in words)


def unknown(noun: str, word: object, known: Iterable[object]) -> str:
    """
    @return: C{unknown noun "word"; did you mean "wird"?} or C{; one of a, b, c}.
    """
    names = [_word(name) for name in known]
    text = str(word)
    near = get_close_matches(text, names, 1, 0.6) or [
        name for name in names if name.lower() == text.lower()
    ]
    said = f"unknown {noun} {quoted(text)}"
    if near:
        return f"{said}; did you mean {quoted(near[0])}?"
    return f"{said}; one of {listed(names)}" if names else said


def _word(word: object) -> str:
    if isinstance(word, bool):
        return "true" if word else "false"
    return str(word)
