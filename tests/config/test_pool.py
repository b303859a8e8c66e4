"""
Tests for L{lbproxy.config.pool}, L{lbproxy.config.balance} and L{lbproxy.config.resilience}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.config.balance import Balance
from lbproxy.config.contextkey import ContextKey
from lbproxy.config.pool import Backend, Pool
from lbproxy.config.resilience import OutlierDetection, Retries
from tests.config.support import built, faults


def pool(**keys: Any) -> Pool:
    """
    @return: a pool.
    """
    return built(**keys).pools["web"]


class PoolTests(SynchronousTestCase):
    """
    L{Pool}.
    """

    def test_backends(self) -> None:
        """
        A bare address is a backend by that name; a mapping may say more.
        """
        made = pool(backends=["10.0.0.1:80", {"name": "b2", "address": "[::1]:80", "weight": 0}])
        self.assertEqual(
            made.backends,
            (
                Backend(address=Address("10.0.0.1", 80), name="10.0.0.1:80"),
                Backend(address=Address("::1", 80), name="b2", weight=0),
            ),
        )

    def test_weights(self) -> None:
        """
        From 0 to 1000.
        """
        for weight in (-1, 1001):
            backends = [{"address": "10.0.0.1:80", "weight": weight}]
            self.assertIn("wanted a number from 0 to 1000", faults(None, backends=backends)[0])

    def test_defaultsOfTheReference(self) -> None:
        """
        What is not given is what the reference says.
        """
        made = pool()
        self.assertEqual(
            [made.timeouts.connect, made.timeouts.responseHead, made.timeouts.idle],
            [3.0, 60.0, 60.0],
        )
        self.assertEqual(made.keepAlive.idlePerBackend, 64)
        self.assertEqual((made.protocol, made.sendProxyProtocol, made.tls), ("http1", "off", None))
        self.assertEqual((made.affinity, made.healthCheck, made.outlierDetection), (None, (), None))
        self.assertEqual(made.retries, Retries())
        self.assertEqual(Retries().on, ("connect", "reset", 502, 503, 504))
        self.assertEqual((made.panic, made.slowStart, made.queue.size), (0.0, 0.0, 0))

    def test_balancers(self) -> None:
        """
        A word, or a mapping with settings.
        """
        self.assertEqual(pool(balance="leastConnections").balance.name, "leastConnections")
        made = pool(balance={"name": "maglev", "key": "header:X-User", "tableSize": 251}).balance
        self.assertEqual(
            made, Balance(name="maglev", key=ContextKey("header", "x-user"), tableSize=251)
        )
        self.assertIn("is not a prime", faults(None, balance={"tableSize": 250})[0])
        self.assertIn("is not a load factor", faults(None, balance={"loadFactor": 0.5})[0])

    def test_switches(self) -> None:
        """
        C{true} turns on with all defaults, C{false} off.
        """
        self.assertEqual(pool(outlierDetection=True).outlierDetection, OutlierDetection())
        self.assertEqual(pool(outlierDetection={}).outlierDetection, OutlierDetection())
        self.assertIsNone(pool(outlierDetection=False).outlierDetection)

    def test_hedging(self) -> None:
        """
        After a time, or a percentile of times.
        """
        for after, wanted in (("p95", "p95"), ("100ms", 0.1), (2, 2.0)):
            hedge = pool(hedge={"after": after}).hedge
            assert hedge is not None
            self.assertEqual(hedge.after, wanted)
        self.assertIn("is not a duration", faults(None, hedge={"after": "p100"})[0])

    def test_retries(self) -> None:
        """
        Words and statuses.
        """
        self.assertEqual(pool(retries={"on": ["timeout", 500]}).retries.on, ("timeout", 500))
        self.assertIn("unknown reason to retry", faults(None, retries={"on": "error"})[0])
        self.assertIn("is not a reason to retry", faults(None, retries={"on": 200})[0])

    def test_keys(self) -> None:
        """
        What a client is known by.
        """
        for text, key in {
            "clientIP": ContextKey("clientIP"),
            "header:X-User": ContextKey("header", "x-user"),
            "cookie:Group": ContextKey("cookie", "Group"),
            "query:q": ContextKey("query", "q"),
            "connectionID": ContextKey("connectionID"),
        }.items():
            self.assertEqual(pool(queue={"fairBy": text}).queue.fairBy, key)
        for text in ("ip", "header", "header:", "header:a b", "clientIP:x", "path:"):
            self.assertNotEqual(faults(None, queue={"fairBy": text}), [])

    def test_discovery(self) -> None:
        """
        One source; records without a port need one; a bare path is a file.
        """
        found = pool(backends=[], discover={"file": "/b.yaml"}).discover
        assert found is not None and found.file is not None
        self.assertEqual(found.file.path, "/b.yaml")
        self.assertIn("A records have no port", faults(None, discover={"dns": {"name": "a"}})[0])
        self.assertEqual(faults(None, discover={"dns": {"name": "a", "type": "SRV"}}), [])
        self.assertIn("no source", faults(None, discover={})[0])
