"""
Promises of L{lbproxy.pool.affinity.edits} and L{lbproxy.pool.affinity.servercookie}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.errors import Outcome
from lbproxy.interfaces import ICookieAffinity
from lbproxy.pool.affinity.cookie import CookieAffinity, cookieAffinity
from lbproxy.pool.affinity.edits import ResponseCookies
from lbproxy.pool.affinity.servercookie import ServerCookieAffinity
from lbproxy.pool.affinity.settings import CookieSettings
from lbproxy.pool.backend import Health
from lbproxy.testing import FakeContext, buildPool


class Site:
    """
    A pool whose application may set cookies, and a browser.
    """

    def __init__(self, **settings: Any) -> None:
        affinity = cookieAffinity(CookieSettings(["secret"], **settings))
        assert isinstance(affinity, (CookieAffinity, ServerCookieAffinity))
        self.edits = affinity.edits
        self.affinity = affinity
        self.pool = buildPool("a", "b", "c", affinity=affinity)
        self.name = settings.get("name", "LBID")
        self.browser = FakeContext()
        self.jar = ""
        self.seen = b""
        self.answer = ResponseCookies((), False)

    def visit(self, *setCookies: str) -> str:
        """
        One request; the application answers with C{setCookies}.

        @return: who served it. C{seen} is the backend's C{Cookie} header, C{answer} what the client
            gets.
        """
        self.browser = FakeContext(cookies={self.name: self.jar} if self.jar else {})
        lease = self.pool.acquire(self.browser)
        self.seen = self.edits.request(f"x=1; {self.name}={self.jar}".encode())
        theirs = [value.encode() for value in setCookies]
        self.answer = self.edits.response(lease, self.browser, theirs)
        for value in self.answer.values:
            name, _, rest = value.decode().partition("=")
            if name == self.name:
                self.jar = rest.partition(";")[0]
        lease.release(Outcome.OK)
        return lease.backend.name


class InsertTests(SynchronousTestCase):
    """
    Our own cookie.
    """

    def test_isAddedToTheApplications(self) -> None:
        """Other cookies pass, and ours comes once."""
        site = Site()
        site.visit("theme=dark")
        values = site.answer.values
        self.assertEqual((len(values), values[0]), (2, b"theme=dark"))
        site.visit("theme=dark")
        self.assertEqual(site.answer.values, [b"theme=dark"])

    def test_theBackendsOfTheSameNameIsRemoved(self) -> None:
        """Two cookies of one name would fight."""
        site = Site()
        site.visit("LBID=theirs; Path=/")
        self.assertEqual(len(site.answer.values), 1)
        self.assertNotIn(b"theirs", site.answer.values[0])
        site.visit("LBID=theirs")
        self.assertEqual(site.answer.values, [])

    def test_preserveLeavesIt(self) -> None:
        """An application may end the affinity at logout."""
        site = Site(preserve=True)
        home = site.visit()
        site.visit("LBID=; Max-Age=0")
        self.assertEqual(site.answer.values, [b"LBID=; Max-Age=0"])
        self.assertNotEqual(site.visit(), home)

    def test_theBackendSeesItUnlessIndirect(self) -> None:
        """With C{indirect} it is taken out of the request, others are not."""
        site = Site()
        site.visit()
        site.visit()
        self.assertIn(b"LBID=", site.seen)
        site = Site(indirect=True)
        site.visit()
        site.visit()
        self.assertEqual(site.seen, b"x=1")

    def test_nocacheOnlyWhereItIsSet(self) -> None:
        """Only answers that carry the cookie must not be cached."""
        site = Site(nocache=True)
        site.visit()
        self.assertTrue(site.answer.nocache)
        site.visit()
        self.assertFalse(site.answer.nocache)
        plain = Site()
        plain.visit()
        self.assertFalse(plain.answer.nocache)


class RewriteTests(SynchronousTestCase):
    """
    The backend's cookie with our value.
    """

    def test_onlyWhenTheBackendSetsIt(self) -> None:
        """Without its cookie nobody stays; with it the client does."""
        site = Site(mode="rewrite", name="ROUTE")
        self.assertEqual([site.visit() for _ in range(3)], ["a", "b", "c"])
        home = site.visit("ROUTE=anything; Path=/; HttpOnly")
        (cookie,) = site.answer.values
        self.assertRegex(cookie.decode(), r"^ROUTE=[\w-]{22}; Path=/; HttpOnly$")
        self.assertEqual([site.visit() for _ in range(3)], [home] * 3)

    def test_othersPass(self) -> None:
        """Only the one is rewritten."""
        site = Site(mode="rewrite", nocache=True)
        site.visit("a=1", "b=2")
        self.assertEqual(site.answer, ResponseCookies([b"a=1", b"b=2"], False))
        site.visit("LBID=1")
        self.assertTrue(site.answer.nocache)


class PrefixTests(SynchronousTestCase):
    """
    The backend's cookie with our token in front.
    """

    def test_theBackendNeverSeesTheToken(self) -> None:
        """It gets back the value that it has set, and the client stays."""
        site = Site(mode="prefix", name="JSESSIONID")
        home = site.visit("JSESSIONID=s3ss~ion; Path=/app")
        (cookie,) = site.answer.values
        self.assertRegex(cookie.decode(), r"^JSESSIONID=[\w-]{22}~s3ss~ion; Path=/app$")
        for _ in range(3):
            self.assertEqual(site.visit(), home)
            self.assertEqual(site.seen, b"x=1; JSESSIONID=s3ss~ion")
            self.assertEqual(site.answer.values, [])

    def test_movesWithItsValue(self) -> None:
        """When the backend is down the next one gets the value, and may set a new one."""
        site = Site(mode="prefix", name="JSESSIONID")
        home = site.visit("JSESSIONID=old")
        site.pool.setHealth(site.pool.backends[home], Health.DOWN)
        moved = site.visit("JSESSIONID=new")
        self.assertNotEqual(moved, home)
        self.assertEqual(site.seen, b"x=1; JSESSIONID=old")
        self.assertEqual(site.visit(), moved)
        self.assertEqual(site.seen, b"x=1; JSESSIONID=new")


class PassiveTests(SynchronousTestCase):
    """
    The backend's cookie as it is.
    """

    def test_namesTheBackend(self) -> None:
        """The application sets the backend's name, and nothing is changed."""
        site = Site(mode="passive", name="NODE")
        site.visit("NODE=c; Path=/")
        self.assertEqual(site.answer.values, [b"NODE=c; Path=/"])
        self.assertEqual([site.visit() for _ in range(3)], ["c"] * 3)
        self.assertEqual(site.seen, b"x=1; NODE=c")

    def test_unknownNamesAreNobodys(self) -> None:
        """They are balanced as without a cookie."""
        site = Site(mode="passive", name="NODE")
        site.visit("NODE=z")
        self.assertEqual(len({site.visit() for _ in range(3)}), 3)

    def test_indirectDoesNotRepeat(self) -> None:
        """Who has the right cookie already is not given it again, unless it is preserved."""
        site = Site(mode="passive", name="NODE", indirect=True)
        for expected in ([b"NODE=a"], []):
            self.assertEqual(site.visit("NODE=a"), "a")
            self.assertEqual(site.answer.values, expected)
        site = Site(mode="passive", name="NODE", indirect=True, preserve=True)
        for _ in range(2):
            site.visit("NODE=a")
            self.assertEqual(site.answer.values, [b"NODE=a"])


class SettingsTests(SynchronousTestCase):
    """
    What may be asked.
    """

    def test_refusesWhatWorksAgainstItself(self) -> None:
        """Combinations that would lose cookies are errors."""
        bad: list[dict[str, Any]] = [
            {"mode": "rewrite", "indirect": True},
            {"mode": "prefix", "indirect": True},
            {"mode": "rewrite", "preserve": True},
            {"mode": "prefix", "maxIdle": 60},
            {"mode": "passive", "maxLife": 60},
            {"maxIdle": -1},
        ]
        for settings in bad:
            with self.assertRaises(ValueError):
                CookieSettings(["secret"], **settings)

    def test_providesTheInterface(self) -> None:
        """Every mode is one way of affinity."""
        for mode in ("insert", "rewrite", "prefix", "passive"):
            verifyObject(ICookieAffinity, Site(mode=mode).affinity)

    def test_aBackendThatLeftSetsNothing(self) -> None:
        """A response that comes after its backend has left is passed on as it is."""
        site = Site(mode="rewrite")
        lease = site.pool.acquire(site.browser)
        site.pool.replaceBackends([])
        answer = site.edits.response(lease, site.browser, [b"LBID=1"])
        self.assertEqual(answer.values, [b"LBID=1"])
