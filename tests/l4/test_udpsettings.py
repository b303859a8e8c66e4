"""
Tests for L{lbproxy.l4.udpsettings}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.listener import UDPOptions
from lbproxy.l4.udpsettings import UDPSettings


class UDPSettingsTests(SynchronousTestCase):
    """
    Tests for L{UDPSettings}.
    """

    def test_defaults(self) -> None:
        """
        They are the configuration's.
        """
        for name, value in UDPOptions().model_dump().items():
            self.assertEqual(getattr(UDPSettings(), name), value, name)
