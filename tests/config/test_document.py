"""
Tests for L{lbproxy.config.document} and L{lbproxy.config.plain}.
"""

from __future__ import annotations

import time
from typing import Any

import yaml
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import document as documentModule
from lbproxy.config.document import MAX_PROBLEMS, Document, readDocument
from lbproxy.config.plain import plainValue


def read(text: str, **environ: str) -> Document:
    """
    @return: a document called e.yaml.
    """
    return readDocument(text, "e.yaml", "/etc", environ)


def said(text: str) -> list[str]:
    """
    @return: what is wrong with C{text}.
    """
    return [str(problem) for problem in read(text).problems]


class PlainValueTests(SynchronousTestCase):
    """
    Words without quotes.
    """

    def test_jsonsWordsAreValues(self) -> None:
        """
        null, true, false and decimal numbers are what they are in JSON.
        """
        values = {"null": None, "": None, "~": None, "true": True, "false": False}
        numbers = {"0": 0, "-7": -7, "65536": 65536, "1.5": 1.5, "-0.25": -0.25, "1e3": 1000.0}
        for text, value in {**values, **numbers}.items():
            self.assertEqual(plainValue(text), value)
            self.assertIs(type(plainValue(text)), type(value))

    def test_olderYAMLsTrapsAreText(self) -> None:
        """
        What YAML 1.1 makes booleans, octal, sexagesimal, hexadecimal or dates of stays text.
        """
        words = "on off yes no y n On NO True FALSE Null 0777 0o17 0x1F 1:30 1_000 2026-01-01"
        for text in f"{words} .5 5. +1 .inf .nan 1e999 1.2.3.4".split():
            self.assertEqual(plainValue(text), text)

    def test_aNumberOfAThousandDigitsIsText(self) -> None:
        """
        No number is so long that reading it takes time.
        """
        self.assertEqual(plainValue("9" * 100_000), "9" * 100_000)


class DocumentTests(SynchronousTestCase):
    """
    L{Document}.
    """

    def test_valuesAndPlaces(self) -> None:
        """
        Every key and every value has its place, from 1, in characters.
        """
        root = read("a:\n  ü: [1, 'x']\n").root
        self.assertEqual(root.plain(), {"a": {"ü": [1, "x"]}})
        place = root.placeOf(("a", "ü", 1), key=False)
        self.assertEqual((place.line, place.column), (2, 10))
        place = root.placeOf(("a", "ü"), key=True)
        self.assertEqual((place.line, place.column), (2, 3))

    def test_quotedWordsAreText(self) -> None:
        """
        Quotes make text of numbers and of true.
        """
        self.assertEqual(
            read("a: ['1', \"true\", 'null']").root.plain(), {"a": ["1", "true", "null"]}
        )

    def test_anAliasIsWhatItNames(self) -> None:
        """
        An alias stands for the whole value, and has a place of its own.
        """
        root = read("a: &x {b: 1}\nc: *x\n").root
        self.assertEqual(root.plain(), {"a": {"b": 1}, "c": {"b": 1}})
        node = root.at(("c",))
        assert node is not None
        self.assertEqual((node.place.line, node.place.column), (2, 4))

    def test_anAnchorMeansItsLatestValue(self) -> None:
        """
        An anchor given again names the newer value from there on.
        """
        self.assertEqual(read("a: &x 1\nb: &x 2\nc: *x").root.plain()["c"], 2)

    def test_everyDuplicateNamesTheFirst(self) -> None:
        """
        A key given three times is said twice, each time with the place of the first; it counts.
        """
        document = read("a: {b: 1, b: 2, b: 3}")
        self.assertEqual(
            [str(problem) for problem in document.problems],
            [
                "e.yaml:1:11: a.b: given twice; the first is at e.yaml:1:5",
                "e.yaml:1:17: a.b: given twice; the first is at e.yaml:1:5",
            ],
        )
        self.assertEqual(document.root.plain(), {"a": {"b": 1}})

    def test_aliasesDoNotDigDeeper(self) -> None:
        """
        Nesting by aliases counts like nesting by hand: nothing recurses without bound.
        """
        text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 100))
        self.assertEqual(said(text), ["e.yaml:40:12: nested too deep; wanted at most 40 levels"])

    def test_anExplosionIsNoticedBeforeItHappens(self) -> None:
        """
        Aliases of aliases of aliases take no memory and no time.
        """
        text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for before, name in zip("abcdefghi", "bcdefghij", strict=True):
            text += f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
        start = time.perf_counter()
        problems = said(text)
        self.assertLess(time.perf_counter() - start, 1)
        self.assertEqual(len(problems), 1)
        self.assertIn("too many values; wanted at most 1000000", problems[0])

    def test_hostileNestingIsCheap(self) -> None:
        """
        A hundred thousand brackets are refused at the forty-first.
        """
        start = time.perf_counter()
        for bracket in ("[", "{", "- ", "? ", "a: &a ["):
            self.assertNotEqual(said(bracket * 100_000), [])
        self.assertLess(time.perf_counter() - start, 2)

    def test_problemsAreBounded(self) -> None:
        """
        A file full of mistakes is given up after a thousand.
        """
        document = read("a: " + "[" + "!!x 1, " * 5000 + "]")
        self.assertEqual(len(document.problems), MAX_PROBLEMS)
        self.assertFalse(document.isComplete)

    def test_theSlowParserSaysTheSame(self) -> None:
        """
        Where PyYAML has no C parser, the same mistakes get the same words.
        """
        texts = [
            "\ta: 1",
            "a: [1, 2",
            "a: {b: 1",
            "a: 'b",
            "a: @b",
            "a: b: c",
            'a: "\\q"',
            "a: 1\nfoo\nb: 2",
            "- a\nb: c",
            "a: !!str 1",
            "a: 1\n---\nb: 1",
            "a: *b",
        ]
        fast = [said(text) for text in texts]
        self.patch(documentModule, "_LOADER", yaml.SafeLoader)
        slow = [said(text) for text in texts]
        self.assertEqual(_words(fast), _words(slow))

    def test_theEnvironmentIsNeverStructure(self) -> None:
        """
        A value from the environment is text, whatever is in it: no list, no mapping, no null.
        """
        for value in ("[1, 2]", "{a: 1}", "null", "", "a: b", "1", "x # y", "&a", "*a"):
            self.assertEqual(read("a: ${V}", V=value).root.plain(), {"a": value})

    def test_keysDoNotComeFromTheEnvironment(self) -> None:
        """
        A reference in a key is just text.
        """
        self.assertEqual(read("${V}: 1", V="a").root.plain(), {"${V}": 1})

    def test_anEmptyFileIsAnEmptyMapping(self) -> None:
        """
        Nothing, comments or null: nothing is configured, nothing is wrong with the YAML.
        """
        for text in ("", "# nothing\n", "null\n", "---\n", "{}"):
            document = read(text)
            self.assertEqual((document.root.plain(), document.problems), ({}, []))


def _words(problems: list[list[str]]) -> Any:
    """
    Without the columns, which the two parsers may count from different ends of a mistake.
    """
    return [[line.split(": ", 1)[1] for line in lines] for lines in problems]
