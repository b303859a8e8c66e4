"""
Who has which password? An htpasswd file: bcrypt, SHA-512 and SHA-256 crypt, and Apache's MD5.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from typing import Any

from passlib.apache import HtpasswdFile
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

# Right answers remembered, as keyed hashes: a browser sends its password with every request, and
# checking one takes as long as it was made to take.
_REMEMBERED = 1000
# Checks under way; who guesses passwords must not fill the thread pool's queue.
_MAX_WAITING = 64


class PasswordFile:
    """
    Reads the file anew when it has changed. Checking happens in the reactor's threads.

    @raise OSError: the file cannot be read.
    @raise ValueError: it is no htpasswd file.
    """

    _log = Logger()

    def __init__(self, path: str, reactor: Any) -> None:
        self._path = path
        self._reactor = reactor
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, None] = {}
        self._waiting = 0
        self._stamp = self._changed()
        self._file = HtpasswdFile(path)

    def _changed(self) -> tuple[int, int]:
        status = os.stat(self._path)
        return status.st_mtime_ns, status.st_size

    def verify(self, user: str, password: str, answer: Callable[[bool], None]) -> None:
        """
        Call C{answer} with whether this is the user's password.
        """
        self._refresh()
        text = f"{user}\0{password}".encode()
        digest = hmac.digest(self._key, text, hashlib.sha256)
        if digest in self._known:
            answer(True)
        elif self._waiting >= _MAX_WAITING:
            answer(False)
        else:
            self._waiting += 1
            checking = deferToThreadPool(
                self._reactor,
                self._reactor.getThreadPool(),
                self._file.check_password,
                user,
                password,
            )
            checking.addCallbacks(bool, self._failed)
            checking.addCallback(self._checked, self._file, digest, answer)
            checking.addErrback(lambda failure: self._log.failure("an answer failed", failure))

    def _failed(self, failure: Any) -> bool:
        self._log.failure("cannot check a password of {path}", failure, path=self._path)
        return False

    def _checked(
        self, right: bool, file: HtpasswdFile, digest: bytes, answer: Callable[[bool], None]
    ) -> None:
        self._waiting -= 1
        # What was right by a file that has changed meanwhile must not be remembered for the new.
        if right and file is self._file:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[digest] = None
        answer(right)

    def _refresh(self) -> None:
        try:
            stamp = self._changed()
            if stamp != self._stamp:
                self._file = HtpasswdFile(self._path)
                self._stamp = stamp
                self._known.clear()
        except (OSError, ValueError) as problem:
            # Those who were let in before still are; a file being replaced is back in a moment.
            self._log.error("cannot read {path}: {problem}", path=self._path, problem=problem)
