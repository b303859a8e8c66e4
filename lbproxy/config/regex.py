"""
Is it a regular expression? RE2's for what every request is tried against, C{re}'s for our own
questions to backends.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar

import re2

from lbproxy.config.kinds import Kind, asText
from lbproxy.config.words import quoted


class RouteRegex(Kind):
    """
    As text. RE2 takes time linear in what it looks at, so no request can make it think for long.
    """

    noun: ClassVar[str] = "regular expression (RE2)"

    def parse(self, value: object) -> object:
        text = asText(value)
        compiledRE2(text)
        return text


class CheckRegex(Kind):
    """
    As text; it is looked for in bytes.
    """

    noun: ClassVar[str] = "regular expression"

    def parse(self, value: object) -> object:
        text = asText(value)
        try:
            re.compile(text.encode("utf-8"))
        except (re.error, RecursionError, OverflowError) as error:
            fault = f"{quoted(text)} is not a regular expression: {error}"
            raise ValueError(f"{fault}; wanted one that Python's re compiles") from None
        return text


def compiledRE2(text: str) -> Any:
    """
    @raise ValueError: C{text} is no expression of RE2's.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text.encode("utf-8"), options)
    except re2.error as error:
        reason = error.args[0].decode("utf-8", "replace") if error.args else "it does not compile"
        fault = f"{quoted(text)} is not a regular expression: {reason}"
        raise ValueError(
            f"{fault}; wanted RE2's syntax, which has no look-around and no back-references"
        ) from None


RoutePattern = Annotated[str, RouteRegex()]
CheckPattern = Annotated[str, CheckRegex()]
