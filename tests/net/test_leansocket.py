"""
Tests for L{lbproxy.net.leansocket}.
"""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.leansocket import LeanSocket


class LeanSocketTests(SynchronousTestCase):
    """
    It does what Python's socket does.
    """

    def test_fromDescriptor(self) -> None:
        """
        It takes over a descriptor, and closes it, once.
        """
        one, two = socket.socketpair()
        self.addCleanup(two.close)
        with LeanSocket(socket.AF_UNIX, socket.SOCK_STREAM, 0, one.detach()) as skt:
            self.assertIsInstance(skt, socket.socket)
            self.assertEqual((skt.family, skt.type), (socket.AF_UNIX, socket.SOCK_STREAM))
            skt.send(b"x")
            self.assertEqual(two.recv(9), b"x")
        self.assertEqual(two.recv(9), b"")
        self.assertEqual(skt.fileno(), -1)
        skt.close()
        self.assertIn("[closed]", repr(skt))

    def test_new(self) -> None:
        """
        A new one is closed on exec, and non-blocking where that is asked for.
        """
        skt = LeanSocket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self.addCleanup(skt.close)
        self.assertFalse(os.get_inheritable(skt.fileno()))
        self.assertFalse(os.get_blocking(skt.fileno()))
        self.assertEqual(skt.gettimeout(), 0.0)
        self.assertNotIn("[closed]", repr(skt))

    def test_detach(self) -> None:
        """
        A descriptor that was given away stays open.
        """
        skt = LeanSocket(socket.AF_INET, socket.SOCK_STREAM)
        descriptor = skt.detach()
        skt.close()
        os.close(descriptor)
        self.assertEqual(skt.fileno(), -1)
