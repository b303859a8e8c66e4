"""
Where splices get their pipes from.
"""

from __future__ import annotations

import fcntl
import os

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.kernelpipes import PIPE_SIZE, KernelPipes
from tests.net.reactorcase import descriptors


class KernelPipesTests(SynchronousTestCase):
    """
    Made when needed, kept, bounded.
    """

    def setUp(self) -> None:
        self.before = descriptors()

    def test_largeAndNonBlocking(self) -> None:
        """
        A pipe takes a megabyte without waiting for anybody.
        """
        pipes = KernelPipes()
        ends = pipes.take()
        assert ends is not None
        self.assertEqual(fcntl.fcntl(ends[1], fcntl.F_GETPIPE_SZ), PIPE_SIZE)
        self.assertEqual(os.write(ends[1], bytes(PIPE_SIZE)), PIPE_SIZE)
        self.assertRaises(BlockingIOError, os.write, ends[1], b"!")
        pipes.give(ends, empty=False)
        self.assertEqual(descriptors(), self.before)

    def test_usedAgain(self) -> None:
        """
        An empty pipe serves the next; one with bytes in it serves nobody.
        """
        pipes = KernelPipes()
        ends = pipes.take()
        assert ends is not None
        pipes.give(ends, empty=True)
        self.assertEqual(pipes.take(), ends)
        os.write(ends[1], b"left over")
        pipes.give(ends, empty=False)
        again = pipes.take()
        assert again is not None
        self.assertRaises(BlockingIOError, os.read, again[0], 1)
        pipes.give(again, empty=True)
        pipes.close()
        self.assertEqual(descriptors(), self.before)

    def test_limits(self) -> None:
        """
        No more than so many are used, no more than so many kept.
        """
        pipes = KernelPipes(limit=3, spare=1)
        taken = [pipes.take() for _ in range(4)]
        self.assertEqual([ends is None for ends in taken], [False, False, False, True])
        for ends in taken:
            if ends is not None:
                pipes.give(ends, empty=True)
        self.assertEqual(len(descriptors() - self.before), 2)
        self.assertIsNotNone(pipes.take())
        self.assertIsNotNone(pipes.take())

    def test_outOfDescriptors(self) -> None:
        """
        Where no pipe can be made, there is none.
        """

        def pipe2(flags: int) -> tuple[int, int]:
            raise OSError(24, "too many open files")

        self.patch(os, "pipe2", pipe2)
        self.assertIsNone(KernelPipes().take())

    def test_smallerThanWanted(self) -> None:
        """
        Where the user's share of pipe memory is used up, a small pipe will do.
        """
        call = fcntl.fcntl

        def refusing(end: int, command: int, *arguments: int) -> int:
            if command == fcntl.F_SETPIPE_SZ:
                raise PermissionError
            return call(end, command, *arguments)

        self.patch(fcntl, "fcntl", refusing)
        pipes = KernelPipes()
        ends = pipes.take()
        assert ends is not None
        pipes.give(ends, empty=False)
