"""
What does the environment add? C{${NAME}} and C{${NAME:-default}} in a text; C{$${} stands for
C{${}.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_REFERENCE = re.compile(r"\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^{}]*))?\}|\$\{")


def expand(text: str, environ: Mapping[str, str]) -> str:
    """
    @raise ValueError: a variable is not set and has no default, or a reference is malformed.
    """

    def value(found: re.Match[str]) -> str:
        if found[0] == "$${":
            return "${"
        name, default = found[1], found[2]
        if name is None:
            raise ValueError('a "${" without a name and "}"; wanted "${NAME}", or "$${" for itself')
        given = environ.get(name)
        if default is not None:
            given = given or default
        if given is None:
            raise ValueError(
                f'the environment has no {name}; set it, or give a default: "${{{name}:-default}}"'
            )
        if not _isText(given):
            raise ValueError(f"the environment's {name} is not UTF-8; wanted text")
        return given

    return _REFERENCE.sub(value, text) if "${" in text else text


def _isText(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\0" not in text
