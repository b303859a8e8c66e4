"""
Tests for L{lbproxy.assembly.discovery}: which pools find their backends by themselves?
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.assembly import discovery
from lbproxy.assembly.discovery import buildDiscovery
from lbproxy.assembly.pools import buildPools
from tests.assembly.support import Call, partsFor


class DiscoveryTests(SynchronousTestCase):
    """
    Sources of backends.
    """

    def setUp(self) -> None:
        self.following, self.source, self.resolver = Call(), Call(), Call()
        self.patch(discovery, "Following", self.following)
        self.patch(discovery, "FileSource", self.source)
        self.patch(discovery, "DNSSource", self.source)
        self.patch(discovery, "makeResolver", self.resolver)

    def build(self, discover: str) -> list[object]:
        """
        @param discover: how the pool finds them.
        """
        parts = partsFor(f"pools: {{web: {{{discover}}}}}")
        buildPools(parts)
        return list(buildDiscovery(parts))

    def test_none(self) -> None:
        """
        Pools with backends of their own follow nobody.
        """
        self.assertEqual(self.build('backends: ["192.0.2.1:80"]'), [])

    def test_file(self) -> None:
        """
        A file, looked at now and then.
        """
        path = os.path.abspath(self.mktemp())
        with open(path, "w", encoding="utf-8") as file:
            file.write('["192.0.2.1:80"]')
        self.assertEqual(len(self.build(f"discover: {{file: {{path: {path}, interval: 7s}}}}")), 1)
        self.assertEqual(self.source.given[:2], (path, 7.0))

    def test_dns(self) -> None:
        """
        A name, of the system's resolver or one that is named.
        """
        self.build("discover: {dns: {name: a.example, port: 80, type: A}}")
        self.assertEqual(self.source.given[1:], ("a.example", "A", 80))
        self.assertIsNone(self.resolver.given[1])
        self.build('discover: {dns: {name: a.example, type: SRV, resolver: "192.0.2.53:53"}}')
        self.assertEqual(str(self.resolver.given[1]), "192.0.2.53:53")
        self.assertEqual(self.source.given[2], "SRV")
