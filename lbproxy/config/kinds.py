"""
What kind of value is it? Words, numbers, flags and texts, each with a message of its own.

A kind stands in C{Annotated} beside the type it yields; pydantic calls L{Kind.parse}.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from lbproxy.config.scalar import Scalar, fromEnvironment
from lbproxy.config.words import listed, quoted, shown, subject, unknown

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_FLAGS = {"true": True, "false": False}


class Kind:
    """
    Base of all kinds.

    @cvar noun: what the documentation calls such a value.
    """

    noun: ClassVar[str] = "value"

    def parse(self, value: object) -> object:
        """
        @raise ValueError: with a message fit for a user.
        """
        raise NotImplementedError

    def write(self, value: Any) -> str:
        """
        @param value: what L{parse} has returned.
        @return: what a configuration would say.
        """
        return f'"{value}"' if isinstance(value, str) else str(value)

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.parse)


@dataclass(frozen=True)
class Before:
    """
    Rewrites what was given to the one form that the type behind it knows.
    """

    change: Callable[[Any], Any]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.change, handler(source))


@dataclass(frozen=True)
class Word:
    """
    One of the words of a C{Literal}; C{noun} names them in the message.
    """

    noun: str = "word"

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        allowed = get_args(source)

        def parse(value: object) -> object:
            given = _FLAGS.get(fromEnvironment(value), value)
            for word in allowed:
                if type(word) is bool or type(given) is bool:
                    if word is given:
                        return word
                elif word == given:
                    return word
            if isinstance(given, str):
                if _FLAGS.get(given) in allowed:
                    raise ValueError(f"wanted {given}, got a text; write it without quotes")
                raise ValueError(unknown(self.noun, given, allowed))
            if str(given) in allowed:
                raise ValueError(f"wanted text, got {shown(given)}; write it in quotes")
            raise ValueError(f"{subject(given)} is not a {self.noun}; one of {listed(allowed)}")

        return core_schema.no_info_plain_validator_function(parse)


@dataclass(frozen=True)
class Whole(Kind):
    """
    A whole number from C{low} to C{high}.
    """

    noun: ClassVar[str] = "whole number"
    low: int = 0
    high: int = 2**53

    def parse(self, value: object) -> object:
        text = fromEnvironment(value)
        if text and _WHOLE.fullmatch(text):
            value = int(text)
        if type(value) is not int:
            raise ValueError(f"wanted a whole number, got {shown(value)}{_hint(value)}")
        if not self.low <= value <= self.high:
            raise ValueError(f"{value} is out of range; wanted {self._range()}")
        return value

    def _range(self) -> str:
        """
        @return: what is wanted, in words.
        """
        if self.high == 2**53:
            return f"at least {self.low}"
        return f"a number from {self.low} to {self.high}"


def _hint(value: object) -> str:
    """
    What the older YAML would have made of it.
    """
    if not isinstance(value, str):
        return ""
    if re.fullmatch(r"0[0-7]+", value):
        return "; a leading zero does not make a number"
    if re.fullmatch(r"-?[0-9]+", value):
        return "; write it without quotes"
    return ""


class Flag(Kind):
    """
    C{true} or C{false}.
    """

    noun: ClassVar[str] = "true or false"

    def write(self, value: Any) -> str:
        return "true" if value else "false"

    def parse(self, value: object) -> object:
        value = _FLAGS.get(fromEnvironment(value), value)
        if type(value) is bool:
            return value
        word = "the word " if isinstance(value, str) else ""
        raise ValueError(f"wanted true or false, got {word}{shown(value)}")


@dataclass(frozen=True)
class Text(Kind):
    """
    A text; C{form} is a regular expression that all of it must match, C{wanted} says so in words.
    """

    noun: ClassVar[str] = "text"
    form: str = ""
    wanted: str = ""

    def parse(self, value: object) -> object:
        text = asText(value)
        if self.form and not re.fullmatch(self.form, text):
            fault = f"{quoted(text)} does not fit" if text else "empty"
            raise ValueError(f"{fault}; wanted {self.wanted}")
        return text


def asText(value: object) -> str:
    """
    @raise ValueError: C{value} is not text.
    """
    if isinstance(value, str):
        return str(value)
    quotes = "; write it in quotes" if isinstance(value, bool | int | float) else ""
    raise ValueError(f"wanted text, got {shown(value)}{quotes}")


class FilePath(Kind):
    """
    A path, made absolute: a relative one starts at the folder of the file that names it. C{""}
    stays C{""}: no file.
    """

    noun: ClassVar[str] = "path"

    def parse(self, value: object) -> object:
        text = asText(value)
        if "\0" in text:
            raise ValueError("a path cannot hold a NUL character; wanted a path")
        return absolute(text, value) if text else ""


def absolute(path: str, origin: object) -> str:
    """
    @param origin: the value that C{path} was taken from.
    """
    folder = origin.folder if isinstance(origin, Scalar) else os.getcwd()
    return os.path.normpath(os.path.join(folder, path))
