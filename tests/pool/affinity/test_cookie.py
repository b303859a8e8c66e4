"""
Promises of L{lbproxy.pool.affinity.cookie}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.errors import Outcome
from lbproxy.interfaces import IAffinity
from lbproxy.pool.affinity.cookie import CookieAffinity, CookieSettings
from lbproxy.pool.backend import AdminState, Health
from lbproxy.pool.pool import Pool
from lbproxy.testing import FakeContext, buildPool, spec


def build(*backends: Any, **settings: Any) -> Pool:
    settings.setdefault("secrets", ["secret"])
    affinity = CookieAffinity(CookieSettings(**settings))
    return buildPool(*(backends or ("a", "b", "c")), affinity=affinity)


def visit(pool: Pool, client: FakeContext) -> tuple[str, bytes | None]:
    """
    One request of a browser: who served it, and which cookie it was given.
    """
    lease = pool.acquire(client)
    client.keepCookie(lease.setCookie)
    lease.release(Outcome.OK)
    return lease.backend.name, lease.setCookie


class CookieAffinityTests(SynchronousTestCase):
    """
    A client stays with its backend.
    """

    def test_providesTheInterface(self) -> None:
        """A cookie is one way of affinity."""
        verifyObject(IAffinity, CookieAffinity(CookieSettings(["secret"])))

    def test_firstVisitGetsACookieAndLaterOnesNone(self) -> None:
        """The cookie is set once and brings the client back."""
        pool, client = build(), FakeContext()
        home, cookie = visit(pool, client)
        self.assertIsNotNone(cookie)
        for _ in range(6):
            self.assertEqual(visit(pool, client), (home, None))

    def test_clientsWithoutCookiesAreSpread(self) -> None:
        """Who keeps no cookie is balanced like anybody."""
        pool = build()
        self.assertEqual([visit(pool, FakeContext())[0] for _ in range(6)], list("abcabc"))

    def test_revealsNothing(self) -> None:
        """Neither the backend's name nor its address can be read from the cookie."""
        _, cookie = visit(build(spec("backend-7")), FakeContext())
        assert cookie is not None
        self.assertNotIn(b"backend-7", cookie)

    def test_forgedIsIgnoredAndReplaced(self) -> None:
        """A made-up value is as none at all."""
        pool = build()
        for value in ("", "a", "x" * 22, "x" * 5_000):
            client = FakeContext(cookies={"LBID": value})
            self.assertIsNotNone(visit(pool, client)[1], value)
            self.assertIsNone(visit(pool, client)[1], value)

    def test_ofABackendThatLeftIsReplaced(self) -> None:
        """A stale cookie moves the client."""
        pool, client = build("a"), FakeContext()
        visit(pool, client)
        pool.replaceBackends([spec("b")])
        self.assertEqual(visit(pool, client)[0], "b")
        self.assertEqual(visit(pool, client), ("b", None))

    def test_staysWhileItsBackendDrains(self) -> None:
        """Drain, and a weight of 0, keep out new clients only."""
        pool, client = build(), FakeContext()
        home, _ = visit(pool, client)
        pool.setAdmin(pool.backends[home], AdminState.DRAIN)
        self.assertEqual(visit(pool, client), (home, None))
        pool.setAdmin(pool.backends[home], AdminState.READY)
        pool.setWeight(pool.backends[home], 0)
        self.assertEqual(visit(pool, client), (home, None))
        self.assertNotEqual(visit(pool, FakeContext())[0], home)

    def test_staysThoughEverybodyElseIsGone(self) -> None:
        """The last backend that drains still serves its own."""
        pool, client = build("a"), FakeContext()
        visit(pool, client)
        pool.setAdmin(pool.backends["a"], AdminState.DRAIN)
        self.assertEqual(visit(pool, client), ("a", None))

    def test_movesWhenItsBackendIsGone(self) -> None:
        """Down, in maintenance, ejected: the client moves and gets a new cookie, once."""
        for leave in ("down", "maintenance", "ejected"):
            pool, client = build(), FakeContext()
            home, _ = visit(pool, client)
            backend = pool.backends[home]
            if leave == "down":
                pool.setHealth(backend, Health.DOWN)
            elif leave == "maintenance":
                pool.setAdmin(backend, AdminState.MAINTENANCE)
            else:
                pool.setEjected(backend, True)
            moved, cookie = visit(pool, client)
            self.assertNotEqual(moved, home)
            self.assertIsNotNone(cookie)
            self.assertEqual(visit(pool, client), (moved, None))

    def test_staysWhereItMovedTo(self) -> None:
        """When the old backend is back the client stays with the new one."""
        pool, client = build(), FakeContext()
        home, _ = visit(pool, client)
        pool.setHealth(pool.backends[home], Health.DOWN)
        moved, _ = visit(pool, client)
        pool.setHealth(pool.backends[home], Health.UP)
        self.assertEqual(visit(pool, client), (moved, None))

    def test_movesWhenItsBackendWasTried(self) -> None:
        """A retry goes elsewhere, cookie or not."""
        pool, client = build(), FakeContext()
        home, _ = visit(pool, client)
        lease = pool.acquire(client, [pool.backends[home]])
        self.assertNotEqual(lease.backend.name, home)
        self.assertIsNotNone(lease.setCookie)

    def test_movesWhenItsBackendIsFull(self) -> None:
        """Without a queue, a client does not fail because its backend is full."""
        pool, client = build(spec("a", maxConnections=1), "b"), FakeContext()
        lease = pool.acquire(client)
        client.keepCookie(lease.setCookie)
        self.assertEqual(lease.backend.name, "a")
        self.assertEqual(pool.acquire(client).backend.name, "b")

    def test_anotherNodeKnowsTheCookie(self) -> None:
        """Two nodes with the same secret send the client to the same backend."""
        client = FakeContext()
        home, _ = visit(build(), client)
        other = build()
        visit(other, FakeContext())
        self.assertEqual(visit(other, client), (home, None))

    def test_anotherPoolDoesNot(self) -> None:
        """The cookie of one pool says nothing in another."""
        client = FakeContext()
        visit(build("a"), client)
        affinity = CookieAffinity(CookieSettings(["secret"]))
        self.assertIsNotNone(visit(buildPool("a", name="api", affinity=affinity), client)[1])


class AttributesTests(SynchronousTestCase):
    """
    What the cookie looks like.
    """

    def attributes(self, tls: bool = False, **settings: Any) -> bytes:
        cookie = visit(build("a", **settings), FakeContext(secure=tls))[1]
        assert cookie is not None
        name, _, rest = cookie.partition(b"=")
        value, _, attributes = rest.partition(b"; ")
        self.assertEqual(len(value), 22)
        return name + b"; " + attributes

    def test_defaults(self) -> None:
        """Safe unless asked otherwise; secure exactly where the client came by TLS."""
        self.assertEqual(self.attributes(), b"LBID; Path=/; HttpOnly; SameSite=Lax")
        self.assertEqual(self.attributes(tls=True), b"LBID; Path=/; Secure; HttpOnly; SameSite=Lax")

    def test_everyAttributeCanBeSet(self) -> None:
        """What the configuration says is what the browser gets."""
        self.assertEqual(
            self.attributes(
                name="N",
                path="/app",
                domain="shop.example",
                maxAge=3600.0,
                sameSite="None",
                httpOnly=False,
                secure=True,
            ),
            b"N; Path=/app; Domain=shop.example; Max-Age=3600; Secure; SameSite=None",
        )

    def test_attributesCanBeLeftOut(self) -> None:
        """Empty settings leave no trace."""
        bare = self.attributes(True, path="", sameSite="", httpOnly=False, secure=False)
        self.assertEqual(bare, b"LBID; ")
