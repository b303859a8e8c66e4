"""
Tests for L{lbproxy.net.foresight}.
"""

from __future__ import annotations

import tracemalloc

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.foresight import foresee


def bytesPerLateAttribute(cls: type) -> float:
    """
    What an attribute costs that is set when many instances exist already.
    """
    instances = [cls() for _ in range(1000)]
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for instance in instances:
            setattr(instance, "late", None)  # noqa: B010
        return (tracemalloc.get_traced_memory()[0] - before) / len(instances)
    finally:
        tracemalloc.stop()


class ForeseeTests(SynchronousTestCase):
    """
    Tests for L{foresee}.
    """

    def test_lateAttributesCostNothing(self) -> None:
        """
        A foreseen attribute takes no memory when it is set late; another takes a dictionary.
        """

        class Foreseen:
            def __init__(self) -> None:
                self.early = 1

        class Unforeseen(Foreseen): ...

        foresee(Foreseen, "early", "late")
        self.assertLess(bytesPerLateAttribute(Foreseen), 10)
        self.assertGreater(bytesPerLateAttribute(Unforeseen), 100)
