"""
Tests for L{lbproxy.net.unixpath}.
"""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.unixpath import clearStale, remover


class UnixPathTests(SynchronousTestCase):
    """
    Tests for L{clearStale} and L{remover}.
    """

    def bound(self, path: str) -> socket.socket:
        skt = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(skt.close)
        skt.bind(path)
        return skt

    def test_nothingThere(self) -> None:
        """
        A free path is left alone.
        """
        path = self.mktemp()
        clearStale(path)
        self.assertFalse(os.path.exists(path))

    def test_deadProcess(self) -> None:
        """
        The socket file of a process that is gone is removed.
        """
        path = self.mktemp()
        self.bound(path).close()
        clearStale(path)
        self.assertFalse(os.path.exists(path))

    def test_liveProcess(self) -> None:
        """
        The socket file of one that listens stays, and the reason is given.
        """
        path = self.mktemp()
        self.bound(path).listen()
        error = self.assertRaises(OSError, clearStale, path)
        self.assertEqual("somebody listens there already", error.strerror)
        self.assertTrue(os.path.exists(path))

    def test_busyProcess(self) -> None:
        """
        One whose backlog is full is alive as well.
        """
        path = self.mktemp()
        self.bound(path).listen(0)
        for _ in range(3):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.addCleanup(client.close)
            client.connect_ex(path)
        self.assertRaises(OSError, clearStale, path)
        self.assertTrue(os.path.exists(path))

    def test_noSocket(self) -> None:
        """
        A file that is no socket, or a link to somewhere, is somebody's and stays.
        """
        path = self.mktemp()
        with open(path, "w"):
            pass
        link = self.mktemp()
        os.symlink(path, link)
        for each in path, link:
            error = self.assertRaises(OSError, clearStale, each)
            self.assertIn("no socket", error.strerror)
            self.assertTrue(os.path.lexists(each))

    def test_remover(self) -> None:
        """
        What was there is removed, once; what came later is not.
        """
        path = self.mktemp()
        self.bound(path)
        remove = remover(path)
        remove()
        self.assertFalse(os.path.exists(path))
        remove()
        kept = open(path, "w")  # noqa: SIM115
        self.addCleanup(kept.close)
        remove()
        self.assertTrue(os.path.exists(path))

    def test_removerOfNothing(self) -> None:
        """
        Where nothing was nothing is removed.
        """
        path = self.mktemp()
        remove = remover(path)
        self.bound(path)
        remove()
        self.assertTrue(os.path.exists(path))
