"""
Where do log lines go? A file or stdout, written in batches and reopened on demand.
"""

from __future__ import annotations

import os
import sys

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from lbproxy.errors import CannotStart

# Seconds that a line may wait. A write per line would cost as much as serving the request did.
_FLUSH_AFTER = 0.1
# Bytes at which lines are written without waiting.
_FLUSH_SIZE = 65536


class LogFile:
    """
    An append-only file of lines. Writing never raises: a full disk costs log lines, not requests.

    @ivar lost: lines that could not be written.
    """

    _log = Logger()

    def __init__(self, path: str, clock: IReactorTime) -> None:
        """
        @param path: C{-} for standard output.
        @raise CannotStart: the file cannot be opened.
        """
        self._path = path
        self._clock = clock
        self._lines: list[bytes] = []
        self._size = 0
        self._call: IDelayedCall | None = None
        # The last line that was written is not whole.
        self._torn = False
        self.lost = 0
        try:
            self._fd = self._open()
        except OSError as problem:
            raise CannotStart(f"cannot write {path}: {problem.strerror}") from problem

    def _open(self) -> int:
        if self._path == "-":
            return sys.stdout.fileno()
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def write(self, line: bytes) -> None:
        """
        @param line: ends with a newline.
        """
        self._lines.append(line)
        self._size += len(line)
        if self._size >= _FLUSH_SIZE:
            self.flush()
        elif self._call is None:
            self._call = self._clock.callLater(_FLUSH_AFTER, self._timed)

    def _timed(self) -> None:
        self._call = None
        self.flush()

    def flush(self) -> None:
        """
        Write what has gathered.
        """
        lines, self._lines, self._size = self._lines, [], 0
        text = b"".join(lines)
        data = memoryview(text)
        try:
            if self._torn and text:
                # A file that filled up amid a line has room again.
                os.write(self._fd, b"\n")
                self._torn = False
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError as problem:
            self._failed(text, len(data), problem)

    def _failed(self, text: bytes, left: int, problem: OSError) -> None:
        written = len(text) - left
        # Said once, counted always: complaining about each line would be worse than losing it.
        if not self.lost:
            self._log.error("cannot write {path}: {problem}", path=self._path, problem=problem)
        self.lost += text.count(b"\n", written)
        self._torn = self._torn or (written > 0 and not text[:written].endswith(b"\n"))

    def reopen(self) -> None:
        """
        Go on in a new file of the same name, after the old one was moved away.
        """
        self.flush()
        if self._path == "-":
            return
        if self._fd < 0:
            return
        try:
            fd = self._open()
        except OSError as problem:
            self._log.error("cannot reopen {path}: {problem}", path=self._path, problem=problem)
            return
        os.close(self._fd)
        self._fd = fd
        self._torn = False

    def close(self) -> None:
        """
        Write the rest and have done.
        """
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self.flush()
        if self._path != "-" and self._fd >= 0:
            os.close(self._fd)
            # Somebody else's file may get that number: a line that comes now is lost, not theirs.
            self._fd = -1
