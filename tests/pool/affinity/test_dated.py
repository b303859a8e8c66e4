"""
Promises of L{lbproxy.pool.affinity.dated}.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.errors import Outcome
from lbproxy.interfaces import ICookieAffinity, IRenewing
from lbproxy.pool.affinity.cookie import CookieAffinity, CookieSettings, cookieAffinity
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool

NOW = 1_800_000_000.0
DAY = 24 * 3600


class DatedCookieTests(SynchronousTestCase):
    """
    Cookies that age.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.rightNow = NOW
        self.client = FakeContext()

    def build(self, **settings: Any) -> Pool:
        affinity = cookieAffinity(CookieSettings(["secret"], **settings), self.clock.seconds)
        verifyObject(ICookieAffinity, affinity)
        verifyObject(IRenewing, affinity)
        return buildPool("a", "b", "c", affinity=affinity)

    def visit(self, pool: Pool, after: float = 0) -> tuple[str, bool]:
        """
        @return: who served, and whether the client was given a cookie.
        """
        self.clock.advance(after)
        lease = pool.acquire(self.client)
        self.client.keepCookie(lease.setCookie)
        lease.release(Outcome.OK)
        return lease.backend.name, lease.setCookie is not None

    def test_idlesOut(self) -> None:
        """Who does not come for C{maxIdle} seconds is a new client; who comes is seen."""
        pool = self.build(maxIdle=60)
        self.assertEqual(self.visit(pool), ("a", True))
        for _ in range(5):
            self.assertEqual(self.visit(pool, 59), ("a", True))
        self.assertEqual(self.visit(pool, 61), ("b", True))

    def test_isNotRenewedTwiceInASecond(self) -> None:
        """A page of a hundred images does not get a hundred cookies."""
        pool = self.build(maxIdle=60)
        self.visit(pool)
        self.assertEqual(self.visit(pool, 0.5), ("a", False))

    def test_livesOut(self) -> None:
        """However often it is used, after C{maxLife} it is over."""
        pool = self.build(maxLife=100)
        self.assertEqual(self.visit(pool), ("a", True))
        for _ in range(2):
            self.assertEqual(self.visit(pool, 50), ("a", False))
        self.assertEqual(self.visit(pool, 1), ("b", True))

    def test_bothTogether(self) -> None:
        """Being renewed does not make it younger."""
        pool = self.build(maxIdle=60, maxLife=100)
        self.visit(pool)
        self.assertEqual(self.visit(pool, 50)[0], "a")
        self.assertEqual(self.visit(pool, 50)[0], "a")
        self.assertEqual(self.visit(pool, 1)[0], "b")

    def test_undatedIsAcceptedAndDated(self) -> None:
        """Cookies from before the setting are good, and age from now on."""
        undated = buildPool("a", "b", "c", affinity=CookieAffinity(CookieSettings(["secret"])))
        self.visit(undated)
        pool = self.build(maxLife=100)
        self.assertEqual(self.visit(pool), ("a", True))
        self.assertEqual(self.visit(pool, 99), ("a", False))
        self.assertEqual(self.visit(pool, 2), ("a", True))

    def test_fromTheFutureIsIgnored(self) -> None:
        """Clocks differ, but not by more than a day."""
        for ahead, counts in ((DAY - 1, True), (DAY + 1, False)):
            pool, self.client = self.build(maxLife=100), FakeContext()
            self.clock.advance(ahead)
            self.visit(pool)
            self.clock.advance(-ahead)
            self.assertEqual(self.visit(pool)[0] == "a", counts)

    def test_garbageIsIgnored(self) -> None:
        """What is no date makes the cookie none."""
        pool = self.build(maxIdle=60)
        self.visit(pool)
        token = (self.client.cookie(b"LBID") or b"").partition(b".")[0].decode()
        for dates in (
            ".",
            "..",
            ".1",
            ".x.y",
            ".-1.-1",
            ". 1. 1",
            ".1_0.1",
            ".1.2.3",
            "." + "f" * 99,
        ):
            affinity = pool.affinity
            assert affinity is not None
            found = affinity.find(FakeContext(cookies={"LBID": token + dates}))
            self.assertIsNone(found, dates)

    def test_carriesTheAttributes(self) -> None:
        """The cookie looks like any other, and is secure where the client came by TLS."""
        self.client = FakeContext(secure=True)
        cookie = self.build(maxIdle=60).acquire(self.client).setCookie
        assert cookie is not None
        self.assertRegex(
            cookie.decode(),
            r"^LBID=[\w-]{22}\.6b49d200\.6b49d200; Path=/; Secure; HttpOnly; SameSite=Lax$",
        )
