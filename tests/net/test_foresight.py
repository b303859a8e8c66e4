"""
Tests for L{lbproxy.net.foresight}.
"""

from __future__ import annotations

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.foresight import foresee, ownCode

LATE = ("late", "later", "last")


def bytesForLateAttributes(cls: type) -> float:
    """
    What attributes cost that are set when many instances exist already; bytes per instance.
    """
    instances = [cls() for _ in range(1000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for instance in instances:
            for name in LATE:
                setattr(instance, name, None)
        return (tracemalloc.get_traced_memory()[0] - before) / len(instances)
    finally:
        tracemalloc.stop()


class ForeseeTests(SynchronousTestCase):
    """
    Tests for L{foresee}.
    """

    def test_lateAttributesCostNothing(self) -> None:
        """
        Foreseen attributes take no memory when they are set late; others take a dictionary.
        """

        class Foreseen:
            def __init__(self) -> None:
                self.early = 1

        class Unforeseen(Foreseen): ...

        foresee(Foreseen, "early", *LATE)
        self.assertLess(bytesForLateAttributes(Foreseen), 10)
        self.assertGreater(bytesForLateAttributes(Unforeseen), 100)


class OwnCodeTests(SynchronousTestCase):
    """
    Tests for L{ownCode}.
    """

    def test_copies(self) -> None:
        """
        A class gets its own copy of what it inherits, which does the same.
        """

        class First:
            def greet(self, name: str = "you") -> str:
                return f"{type(self).__name__} greets {name}"

        class Second(First):
            def greet(self, name: str = "you") -> str:
                return super().greet(name) + "!"

        class Third(Second): ...

        ownCode(Third, "greet")
        self.assertIsNot(Third.greet.__code__, Second.greet.__code__)
        self.assertEqual(Third().greet(), "Third greets you!")
        self.assertEqual(Third().greet("me"), "Third greets me!")
        self.assertIn("Third.greet", repr(Third.greet))
