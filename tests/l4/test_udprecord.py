"""
Tests for L{lbproxy.l4.udprecord}.
"""

from __future__ import annotations

from lbproxy.l4.udprecord import UDPRecord, recorder
from tests.l4.udpfixture import RelayTestCase


class RecorderTests(RelayTestCase):
    """
    Tests for L{recorder}.
    """

    def test_session(self) -> None:
        """
        A session that ended is told in one record.
        """
        self.build("a", idleTimeout=10.0)
        self.client().send(b"12")
        self.loop.turnAll()
        self.loop.advance(0.25)
        self.answer()
        self.loop.advance(10.1)
        records: list[UDPRecord] = []
        recorder("dns", records.append, self.loop.seconds)(self.ended[0])
        (record,) = records
        self.assertAlmostEqual(record.duration, 10.35)
        self.assertEqual(
            record._replace(duration=0.0),
            UDPRecord("127.0.0.1", "dns", "all", "ns", "a", 2, 4, 1, 1, 0.0, 0.25, "idle"),
        )
