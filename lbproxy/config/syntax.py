"""
Why is it not YAML? The parser's complaints in a reader's words.
"""

from __future__ import annotations

import re
from typing import Any

from lbproxy.config.words import quoted

# What YAML calls printable; the rest has no place in a configuration.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

# The braces of a reference end a plain value where a mapping or list is in brackets.
_UNQUOTED = re.compile(r"(?<=[:,\[{] )\$\{|(?<=[\[{])\$\{")
_REFERENCE = 'a "${" without quotes inside "{" or "["; wanted the whole value in quotes'

# (what the parser's complaint holds, what we say). The two parsers of PyYAML word some differently.
_SENTENCES = (
    (
        "mapping values are not allowed",
        'a ": " where no mapping can begin; wanted the value in quotes, or other indentation',
    ),
    ("',' or ']'", 'a list in "[" that does not end; wanted "," or "]"'),
    ("',' or '}'", 'a mapping in "{" that does not end; wanted "," or "}"'),
    ("unexpected end of stream", "a text in quotes that does not end; wanted a second quote"),
    ("unknown escape", 'an escape that YAML does not have; wanted "\\\\" for a backslash'),
    ("block collection", 'an item of a list was expected; wanted "- " at the list\'s indentation'),
    ("block mapping", "indentation that fits no mapping around it; wanted the keys of one in line"),
    ("node content", 'a value is missing, or a bracket is not closed; wanted "]" or "}"'),
    ("expected ':'", 'a key without ":"; wanted "key: value"'),
    ("could not find expected", 'a key without ":"; wanted "key: value"'),
    ("while scanning an alias", 'a "*" that names nothing; wanted the value in quotes'),
    ("while scanning an anchor", 'a "&" that names nothing; wanted the value in quotes'),
    ("document start", "something behind the document's end; wanted one document per file"),
)


def syntaxProblem(error: Any, text: str) -> tuple[int, int, str]:
    """
    @param error: a C{yaml.MarkedYAMLError}.
    @return: line and column, from 1, or 0 for the whole file, and a message.
    """
    said = f"{error.problem or ''} {error.context or ''}"
    if error.problem_mark and "flow" in said:
        line = error.problem_mark.line
        reference = _UNQUOTED.search(_lineAt(text, line)[: error.problem_mark.column + 1])
        if reference:
            return line + 1, reference.start() + 1, _REFERENCE
    sentence = _sentence(said, text, error.problem_mark)
    # What does not end is best shown where it begins.
    begun = error.context_mark if "does not end" in sentence else None
    mark = begun or error.problem_mark or error.context_mark
    return (mark.line + 1, mark.column + 1, sentence) if mark else (0, 0, sentence)


def _sentence(said: str, text: str, mark: Any) -> str:
    if "cannot start any token" in said and mark:
        character = _lineAt(text, mark.line)[mark.column : mark.column + 1]
        if character == "\t":
            return "a tab in the indentation; wanted spaces"
        return f"no plain value begins with {quoted(character)}; wanted the value in quotes"
    for part, sentence in _SENTENCES:
        if part in said:
            return sentence
    return f"not YAML: {said.strip()}"


def _lineAt(text: str, line: int) -> str:
    lines = text.split("\n", line + 1)
    return lines[line] if line < len(lines) else ""


def firstUnprintable(text: str) -> tuple[int, int, str] | None:
    """
    @return: line, column and a message for the first character that a file cannot hold.
    """
    found = _UNPRINTABLE.search(text)
    if found is None:
        return None
    before = text[: found.start()]
    line = before.count("\n") + 1
    column = found.start() - (before.rfind("\n") + 1) + 1
    return line, column, f"the character U+{ord(found[0]):04X}; wanted text, or an escape in quotes"
