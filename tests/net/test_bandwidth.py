"""
Bytes per second.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.bandwidth import Bandwidth


class BandwidthTests(SynchronousTestCase):
    """
    A bucket of bytes.
    """

    def test_aQuarterOfASecondAtOnce(self) -> None:
        """
        A short burst passes; then one waits for as long as the rate says.
        """
        bandwidth = Bandwidth(100_000)
        self.assertEqual(bandwidth.spend(25_000, 10.0), 0.0)
        self.assertAlmostEqual(bandwidth.spend(50_000, 10.0), 0.5)
        self.assertAlmostEqual(bandwidth.spend(1, 10.5), 0.00001)

    def test_savingUpIsBounded(self) -> None:
        """
        Who was silent for long may not make up for it.
        """
        bandwidth = Bandwidth(100_000)
        bandwidth.spend(1, 0.0)
        self.assertAlmostEqual(bandwidth.spend(125_000, 3600.0), 1.0)

    def test_readSize(self) -> None:
        """
        Slow ones read little at a time, fast ones what is usual.
        """
        self.assertEqual(Bandwidth(10).readSize, 1024)
        self.assertEqual(Bandwidth(80_000).readSize, 10_000)
        self.assertEqual(Bandwidth(1 << 30).readSize, 65536)

    @given(
        st.integers(100, 10**9),
        st.lists(st.tuples(st.integers(1, 65536), st.floats(0, 3)), min_size=1, max_size=50),
    )
    def test_whoWaitsKeepsToTheRate(self, rate: int, reads: list[tuple[int, float]]) -> None:
        """
        Whoever waits as told never has more than the rate allows and one burst, but for the read
        that has just come.
        """
        bandwidth, now, passed = Bandwidth(rate), 0.0, 0
        for size, pause in reads:
            allowed = now * rate + max(4096, rate / 4) + 1
            self.assertLessEqual(passed, allowed * 1.000001)
            passed += size
            now += bandwidth.spend(size, now) + pause
