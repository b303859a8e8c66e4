"""
Tests for L{lbproxy.config.environment}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.environment import expand
from tests.config.support import LISTENER, POOL, loaded, problems


class ExpandTests(SynchronousTestCase):
    """
    L{expand}.
    """

    def test_variables(self) -> None:
        """
        A variable's value takes its place, anywhere in a text, more than once.
        """
        self.assertEqual(expand("${A}:${B}-${A}", {"A": "x", "B": "y"}), "x:y-x")

    def test_defaults(self) -> None:
        """
        A default holds where the variable is not set, or empty; it may be empty itself.
        """
        self.assertEqual(expand("${A:-x y}", {}), "x y")
        self.assertEqual(expand("${A:-x}", {"A": ""}), "x")
        self.assertEqual(expand("${A:-x}", {"A": "z"}), "z")
        self.assertEqual(expand("[${A:-}]", {}), "[]")

    def test_anEscapeStandsForItself(self) -> None:
        """
        $${ is a ${ that nothing replaces; a lone $ needs no escape.
        """
        self.assertEqual(expand("$${A} $ $1 {x}", {"A": "z"}), "${A} $ $1 {x}")

    def test_valuesAreNotExpandedAgain(self) -> None:
        """
        What a variable holds is taken as it is.
        """
        self.assertEqual(expand("${A}", {"A": "${B}", "B": "x"}), "${B}")

    def test_unsetVariables(self) -> None:
        """
        Without value and default it is a mistake that says what to do.
        """
        error = self.assertRaises(ValueError, expand, "${A}", {})
        self.assertEqual(
            str(error), 'the environment has no A; set it, or give a default: "${A:-default}"'
        )

    def test_malformedReferences(self) -> None:
        """
        What begins like a reference and is none is a mistake.
        """
        for text in ("${", "${}", "${1}", "${A", "${A-b}", "${A B}"):
            self.assertRaises(ValueError, expand, text, {"A": "x"})

    def test_bytesThatAreNoText(self) -> None:
        """
        A variable that is no UTF-8, or holds a NUL, is refused by its name.
        """
        for value in ("\udcff", "a\0b"):
            error = self.assertRaises(ValueError, expand, "${A}", {"A": value})
            self.assertEqual(str(error), "the environment's A is not UTF-8; wanted text")


class TypedTests(SynchronousTestCase):
    """
    Values of the environment where a number or a flag is wanted.
    """

    def test_numbersFlagsAndDurations(self) -> None:
        """
        With or without quotes, a variable may give a number, a flag, a duration, a size.
        """
        pool = (
            "pools:\n  web:\n    backends:\n    - address: '10.0.0.1:80'\n      weight: ${W}\n"
            "    tls: {verify: '${V}'}\n    timeouts:\n      connect: ${C}\n"
        )
        environ = {"W": "7", "V": "false", "C": "5"}
        web = loaded(LISTENER + pool, environ).pools["web"]
        assert web.tls is not None
        self.assertEqual((web.backends[0].weight, web.tls.verify), (7, False))
        self.assertEqual(web.timeouts.connect, 5.0)

    def test_textThatLooksLikeANumber(self) -> None:
        """
        Where text is wanted, a variable of digits is text.
        """
        text = LISTENER + POOL.replace("{", "{affinity: {cookie: {secret: '${S}'}}, ")
        affinity = loaded(text, {"S": "12345"}).pools["web"].affinity
        assert affinity and affinity.cookie
        self.assertEqual(affinity.cookie.secret, ("12345",))

    def test_theProtocolMayComeFromIt(self) -> None:
        """
        Even the word that decides which keys there are.
        """
        text = LISTENER.replace("protocol: http", "protocol: '${P}'") + POOL
        self.assertEqual(loaded(text, {"P": "tcp"}).listeners["edge"].protocol, "tcp")

    def test_bracketsWantQuotes(self) -> None:
        """
        Inside brackets YAML itself ends a word at "}": the message says what to do about it.
        """
        for text in ("workers: 1\na: {b: ${C}, d: 1}", "workers: 1\na: [1, ${C}]\n"):
            column = text.split("\n")[1].index("$") + 1
            self.assertEqual(
                problems(text)[0],
                f'e.yaml:2:{column}: a "${{" without quotes inside "{{" or "["; '
                "wanted the whole value in quotes",
            )

    def test_unsetVariablesAreAllNamed(self) -> None:
        """
        Each has its own line, and nothing is said about what is missing because of it.
        """
        text = LISTENER.replace('"127.0.0.1:0"', "'${BIND}'") + POOL.replace(
            '"10.0.0.1:80"', "'${B}'"
        )
        self.assertEqual(
            [line.split(";")[0] for line in problems(text)],
            [
                "e.yaml:2:16: listeners.edge.bind: the environment has no BIND",
                "e.yaml:4:20: pools.web.backends[0]: the environment has no B",
            ],
        )
