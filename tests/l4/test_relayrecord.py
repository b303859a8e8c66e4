"""
What is said about a TCP connection after its end.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.l4.relayrecord import Refusal, outcomeOf
from lbproxy.net.pipeside import Ending


class OutcomeTests(SynchronousTestCase):
    """
    Whose fault it was.
    """

    def test_onlyAResetByTheBackendIsItsFault(self) -> None:
        """
        The client leaving, silence, age and our own end say nothing against a backend.
        """
        outcomes = {ending: outcomeOf(ending) for ending in Ending}
        self.assertIs(outcomes.pop(Ending.BACKEND_RESET), Outcome.RESET)
        self.assertIs(outcomes.pop(Ending.CLIENT_RESET), Outcome.CLIENT_LEFT)
        self.assertEqual(set(outcomes.values()), {Outcome.OK})


class CodeTests(SynchronousTestCase):
    """
    The words of the log.
    """

    def test_weMayEndItAtAnyTime(self) -> None:
        """
        What ends a pipe from our side may also end a connection that has none yet, in one word.
        """
        for ending in Ending.MAX_AGE, Ending.DRAINED:
            self.assertEqual(Refusal(ending.value).value, ending.value)
