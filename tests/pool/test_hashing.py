"""
Promises of L{lbproxy.pool.hashing}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.hashing import hash64, rehash, stream


class HashingTests(SynchronousTestCase):
    """
    The same numbers everywhere and for ever.
    """

    def test_valuesNeverChange(self) -> None:
        """Nodes of different versions agree: these values are the contract."""
        self.assertEqual(hash64(b"192.0.2.1"), 0x11288B28CEFA74C8)
        self.assertEqual(rehash(0), 0xE220A8397B1DCDAF)
        self.assertEqual(rehash((1 << 64) - 1), 0xE4D971771B652C20)
        self.assertEqual(stream(b"b1", 4).hex(), "cc806a8e")

    def test_streamGoesOn(self) -> None:
        """A longer stream begins like a shorter one."""
        self.assertTrue(stream(b"b1", 100).startswith(stream(b"b1", 10)))

    def test_rehashDoesNotReturnSoon(self) -> None:
        """Looking further means looking elsewhere."""
        number, seen = 1, set()
        for _ in range(10_000):
            number = rehash(number)
            seen.add(number % 64 * (1 << 32) + number % 4096)
        self.assertGreater(len(seen), 3_700)
