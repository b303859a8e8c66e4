"""
Tests for L{lbproxy.wire.proxyprotocol.crc32c}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.proxyprotocol.crc32c import crc32c


class CRC32CTests(SynchronousTestCase):
    """
    Tests for L{crc32c}.
    """

    def test_vectors(self) -> None:
        """
        It gives what RFC 3720, appendix B.4 says.
        """
        for data, wanted in (
            (bytes(32), 0x8A9136AA),
            (b"\xff" * 32, 0x62A8AB43),
            (bytes(range(32)), 0x46DD794E),
            (bytes(range(31, -1, -1)), 0x113FDB5C),
            (b"123456789", 0xE3069283),
            (b"", 0),
        ):
            self.assertEqual(crc32c(data), wanted)
