"""
Tests for L{lbproxy.config.healthcheck} and L{lbproxy.config.payload}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.healthcheck import HealthCheck
from lbproxy.config.payload import StatusRange
from tests.config.support import built, faults


def check(**keys: Any) -> HealthCheck:
    """
    @return: the only check of a pool.
    """
    (made,) = built(healthCheck=keys).pools["web"].healthCheck
    return made


def refused(**keys: Any) -> str:
    """
    @return: what is said against a check.
    """
    return faults(None, healthCheck=keys)[0]


class HealthCheckTests(SynchronousTestCase):
    """
    L{HealthCheck}.
    """

    def test_defaultsOfTheReference(self) -> None:
        """
        What is not given is what the reference says.
        """
        made = check(http={})
        assert made.http is not None
        self.assertEqual((made.http.path, made.http.method), ("/healthz", "GET"))
        self.assertEqual(made.http.expectStatus, (StatusRange(200, 399),))
        self.assertEqual((made.interval, made.timeout, made.rise, made.fall), (2.0, 1.0, 2, 3))
        self.assertEqual((made.port, made.jitter), (0, 0.1))

    def test_oneCheckOrSeveral(self) -> None:
        """
        A single check is a list of one.
        """
        made = built(healthCheck=[{"tcp": {}}, {"http": {"path": "/"}}]).pools["web"].healthCheck
        self.assertEqual([each.http is None for each in made], [True, False])

    def test_exactlyOneProbe(self) -> None:
        """
        None and two are mistakes; one that was left empty is told apart.
        """
        self.assertIn("no probe", refused())
        self.assertIn("http and tcp exclude each other", refused(http={}, tcp={}))
        self.assertIn("tcp is empty; wanted {}", refused(tcp=None))

    def test_statuses(self) -> None:
        """
        Numbers and ranges.
        """
        made = check(http={"expectStatus": [204, "300-399", "404"]}).http
        assert made is not None
        self.assertEqual([str(each) for each in made.expectStatus], ["204", "300-399", "404"])
        self.assertIn(350, made.expectStatus[1])
        self.assertNotIn(400, made.expectStatus[1])
        for status in ("2xx", "099", 600, 200.0, True, "399-200", "200-", None):
            self.assertNotEqual(faults(None, healthCheck={"http": {"expectStatus": [status]}}), [])

    def test_payloads(self) -> None:
        """
        Text as UTF-8, or any bytes in hex or base64.
        """
        for given, wanted in (
            ("PING\r\n", b"PING\r\n"),
            ("ü", "ü".encode()),
            ({"hex": "0d 0A ff"}, b"\r\n\xff"),
            ({"base64": "DQo="}, b"\r\n"),
        ):
            made = check(udp={"send": given, "expect": given}).udp
            assert made is not None
            self.assertEqual((made.send, made.expect), (wanted, wanted))
        for bad in ({}, {"hex": "0"}, {"hex": 10}, {"base64": "*"}, {"b64": "a"}, 5, None):
            self.assertNotEqual(faults(None, healthCheck={"tcp": {"send": bad}}), [])

    def test_timesThatWouldNeverEnd(self) -> None:
        """
        An interval or a timeout of 0 is a mistake, and so is a threshold of 0.
        """
        for keys in ({"interval": 0}, {"timeout": "0s"}, {"rise": 0}, {"fall": 0}):
            self.assertIn("0 is out of range", refused(tcp={}, **keys))

    def test_probesOfYourOwn(self) -> None:
        """
        A class by its module and name.
        """
        self.assertEqual(check(python="my.probes:Queue").python, "my.probes:Queue")
        for text in ("my.probes", "my.probes:", ":Queue", "my probes:Queue"):
            self.assertIn('wanted "package.module:Class"', refused(python=text))
