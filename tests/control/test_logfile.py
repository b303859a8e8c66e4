"""
Tests for L{lbproxy.control.logfile}: where log lines go.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.control.logfile import LogFile
from lbproxy.errors import CannotStart


class LogFileCase(SynchronousTestCase):
    """
    A log file in a folder of its own.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.path = os.path.abspath(self.mktemp())
        self.log = LogFile(self.path, self.clock)
        self.addCleanup(self.log.close)

    def written(self, path: str = "") -> bytes:
        """
        What is in the file.
        """
        with open(path or self.path, "rb") as file:
            return file.read()


class WritingTests(LogFileCase):
    """
    Lines are written in batches.
    """

    def test_soon(self) -> None:
        """
        A line waits a moment for others, and no longer.
        """
        self.log.write(b"one\n")
        self.log.write(b"two\n")
        self.assertEqual(self.written(), b"")
        self.clock.advance(0.1)
        self.assertEqual(self.written(), b"one\ntwo\n")
        self.log.write(b"three\n")
        self.clock.advance(0.1)
        self.assertEqual(self.written(), b"one\ntwo\nthree\n")

    def test_oneWrite(self) -> None:
        """
        A batch is one call of the system: other processes that append can't cut it apart.
        """
        writes: list[bytes] = []
        real = os.write

        def noting(fd: int, data: Any) -> int:
            writes.append(bytes(data))
            return real(fd, data)

        self.patch(os, "write", noting)
        for at in range(100):
            self.log.write(b"%d\n" % at)
        self.clock.advance(0.1)
        self.assertEqual(len(writes), 1)
        self.assertEqual(writes[0].count(b"\n"), 100)

    def test_atOnceWhenMany(self) -> None:
        """
        Many lines don't wait: memory stays bounded, whatever comes within a moment.
        """
        line = b"x" * 99 + b"\n"
        for _ in range(656):
            self.log.write(line)
        self.assertEqual(len(self.written()), 65600)
        self.clock.advance(0.1)
        self.assertEqual(len(self.written()), 65600)

    def test_appends(self) -> None:
        """
        What was there before stays.
        """
        self.log.write(b"one\n")
        self.log.flush()
        second = LogFile(self.path, self.clock)
        second.write(b"two\n")
        second.close()
        self.assertEqual(self.written(), b"one\ntwo\n")

    def test_private(self) -> None:
        """
        Not everybody may read it.
        """
        self.assertEqual(os.stat(self.path).st_mode & 0o007, 0)

    def test_noTimerWithoutLines(self) -> None:
        """
        A log that nobody writes to costs nothing.
        """
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.log.write(b"one\n")
        self.clock.advance(0.1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_shortWrites(self) -> None:
        """
        What the system doesn't take at once is written after.
        """
        real = os.write
        self.patch(os, "write", lambda fd, data: real(fd, bytes(data)[:3]))
        self.log.write(b"one line\n")
        self.log.flush()
        self.assertEqual(self.written(), b"one line\n")

    def test_close(self) -> None:
        """
        At the end all is written, and the timer is gone.
        """
        self.log.write(b"one\n")
        self.log.close()
        self.assertEqual(self.written(), b"one\n")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stdout(self) -> None:
        """
        C{-} is standard output, which is neither opened anew nor closed.
        """
        with open(self.path + ".out", "wb") as out:
            self.patch(sys, "stdout", out)
            log = LogFile("-", self.clock)
            log.write(b"one\n")
            log.reopen()
            log.write(b"two\n")
            log.close()
            self.assertFalse(out.closed)
            os.fstat(out.fileno())
        self.assertEqual(self.written(self.path + ".out"), b"one\ntwo\n")


class RotationTests(LogFileCase):
    """
    Files that are moved away.
    """

    def test_reopen(self) -> None:
        """
        What came before goes to the old file, what comes after to a new one of the name.
        """
        self.log.write(b"old\n")
        os.rename(self.path, self.path + ".1")
        self.log.write(b"old, too\n")
        self.log.reopen()
        self.log.write(b"new\n")
        self.clock.advance(0.1)
        self.assertEqual(self.written(self.path + ".1"), b"old\nold, too\n")
        self.assertEqual(self.written(), b"new\n")

    def test_oldOneIsClosed(self) -> None:
        """
        The old file's space is given back when it is removed.
        """
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            self.log.reopen()
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)

    def test_cannotReopen(self) -> None:
        """
        If there can't be a new one, the old one is written on.
        """
        os.rename(self.path, self.path + ".1")
        os.mkdir(self.path)
        self.log.reopen()
        self.log.write(b"one\n")
        self.log.flush()
        self.assertEqual(self.written(self.path + ".1"), b"one\n")
        self.assertEqual(self.log.lost, 0)


class TroubleTests(LogFileCase):
    """
    Writing never raises.
    """

    def full(self, room: int) -> None:
        """
        Let the disk have room for so many bytes.
        """
        real = os.write
        left = [room]

        def write(fd: int, data: Any) -> int:
            if not left[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            count = min(left[0], len(data))
            left[0] -= count
            return real(fd, bytes(data)[:count])

        self.patch(os, "write", write)
        self.room = left

    def test_cannotOpen(self) -> None:
        """
        A file that can't be opened is a reason not to start, in one sentence.
        """
        path = os.path.join(self.path, "x")
        error = self.assertRaises(CannotStart, LogFile, path, self.clock)
        self.assertEqual(str(error), f"cannot write {path}: Not a directory")

    def test_fullDisk(self) -> None:
        """
        A full disk costs lines, which are counted, and no requests; it is said once.
        """
        said: list[str] = []
        self.patch(LogFile, "_log", _Saying(said))
        self.full(0)
        for _ in range(3):
            self.log.write(b"one\n")
            self.log.write(b"two\n")
            self.clock.advance(0.1)
        self.assertEqual(self.log.lost, 6)
        self.assertEqual(len(said), 1)
        self.assertIn("No space left", said[0])

    def test_roomAgain(self) -> None:
        """
        When there is room again it goes on; a line that was cut off is ended, not grown together
        with another.
        """
        self.patch(LogFile, "_log", _Saying([]))
        self.full(6)
        self.log.write(b"one\n")
        self.log.write(b"two\n")
        self.log.write(b"three\n")
        self.log.flush()
        self.assertEqual((self.written(), self.log.lost), (b"one\ntw", 2))
        self.log.write(b"four\n")
        self.log.flush()
        self.assertEqual(self.log.lost, 3)
        self.room[0] = 100
        self.log.write(b"five\n")
        self.log.flush()
        self.assertEqual((self.written(), self.log.lost), (b"one\ntw\nfive\n", 3))
        self.log.write(b"six\n")
        self.log.flush()
        self.assertTrue(self.written().endswith(b"\nfive\nsix\n"))

    def test_cutBetweenLines(self) -> None:
        """
        Where no line was cut off, none is ended.
        """
        self.patch(LogFile, "_log", _Saying([]))
        self.full(4)
        self.log.write(b"one\n")
        self.log.write(b"two\n")
        self.log.flush()
        self.room[0] = 100
        self.log.write(b"three\n")
        self.log.flush()
        self.assertEqual((self.written(), self.log.lost), (b"one\nthree\n", 1))

    def test_newFile(self) -> None:
        """
        A new file doesn't begin with the end of a line of the old one.
        """
        self.patch(LogFile, "_log", _Saying([]))
        self.full(2)
        self.log.write(b"one\n")
        self.log.flush()
        os.rename(self.path, self.path + ".1")
        self.log.reopen()
        self.room[0] = 100
        self.log.write(b"two\n")
        self.log.flush()
        self.assertEqual(self.written(), b"two\n")

    def test_afterClose(self) -> None:
        """
        A line that comes after the end is lost; it never gets into somebody else's file that was
        given the same number.
        """
        self.patch(LogFile, "_log", _Saying([]))
        self.log.close()
        path = self.path + ".other"
        with open(path, "wb"):
            self.log.write(b"late\n")
            self.clock.advance(0.1)
            self.log.reopen()
            self.log.close()
        self.assertEqual(self.written(path), b"")
        self.assertEqual((self.written(), self.log.lost), (b"", 1))


class _Saying:
    """
    A log that keeps what it is told.
    """

    def __init__(self, said: list[str]) -> None:
        self._said = said

    def error(self, form: str, **values: object) -> None:
        """
        Keep it.
        """
        self._said.append(form.format(**values))
