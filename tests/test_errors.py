"""
Tests for L{lbproxy.errors}: whose fault it was, in words.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy import errors
from lbproxy.errors import (
    ConfigError,
    DownstreamError,
    LBProxyError,
    NoBackendAvailable,
    Outcome,
    Problem,
    UpstreamError,
)


class ProblemTests(SynchronousTestCase):
    """
    What is wrong with a configuration.
    """

    def test_withPlace(self) -> None:
        """
        File, line, column, key and sentence, as editors understand it.
        """
        problem = Problem("edge.yaml", 12, 7, "pools.web", "unknown key")
        self.assertEqual(str(problem), "edge.yaml:12:7: pools.web: unknown key")

    def test_withoutPlace(self) -> None:
        """
        What isn't known is left out.
        """
        self.assertEqual(str(Problem("edge.yaml", 0, 0, "a", "b")), "edge.yaml: a: b")
        self.assertEqual(str(Problem("edge.yaml", 1, 2, "", "b")), "edge.yaml:1:2: b")

    def test_order(self) -> None:
        """
        Sorted, they follow the file.
        """
        problems = [
            Problem("e", 10, 1, "", ""),
            Problem("e", 9, 5, "", ""),
            Problem("e", 9, 2, "", ""),
        ]
        places = [(problem.line, problem.column) for problem in sorted(problems)]
        self.assertEqual(places, [(9, 2), (9, 5), (10, 1)])

    def test_allAtOnce(self) -> None:
        """
        The error says all of them, a line each.
        """
        error = ConfigError([Problem("e", 1, 1, "a", "x"), Problem("e", 2, 1, "b", "y")])
        self.assertEqual(str(error), "e:1:1: a: x\ne:2:1: b: y")
        self.assertEqual(len(error.problems), 2)


class TreeTests(SynchronousTestCase):
    """
    One tree of errors.
    """

    def test_oneRoot(self) -> None:
        """
        Whoever catches lbproxy's own errors catches all of them.
        """
        kinds = [
            kind
            for kind in vars(errors).values()
            if isinstance(kind, type) and issubclass(kind, Exception)
        ]
        self.assertEqual(len(kinds), 6)
        self.assertTrue(all(issubclass(kind, LBProxyError) for kind in kinds))

    def test_words(self) -> None:
        """
        Each says what is known of it.
        """
        self.assertEqual(str(NoBackendAvailable("web", "none is up")), "pool web: none is up")
        self.assertEqual(
            str(DownstreamError(413, "bodyTooLarge", "over 5")), "bodyTooLarge: over 5"
        )
        self.assertEqual(str(DownstreamError(413, "bodyTooLarge")), "bodyTooLarge")
        self.assertEqual(
            str(UpstreamError(Outcome.RESET, "backendClosed", "x")), "backendClosed: x"
        )
        self.assertEqual(UpstreamError(Outcome.RESET, "backendClosed").outcome, Outcome.RESET)
