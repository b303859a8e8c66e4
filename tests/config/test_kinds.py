"""
Tests for L{lbproxy.config.kinds}, L{lbproxy.config.words} and L{lbproxy.config.scalar}.
"""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import TypeAdapter, ValidationError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.kinds import FilePath, Flag, Kind, Text, Whole, Word
from lbproxy.config.scalar import Scalar
from lbproxy.config.words import quoted, shown, subject, unknown


class WordsTests(SynchronousTestCase):
    """
    The pieces of messages.
    """

    def test_valuesAreNamed(self) -> None:
        """
        A message names what it was given as its reader wrote it.
        """
        self.assertEqual(
            [shown(value) for value in (None, True, 5, 1.5, "a", [1], {"a": 1})],
            ["nothing", "true", "the number 5", "the number 1.5", '"a"', "a list", "a mapping"],
        )
        self.assertEqual([subject(value) for value in (5, "5", True)], ["5", '"5"', "true"])

    def test_longAndStrangeTextIsTamed(self) -> None:
        """
        No message is flooded, and no control character reaches the terminal.
        """
        self.assertEqual(quoted("a\n\x1b[1m"), '"a\\n\\u001b[1m"')
        self.assertEqual(len(quoted("a" * 1000)), 62)

    def test_nearMissesAreGuessed(self) -> None:
        """
        What is close to a known word, or differs in case only, is offered; else all are listed.
        """
        words = ("roundRobin", "random")
        for given in ("roundrobin", "round_robin", "RoundRobbin", "ROUNDROBIN"):
            self.assertEqual(
                unknown("balancer", given, words),
                f'unknown balancer "{given}"; did you mean "roundRobin"?',
            )
        self.assertEqual(
            unknown("balancer", "rr", words), 'unknown balancer "rr"; one of roundRobin, random'
        )
        self.assertEqual(unknown("pool", "x", ()), 'unknown pool "x"')


class KindTests(SynchronousTestCase):
    """
    Words, numbers, flags, texts, paths and expressions.
    """

    def refused(self, kind: Kind, value: object) -> str:
        return str(self.assertRaises(ValueError, kind.parse, value))

    def test_wholeNumbers(self) -> None:
        """
        Numbers within the range; neither text nor fractions nor true.
        """
        kind = Whole(1, 10)
        self.assertEqual(kind.parse(10), 10)
        self.assertEqual(self.refused(kind, 11), "11 is out of range; wanted a number from 1 to 10")
        self.assertEqual(self.refused(Whole(1), 0), "0 is out of range; wanted at least 1")
        for value in ("5", 5.0, True, None, "", [5]):
            self.assertIn("wanted a whole number, got ", self.refused(kind, value))

    def test_flags(self) -> None:
        """
        true and false; YAML's older words are named as words.
        """
        self.assertIs(Flag().parse(True), True)
        self.assertIs(Flag().parse(False), False)
        self.assertEqual(self.refused(Flag(), "yes"), 'wanted true or false, got the word "yes"')
        self.assertEqual(self.refused(Flag(), 1), "wanted true or false, got the number 1")

    def test_texts(self) -> None:
        """
        Text must be text, in quotes where it looks like something else.
        """
        self.assertEqual(Text().parse(Scalar("a", "/")), "a")
        self.assertIs(type(Text().parse(Scalar("a", "/"))), str)
        self.assertEqual(
            self.refused(Text(), 1.1), "wanted text, got the number 1.1; write it in quotes"
        )
        self.assertEqual(self.refused(Text(), None), "wanted text, got nothing")
        self.assertEqual(self.refused(Text("a+", "some a"), ""), "empty; wanted some a")

    def test_words(self) -> None:
        """
        One of the words there are, as written, true and false among them if they are words.
        """
        adapter: TypeAdapter[Any] = TypeAdapter(
            Annotated[Literal["auto", "1.2", True, False], Word("choice")]
        )
        for value in ("auto", "1.2", True, False):
            self.assertIs(adapter.validate_python(value), value)
        self.assertIs(adapter.validate_python(Scalar("true", "/", True)), True)
        for given, message in {
            "true": "wanted true, got a text; write it without quotes",
            1: "1 is not a choice; one of auto, 1.2, true, false",
            1.2: "wanted text, got the number 1.2; write it in quotes",
        }.items():
            error = self.assertRaises(ValidationError, adapter.validate_python, given)
            self.assertEqual(str(error.errors()[0]["ctx"]["error"]), message)

    def test_paths(self) -> None:
        """
        A relative path starts at the file that names it, or where the process is.
        """
        self.assertEqual(FilePath().parse(Scalar("../a.pem", "/etc/lbproxy")), "/etc/a.pem")
        self.assertEqual(FilePath().parse(Scalar("/a.pem", "/etc/lbproxy")), "/a.pem")
        self.assertEqual(FilePath().parse("a.pem"), os.path.abspath("a.pem"))
        self.assertEqual(FilePath().parse(""), "")
        self.assertIn("NUL", self.refused(FilePath(), "a\0b"))
