"""
Tests for L{lbproxy.net.ratelimit}: does this one come too often?
"""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.ratelimit import RateLimit


class RateLimitTests(SynchronousTestCase):
    """
    A token bucket per key.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)

    def limit(self, requests: int, per: float, burst: int, maxKeys: int = 100) -> RateLimit:
        return RateLimit(requests, per, burst, self.clock.seconds, maxKeys)

    def test_burst(self) -> None:
        """
        So many at once, then one each time a token has come.
        """
        limit = self.limit(10, 1.0, 3)
        self.assertEqual([limit.admit("a") for _ in range(3)], [0.0] * 3)
        self.assertAlmostEqual(limit.admit("a"), 0.1, places=5)
        self.clock.advance(0.05)
        self.assertAlmostEqual(limit.admit("a"), 0.05, places=5)
        self.clock.advance(0.051)
        self.assertEqual(limit.admit("a"), 0.0)
        self.assertGreater(limit.admit("a"), 0.0)

    def test_fullAgain(self) -> None:
        """
        Whoever keeps away long enough gets the whole burst again, and no more than that.
        """
        limit = self.limit(10, 1.0, 3)
        for _ in range(2):
            self.assertEqual([limit.admit("a") for _ in range(3)], [0.0] * 3)
            self.assertGreater(limit.admit("a"), 0.0)
            self.clock.advance(1000)

    def test_roundingTakesNothingAway(self) -> None:
        """
        The whole burst is there, whatever the fractions and however late it is.
        """
        clock = Clock()
        clock.advance(1.7e9)
        for requests, per, burst in ((3, 1.0, 1000), (7, 60.0, 1000), (10, 1.0, 10)):
            limit = RateLimit(requests, per, burst, clock.seconds)
            clock.advance(12.34567)
            self.assertEqual(sum(not limit.admit("a") for _ in range(burst + 5)), burst)
            clock.advance(burst * per / requests)
            self.assertEqual(sum(not limit.admit("a") for _ in range(burst + 5)), burst)

    def test_refusalCostsNothing(self) -> None:
        """
        Knocking too often doesn't put off when one is let in; refusals are counted.
        """
        limit = self.limit(1, 10.0, 1)
        limit.admit("a")
        for _ in range(100):
            limit.admit("a")
        self.assertEqual(limit.refused, 100)
        self.clock.advance(10)
        self.assertEqual(limit.admit("a"), 0.0)

    def test_eachKeyByItself(self) -> None:
        """
        Keys have their own buckets.
        """
        limit = self.limit(1, 10.0, 1)
        self.assertEqual(limit.admit("a"), 0.0)
        self.assertEqual(limit.admit("b"), 0.0)
        self.assertGreater(limit.admit("a"), 0.0)

    def test_memoryIsBounded(self) -> None:
        """
        A flood of new keys never takes more memory than was agreed on.
        """
        limit = self.limit(1, 10.0, 1, maxKeys=50)
        for key in range(1000):
            self.assertEqual(limit.admit(key), 0.0)
            self.assertLessEqual(len(limit), 50)
        self.assertGreater(limit.admit(999), 0.0)

    def test_fullBucketsGoFirst(self) -> None:
        """
        When room is needed, those who could come at once anyway are forgotten, not those who were
        just here.
        """
        limit = self.limit(1, 10.0, 1, maxKeys=50)
        for key in range(40):
            limit.admit(key)
        self.clock.advance(10)
        for key in (0, 1, *range(40, 55)):
            limit.admit(key)
        for key in (0, 1, *range(40, 55)):
            self.assertGreater(limit.admit(key), 0.0, key)

    def test_oldestGoNext(self) -> None:
        """
        When nobody's bucket is full, who was first is forgotten first.
        """
        limit = self.limit(1, 1000.0, 1, maxKeys=50)
        for key in range(51):
            limit.admit(key)
        self.assertEqual(len(limit), 46)
        self.assertGreater(limit.admit(5), 0.0)
        self.assertEqual(limit.admit(4), 0.0)

    @given(
        st.integers(1, 20),
        st.sampled_from([1, 2, 60]),
        st.integers(1, 5),
        st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), max_size=60),
    )
    def test_bucket(
        self, requests: int, per: int, burst: int, steps: list[tuple[str, int]]
    ) -> None:
        """
        It lets in whom a bucket counted by hand lets in, and tells when the next one will be.
        """
        clock = Clock()
        clock.advance(1000)
        limit = RateLimit(requests, per, burst, clock.seconds)
        tokens = dict.fromkeys("ab", Fraction(burst))
        for key, eighths in steps:
            # Eighths of a second are exact: what is a token by one count is one by the other.
            clock.advance(eighths / 8)
            for each in tokens:
                gained = Fraction(eighths, 8) * requests / per
                tokens[each] = min(Fraction(burst), tokens[each] + gained)
            wait = limit.admit(key)
            missing = 1 - tokens[key]
            if missing <= 0:
                self.assertEqual(wait, 0.0)
                tokens[key] -= 1
            else:
                self.assertAlmostEqual(wait, float(missing * per / requests), places=5)
