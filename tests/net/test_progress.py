"""
Tests for L{lbproxy.net.progress}: how much the peer has not taken yet.
"""

from __future__ import annotations

import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.progress import unsentBytes


class Transport:
    """
    A transport with something in its queue.
    """

    def __init__(self, skt: socket.socket | None, queued: int = 0) -> None:
        self._socket = skt
        self.queued = queued

    def fileno(self) -> int:
        """
        That of the socket; -1 when it is closed.
        """
        return -1 if self._socket is None else self._socket.fileno()


class UnsentBytesTests(SynchronousTestCase):
    """
    Bytes on their way.
    """

    def test_queueCounts(self) -> None:
        """
        What waits in the transport's own queue has not been taken.
        """
        self.assertEqual(unsentBytes(Transport(None, 5)), 5)

    def test_kernelCounts(self) -> None:
        """
        What the kernel holds has not been taken either; when the peer reads, it gets less.
        """
        near, far = socket.socketpair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        self.assertEqual(unsentBytes(Transport(near)), 0)
        near.send(b"a" * 1000)
        held = unsentBytes(Transport(near))
        self.assertGreaterEqual(held, 1000)
        self.assertEqual(unsentBytes(Transport(near, 5)), held + 5)
        far.recv(2000)
        self.assertEqual(unsentBytes(Transport(near)), 0)

    def test_transportsWithoutASocket(self) -> None:
        """
        Of a transport that tells nothing, nothing is known to be unsent.
        """
        self.assertEqual(unsentBytes(object()), 0)
