"""
The bounded memory for what was read before.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1.memo import Memo


class MemoTests(SynchronousTestCase):
    """
    L{Memo}.
    """

    def test_keptFromTheSecondTimeOn(self) -> None:
        """
        What comes once is not kept, what comes again is.
        """
        memo: Memo[int] = Memo()
        memo.offer(b"a", 1)
        self.assertIsNone(memo.get(b"a"))
        memo.offer(b"a", 1)
        self.assertEqual(memo.get(b"a"), 1)

    def test_churnDisplacesNobody(self) -> None:
        """
        A client that never repeats itself can't push out what others share.
        """
        memo: Memo[int] = Memo(64)
        for _ in range(2):
            memo.offer(b"honest", 1)
        for number in range(10_000):
            memo.offer(b"%d" % number, 2)
        self.assertEqual((memo.get(b"honest"), len(memo)), (1, 1))

    def test_countIsBounded(self) -> None:
        """
        When it is full, each newcomer takes the place of the oldest.
        """
        memo: Memo[int] = Memo(4)
        for number in range(10):
            memo.offer(b"%d" % number, number)
            memo.offer(b"%d" % number, number)
        self.assertEqual(len(memo), 4)
        kept = [number for number in range(10) if memo.get(b"%d" % number) is not None]
        self.assertEqual(kept, [6, 7, 8, 9])

    def test_offeredAgain(self) -> None:
        """
        Offering what is kept already takes no second place.
        """
        memo: Memo[int] = Memo(2)
        for key in (b"a", b"a", b"a", b"a", b"b", b"b"):
            memo.offer(key, 1)
        self.assertEqual((len(memo), memo.get(b"a"), memo.get(b"b")), (2, 1, 1))

    def test_sizeIsBounded(self) -> None:
        """
        Large keys are not kept, however often they come.
        """
        memo: Memo[int] = Memo(size=10)
        for _ in range(3):
            memo.offer(b"x" * 10, 1)
            memo.offer(b"x" * 11, 1)
        self.assertEqual((memo.get(b"x" * 10), memo.get(b"x" * 11)), (1, None))

    def test_clear(self) -> None:
        """
        After clearing, everything is new, and the places are free again.
        """
        memo: Memo[int] = Memo(2)
        for key in (b"a", b"a", b"b", b"b"):
            memo.offer(key, 1)
        memo.clear()
        self.assertEqual((len(memo), memo.get(b"a")), (0, None))
        memo.offer(b"a", 1)
        self.assertEqual(len(memo), 0)
        for key in (b"c", b"c", b"d", b"d", b"e", b"e"):
            memo.offer(key, 1)
        self.assertEqual((len(memo), memo.get(b"c"), memo.get(b"e")), (2, None, 1))
