"""
Promises of L{lbproxy.pool.balancers.names}.
"""

from __future__ import annotations

import random
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.interfaces import IBalancer
from lbproxy.pool.balancers import names
from lbproxy.pool.balancers.names import (
    Surroundings,
    balancerMaker,
    balancerNames,
    registerBalancer,
)
from lbproxy.pool.balancers.roundrobin import RoundRobin
from lbproxy.testing import buildPool, picks

AROUND = Surroundings(lambda: 0.0, random.Random(0))


class NamesTests(SynchronousTestCase):
    """
    What the configuration may say.
    """

    def test_everyNameMakesABalancer(self) -> None:
        """Each name gives a balancer that serves, and a new one each time."""
        for name in balancerNames():
            make = balancerMaker(name, AROUND)
            self.assertTrue(IBalancer.providedBy(make()), name)
            self.assertIsNot(make(), make())
            self.assertEqual(set(picks(buildPool("a", balancer=make), 3)), {"a"})

    def test_optionsAreTaken(self) -> None:
        """What follows the name in the configuration counts."""
        optionsOf: dict[str, dict[str, Any]] = {
            "maglev": {"key": "path", "tableSize": 13},
            "ringHash": {"key": "query:q", "tableSize": 16, "loadBound": 2.0},
            "sourceHash": {"tableSize": 32},
            "random": {"choices": 3},
        }
        for name, options in optionsOf.items():
            self.assertTrue(IBalancer.providedBy(balancerMaker(name, AROUND, **options)()))

    def test_mistakesAreToldBeforeTheStart(self) -> None:
        """A wrong name, option or value is an error that says what would be right."""
        mistakes: list[tuple[str, dict[str, Any], str]] = [
            ("rr", {}, 'unknown balancer "rr"; one of first, leastConnections, '),
            ("maglev", {"size": 3}, 'unknown option "size" of maglev; one of key, tableSize'),
            ("first", {"key": "path"}, 'unknown option "key" of first; it has none'),
            ("maglev", {"tableSize": 10}, "wanted a prime"),
            ("ringHash", {"key": "body"}, 'unknown key "body"'),
        ]
        for name, options, message in mistakes:
            with self.assertRaises(ValueError) as caught:
                balancerMaker(name, AROUND, **options)
            self.assertIn(message, str(caught.exception))

    def test_pluginsAddTheirOwn(self) -> None:
        """A registered name works like the built-in ones, and none can be taken twice."""
        registerBalancer("mine", lambda around: RoundRobin())
        self.addCleanup(names._makers.pop, "mine")
        self.assertEqual(
            picks(buildPool("a", "b", balancer=balancerMaker("mine", AROUND)), 3), "aba"
        )
        self.assertRaises(ValueError, registerBalancer, "mine", lambda around: RoundRobin())
