"""
Promises of L{lbproxy.health.target}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.health.target import Target


class TargetTests(SynchronousTestCase):
    """
    Where a check goes.
    """

    def test_changesWhatItIsTold(self) -> None:
        """
        Port, host, both or nothing; a UNIX socket only gives way to a whole address.
        """
        tcp, unix = Address("192.0.2.1", 80), Address(path="/run/app")
        for target, address, expected in (
            (Target(), tcp, tcp),
            (Target(port=81), tcp, Address("192.0.2.1", 81)),
            (Target(host="::1"), tcp, Address("::1", 80)),
            (Target(81, "::1"), tcp, Address("::1", 81)),
            (Target(), unix, unix),
            (Target(port=81), unix, unix),
            (Target(host="::1"), unix, unix),
            (Target(81, "::1"), unix, Address("::1", 81)),
        ):
            self.assertEqual(target.of(address), expected)
