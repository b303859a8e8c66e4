"""
Why is it not YAML? The parser's complaints in a reader's words.
"""

from __future__ import annotations

import re
from typing import Any

# What YAML calls printable; the rest has no place in a configuration.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")

# (what the parser's complaint holds, what we say). The two parsers of PyYAML word some differently.
_SENTENCES = (
    (
        "mapping values are not allowed",
        'a ": " where no mapping can begin; wanted the value in quotes, or other indentation',
    ),
    ("'\\t' that cannot start", "a tab where only spaces indent; wanted spaces"),
    (
        "cannot start any token",
        "a character that no plain value can begin with; wanted the value in quotes",
    ),
    ("',' or ']'", 'a list in "[" that does not end; wanted "," or "]"'),
    ("',' or '}'", 'a mapping in "{" that does not end; wanted "," or "}"'),
    ("unexpected end of stream", "a quote that is not closed; wanted a second one"),
    ("unknown escape", 'an escape that YAML does not have; wanted "\\\\" for a backslash'),
    ("'-' indicator", 'an item of a list was expected; wanted "- " at the list\'s indentation'),
    ("expected key", "indentation that fits no mapping around it; wanted the keys of one in line"),
    ("block end", "indentation that fits nothing around it; wanted the keys of one in line"),
    ("expected ':'", 'a key without ":"; wanted "key: value"'),
    ("could not find expected", 'a key without ":"; wanted "key: value"'),
    ("while scanning an alias", 'a "*" that names nothing; wanted the value in quotes'),
    ("while scanning an anchor", 'a "&" that names nothing; wanted the value in quotes'),
    ("document start", "something behind the document's end; wanted one document per file"),
)


def syntaxMessage(error: Any) -> str:
    """
    @param error: a C{yaml.MarkedYAMLError}.
    """
    said = f"{error.problem or ''} {error.context or ''}"
    for part, sentence in _SENTENCES:
        if part in said:
            return sentence
    return f"not YAML: {error.problem or error.context or 'it cannot be read'}"


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
