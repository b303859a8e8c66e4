"""
The modes of cookie affinity, as they read on both sides.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.plan import ProxyChanges, ProxyPlan
from lbproxy.pool.affinity.cookie import cookieAffinity
from lbproxy.pool.affinity.settings import CookieSettings, Mode
from tests.l7.doubles import Dialed, Stage

COOKIE = b"HTTP/1.1 200 OK\r\nSet-Cookie: SID=theirs; Path=/\r\nContent-Length: 0\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class CookieModeTests(SynchronousTestCase):
    """
    What the backend and the client get to see of the cookie C{SID}.
    """

    def build(self, mode: Mode, **more: bool) -> None:
        self.stage = Stage(("b1", "b2"))
        settings = CookieSettings(["secret"], name="SID", mode=mode, **more)  # type: ignore[arg-type]
        affinity = cookieAffinity(settings)
        pool = self.stage.pool
        pool.affinity = affinity
        affinity.rebuild(tuple(pool.backends.values()))
        plan = ProxyPlan(self.stage.upstream, ProxyChanges(cookies=affinity.edits))
        self.stage.factory.only = plan

    def exchange(self, cookie: bytes, answer: bytes) -> tuple[bytes, bytes, Dialed]:
        """
        @return: what the backend got, what the client got, and the backend's connection.
        """
        protocol, wire = self.stage.connect()
        field = b"Cookie: %b\r\n" % cookie if cookie else b""
        before = len(self.stage.dials)
        protocol.dataReceived(b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % field)
        dialed = self.stage.dials[before]
        backend = dialed.accept()
        dialed.answer(answer)
        backend.protocol.close()  # the next exchange dials anew
        return backend.value(), wire.value(), dialed

    def cookieOf(self, answer: bytes) -> bytes:
        """
        The value of SID that the client is given.
        """
        return answer.partition(b"Set-Cookie: SID=")[2].partition(b"\r\n")[0].partition(b";")[0]

    def test_insert(self) -> None:
        """
        Our cookie takes the place of one that the backend sets under its name.
        """
        self.build("insert")
        _, answer, dialed = self.exchange(b"", COOKIE)
        self.assertEqual(answer.count(b"Set-Cookie"), 1)
        self.assertNotIn(b"theirs", answer)
        token = self.cookieOf(answer)
        seen, answer, again = self.exchange(b"a=1; SID=" + token, PLAIN)
        self.assertIs(again.backend, dialed.backend)
        self.assertIn(b"SID=" + token, seen)
        self.assertNotIn(b"Set-Cookie", answer)

    def test_insertIndirect(self) -> None:
        """
        The backend doesn't see our cookie; its other cookies it does.
        """
        self.build("insert", indirect=True, nocache=True)
        _, answer, _ = self.exchange(b"", PLAIN)
        self.assertIn(b"Cache-Control: private\r\n", answer)
        seen, _, _ = self.exchange(b"a=1; SID=" + self.cookieOf(answer), PLAIN)
        self.assertIn(b"Cookie: a=1\r\n", seen)
        seen, _, _ = self.exchange(b"SID=" + self.cookieOf(answer), PLAIN)
        self.assertNotIn(b"Cookie:", seen)

    def test_insertPreserve(self) -> None:
        """
        The backend may end the affinity by setting the cookie itself.
        """
        self.build("insert", preserve=True)
        _, answer, _ = self.exchange(b"", COOKIE)
        self.assertEqual(self.cookieOf(answer), b"theirs")

    def test_rewrite(self) -> None:
        """
        Only a backend's own cookie binds, and its value is replaced.
        """
        self.build("rewrite")
        _, answer, _ = self.exchange(b"", PLAIN)
        self.assertNotIn(b"Set-Cookie", answer)
        _, answer, dialed = self.exchange(b"", COOKIE)
        token = self.cookieOf(answer)
        self.assertNotIn(b"theirs", token)
        _, _, again = self.exchange(b"SID=" + token, PLAIN)
        self.assertIs(again.backend, dialed.backend)

    def test_prefix(self) -> None:
        """
        Our token stands before the backend's value, which alone the backend gets back.
        """
        self.build("prefix")
        _, answer, dialed = self.exchange(b"", COOKIE)
        value = self.cookieOf(answer)
        self.assertTrue(value.endswith(b"~theirs"))
        seen, _, again = self.exchange(b"SID=" + value, PLAIN)
        self.assertIn(b"Cookie: SID=theirs\r\n", seen)
        self.assertIs(again.backend, dialed.backend)

    def test_passive(self) -> None:
        """
        The backend names itself; nothing is changed.
        """
        self.build("passive")
        answer = COOKIE.replace(b"theirs", b"b2")
        _, seen, _ = self.exchange(b"", answer)
        self.assertEqual(self.cookieOf(seen), b"b2")
        for _ in range(3):
            _, _, dialed = self.exchange(b"SID=b2", PLAIN)
            self.assertEqual(dialed.backend.name, "b2")
