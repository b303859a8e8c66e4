"""
Promises of L{lbproxy.pool.affinity.tokens}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.pool.affinity.tokens import Tokens, token
from lbproxy.testing import buildBackends


class TokenTests(SynchronousTestCase):
    """
    Values that stand for backends.
    """

    def test_isTheSameOnEveryNode(self) -> None:
        """Nodes and versions that share the secret agree: this value is the contract."""
        self.assertEqual(token(b"secret", "web", "b1"), b"ItzAI3QG8bpyr0NY2FIUcA")

    def test_differsWithEverything(self) -> None:
        """Another secret, pool or backend is another token, however the names are cut."""
        made = {
            token(secret, pool, name)
            for secret in (b"s", b"t")
            for pool, name in [("web", "b1"), ("web", "b2"), ("we", "bb1"), ("webb", "1")]
        }
        self.assertEqual(len(made), 8)

    def test_fitsInACookie(self) -> None:
        """22 characters that need no quoting."""
        self.assertRegex(token(b"s", "web", "10.0.0.1:80").decode(), r"^[A-Za-z0-9_-]{22}$")

    def test_firstSecretSignsAllVerify(self) -> None:
        """To rotate, put the new secret in front: old cookies still count."""
        backends = buildBackends("a", "b")
        old, new = Tokens(["old"]), Tokens(["new", "old"])
        old.rebuild(backends)
        new.rebuild(backends)
        for backend in backends:
            self.assertNotEqual(old.values[backend], new.values[backend])
            self.assertIs(new.owners[old.values[backend]], backend)
            self.assertIs(new.owners[new.values[backend]], backend)
            self.assertNotIn(new.values[backend], old.owners)

    def test_refusesToBeWithoutSecret(self) -> None:
        """An empty secret would let anybody sign."""
        for secrets in ([], [""], ["good", ""]):
            self.assertRaises(ValueError, Tokens, secrets)
