"""
Tests for L{lbproxy.config.affinity}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.affinity import Affinity
from tests.config.support import built, faults


def affinity(**keys: Any) -> Affinity:
    """
    @return: a pool's affinity.
    """
    made = built(affinity=keys).pools["web"].affinity
    assert made is not None
    return made


class AffinityTests(SynchronousTestCase):
    """
    L{Affinity}.
    """

    def test_cookies(self) -> None:
        """
        Safe by default; one secret or several.
        """
        cookie = affinity(cookie={"secret": "new"}).cookie
        assert cookie is not None
        self.assertEqual((cookie.name, cookie.mode, cookie.secret), ("LBID", "insert", ("new",)))
        self.assertEqual((cookie.sameSite, cookie.secure, cookie.httpOnly), ("Lax", "auto", True))
        cookie = affinity(cookie={"secret": ["new", "old"], "secure": False}).cookie
        assert cookie is not None
        self.assertEqual((cookie.secret, cookie.secure), (("new", "old"), False))

    def test_secretsAreNeverShown(self) -> None:
        """
        A configuration that is printed does not print its secrets.
        """
        self.assertNotIn("s3cret", repr(affinity(cookie={"secret": "s3cret"})))

    def test_cookiesNobodyWouldKeep(self) -> None:
        """
        Without a secret, with an attribute that breaks the header, or one that browsers refuse.
        """
        bad: list[dict[str, object]] = [
            {},
            {"secret": ""},
            {"secret": []},
            {"secret": "s", "path": "/;x"},
            {"secret": "s", "domain": "a b"},
            {"secret": "s", "name": "a=b"},
            {"secret": "s", "sameSite": "None", "secure": False},
        ]
        for keys in bad:
            self.assertNotEqual(faults(None, affinity={"cookie": keys}), [])

    def test_sourceIP(self) -> None:
        """
        The whole IPv4 address, and the network of an IPv6 one.
        """
        source = affinity(sourceIP={}).sourceIP
        assert source is not None
        self.assertEqual((source.prefix4, source.prefix6, source.ttl), (32, 64, 1800.0))

    def test_headers(self) -> None:
        """
        A bare name is enough.
        """
        header = affinity(header="X-User").header
        assert header is not None
        self.assertEqual(header.name, "X-User")

    def test_exactlyOne(self) -> None:
        """
        None and two are mistakes.
        """
        self.assertIn("no affinity", faults(None, affinity={})[0])
        both = {"sourceIP": {}, "header": "X-User"}
        self.assertIn("exclude each other", faults(None, affinity=both)[0])
