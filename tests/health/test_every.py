"""
Promises of L{lbproxy.health.every}.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from lbproxy.health.every import All
from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend
from tests.health.doubles import FakeProbe, Outcome, aBackend


@implementer(IProbe)
class Broken:
    """
    A probe with a mistake in it.
    """

    def check(self, backend: Backend) -> Deferred[None]:
        """
        Fail to begin.
        """
        raise KeyError("x")


class AllTests(SynchronousTestCase):
    """
    Several probes as one.
    """

    def setUp(self) -> None:
        self.one, self.two = FakeProbe(), FakeProbe()
        self.all = All([self.one, self.two])
        self.result = self.all.check(aBackend())

    def test_isAProbe(self) -> None:
        """
        It can be used wherever probes are.
        """
        verifyObject(IProbe, self.all)

    def test_passesWhenAllPass(self) -> None:
        """
        All are begun at once; the last one decides.
        """
        outcome = Outcome(self.result)
        self.two.passes("PONG")
        self.assertIsNone(outcome.passed)
        self.one.passes("HTTP 200")
        self.assertEqual((outcome.passed, outcome.words), (True, "HTTP 200, PONG"))

    def test_failsWithTheFirst(self) -> None:
        """
        The first failure is the reason, and the others are cancelled.
        """
        outcome = Outcome(self.result)
        self.two.fails("connection refused")
        self.assertEqual((outcome.passed, outcome.words), (False, "connection refused"))
        self.assertEqual((self.one.cancelled, self.two.cancelled), (1, 0))

    def test_cancelsAll(self) -> None:
        """
        A timeout ends every check.
        """
        self.result.addErrback(lambda _: None)
        self.result.cancel()
        self.assertEqual((self.one.cancelled, self.two.cancelled), (1, 1))

    def test_failsWithTheOneThatIsBroken(self) -> None:
        """
        A probe that cannot even begin does not leave the others running.
        """
        one = FakeProbe()
        self.failureResultOf(All([one, Broken()]).check(aBackend()), KeyError)
        self.assertEqual(one.cancelled, 1)
