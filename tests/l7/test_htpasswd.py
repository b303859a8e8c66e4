"""
Tests for L{lbproxy.l7.htpasswd}: who has which password?
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from passlib.hash import apr_md5_crypt, bcrypt, sha256_crypt, sha512_crypt
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.htpasswd import PasswordFile

QUICK = bcrypt.using(rounds=4)


class Threads:
    """
    A reactor whose threads work when told to.
    """

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def getThreadPool(self) -> Threads:
        """
        Itself.
        """
        return self

    def callInThreadWithCallback(
        self, onResult: Callable[[bool, object], None], func: Callable[..., object], *args: Any
    ) -> None:
        """
        Take work on.
        """

        def work() -> None:
            try:
                result = func(*args)
            except BaseException:
                onResult(False, Failure())
            else:
                onResult(True, result)

        self.waiting.append(work)

    def callFromThread(self, func: Callable[..., object], *args: Any) -> None:
        """
        The loop is at hand.
        """
        func(*args)

    def work(self) -> None:
        """
        Do all that waits.
        """
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()


class PasswordFileTests(SynchronousTestCase):
    """
    An htpasswd file.
    """

    def setUp(self) -> None:
        self.path = self.mktemp()
        self.threads = Threads()
        self.write(joe=QUICK.hash("right"))
        self.file = PasswordFile(self.path, self.threads)

    def write(self, **entries: str) -> None:
        """
        Replace the file, as an editor does; it is a second newer than the one before.
        """
        before = os.stat(self.path).st_mtime if os.path.exists(self.path) else 0
        with open(self.path, "w", encoding="utf-8") as file:
            file.writelines(f"{user}:{hash}\n" for user, hash in entries.items())
        os.utime(self.path, (before + 1, before + 1))

    def ask(self, user: str, password: str) -> list[bool]:
        """
        @return: gets the answer when there is one.
        """
        answers: list[bool] = []
        self.file.verify(user, password, answers.append)
        return answers

    def verified(self, user: str, password: str) -> bool:
        """
        The answer, with the threads at work.
        """
        answers = self.ask(user, password)
        self.threads.work()
        self.assertEqual(len(answers), 1)
        return answers[0]

    def test_rightAndWrong(self) -> None:
        """
        The right password of the right user, nothing else.
        """
        self.assertTrue(self.verified("joe", "right"))
        for user, password in (("joe", "wrong"), ("jim", "right"), ("joe", ""), ("", "")):
            self.assertFalse(self.verified(user, password))

    def test_kinds(self) -> None:
        """
        bcrypt, both SHA crypts and Apache's MD5 are known.
        """
        self.write(
            a=QUICK.hash("x"),
            b=sha256_crypt.using(rounds=1000).hash("x"),
            c=sha512_crypt.using(rounds=1000).hash("x"),
            d=apr_md5_crypt.hash("x"),
        )
        for user in "abcd":
            self.assertTrue(self.verified(user, "x"), user)
            self.assertFalse(self.verified(user, "y"), user)

    def test_inThreads(self) -> None:
        """
        Checking is slow by design: the loop doesn't wait for it.
        """
        answers = self.ask("joe", "right")
        self.assertEqual(answers, [])
        self.threads.work()
        self.assertEqual(answers, [True])

    def test_rightAnswersAreRemembered(self) -> None:
        """
        A browser sends its password with every request: it is checked once. Wrong ones are checked
        each time.
        """
        self.verified("joe", "right")
        self.assertEqual(self.ask("joe", "right"), [True])
        self.verified("joe", "wrong")
        self.assertEqual(self.ask("joe", "wrong"), [])

    def test_changedFile(self) -> None:
        """
        A changed file counts from the next request on, for those who were remembered, too.
        """
        self.verified("joe", "right")
        self.write(jim=QUICK.hash("new"))
        self.assertFalse(self.verified("joe", "right"))
        self.assertTrue(self.verified("jim", "new"))

    def test_changedWhileChecking(self) -> None:
        """
        A password that was right until a moment ago is not remembered for the new file.
        """
        answers = self.ask("joe", "right")
        self.write(joe=QUICK.hash("other"))
        self.file.verify("x", "y", lambda right: None)
        self.threads.work()
        self.assertEqual(answers, [True])
        self.assertFalse(self.verified("joe", "right"))

    def test_fileGone(self) -> None:
        """
        While the file is being replaced those who were let in still are; the log says what is
        wrong.
        """
        os.unlink(self.path)
        self.assertTrue(self.verified("joe", "right"))
        self.write(joe="no hash")
        self.assertFalse(self.verified("joe", "right"))
        self.flushLoggedErrors()

    def test_tooManyAtOnce(self) -> None:
        """
        Who guesses passwords doesn't fill the threads' queue: over a bound the answer is no, until
        the queue has become shorter.
        """
        answers = [self.ask("joe", f"guess {at}") for at in range(64)]
        self.assertEqual(self.ask("joe", "right"), [False])
        self.threads.work()
        self.assertEqual(answers, [[False]] * 64)
        self.assertTrue(self.verified("joe", "right"))

    def test_checkThatFails(self) -> None:
        """
        A password that the check cannot bear is a wrong one, and is logged.
        """
        self.assertFalse(self.verified("joe", "ri\0ght"))
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertTrue(self.verified("joe", "right"))

    def test_nothingToStartWith(self) -> None:
        """
        Without a file there is nothing to start with.
        """
        self.assertRaises(OSError, PasswordFile, self.path + ".none", self.threads)
