"""
Tests for L{lbproxy.net.systemd}.
"""

from __future__ import annotations

import socket

from twisted.python.systemd import ListenFDs
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import CannotStart
from lbproxy.net.systemd import InheritedSockets


class InheritedSocketsTests(SynchronousTestCase):
    """
    Sockets are found by name.
    """

    def test_byName(self) -> None:
        """
        The socket is the one that was handed over, in a descriptor of our own.
        """
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
            inherited = InheritedSockets(ListenFDs([opened.fileno()], ("web",)))
            with inherited.take("web") as taken:
                self.assertEqual(taken.getsockname(), opened.getsockname())
                self.assertNotEqual(taken.fileno(), opened.fileno())

    def test_unknown(self) -> None:
        """
        A name that wasn't handed over is said, with those that were.
        """
        inherited = InheritedSockets(ListenFDs([99], ("web",)))
        error = self.assertRaises(CannotStart, inherited.take, "dns")
        self.assertEqual(str(error), "systemd:dns was not handed over; there are: web")
