"""
Promises of L{lbproxy.pool.membership}.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.pool.backend import AdminState, Backend
from lbproxy.pool.membership import replaced
from lbproxy.testing import buildBackends, spec


class ReplacedTests(SynchronousTestCase):
    """
    A new set in place of the old one.
    """

    def setUp(self) -> None:
        self.before: dict[str, Backend] = {b.name: b for b in buildBackends("a", "b", "c")}

    def test_keepsAddsAndLetsGo(self) -> None:
        """Those in both sets stay the same objects, in the new order."""
        change = replaced("web", self.before, [spec("d"), spec("b", 7), spec("a")])
        self.assertEqual(list(change.backends), ["d", "b", "a"])
        self.assertIs(change.backends["b"], self.before["b"])
        self.assertEqual(change.backends["b"].weight, 7)
        self.assertEqual([backend.name for backend in change.added], ["d"])
        self.assertEqual([backend.name for backend in change.left], ["c"])
        self.assertEqual(self.before["c"].admin, AdminState.DRAIN)

    def test_anotherAddressIsAnotherBackend(self) -> None:
        """The name alone does not make it the same."""
        change = replaced("web", self.before, [spec("a", address=Address("192.0.2.1", 1))])
        self.assertIsNot(change.backends["a"], self.before["a"])
        self.assertEqual(len(change.left), 3)

    def test_namesAreUnique(self) -> None:
        """Two backends of one name are a mistake of the caller's."""
        self.assertRaises(AssertionError, replaced, "web", {}, [spec("a"), spec("a")])
