"""
Tests for L{lbproxy.config.listener}, L{lbproxy.config.limits} and L{lbproxy.config.socketoptions}.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config.address import Address
from lbproxy.config.contextkey import ContextKey
from lbproxy.config.listener import (
    HTTP2,
    AccessLog,
    HTTPListener,
    Listener,
    TCPListener,
    UDPListener,
)
from lbproxy.config.route import HTTPRoute, TCPRoute, UDPRoute
from tests.config.support import built, faults


def listener(**keys: Any) -> Listener:
    """
    @return: the listener that C{keys} make, http unless they say otherwise.
    """
    return built(keys).listeners["edge"]


class ListenerTests(SynchronousTestCase):
    """
    The three kinds of listeners.
    """

    def test_theProtocolDecides(self) -> None:
        """
        Each protocol has a kind of its own, and C{pool} is short for one route of that kind.
        """
        kinds = {
            "http": (HTTPListener, HTTPRoute),
            "tcp": (TCPListener, TCPRoute),
            "udp": (UDPListener, UDPRoute),
        }
        for protocol, (kind, routeKind) in kinds.items():
            made = listener(protocol=protocol)
            self.assertIs(type(made), kind)
            self.assertEqual([type(route) for route in made.routes], [routeKind])
            self.assertEqual((made.routes[0].pool, made.routes[0].name), ("web", "web"))

    def test_oneAddressOrSeveral(self) -> None:
        """
        C{bind} is always a list once validated.
        """
        self.assertEqual(listener(bind="[::]:80").bind, (Address("::", 80),))
        self.assertEqual(
            listener(bind=["127.0.0.1:80", "unix:/run/e.sock"]).bind,
            (Address("127.0.0.1", 80), Address(path="/run/e.sock")),
        )

    def test_defaultsOfTheReference(self) -> None:
        """
        What is not given is what the reference says.
        """
        http = listener()
        assert isinstance(http, HTTPListener)
        self.assertEqual(
            [http.limits.requestLine, http.limits.headers, http.limits.headerCount],
            [8192, 32768, 100],
        )
        timeouts = http.timeouts
        self.assertEqual(
            [timeouts.tlsHandshake, timeouts.requestHead, timeouts.keepAlive, timeouts.body],
            [10.0, 10.0, 60.0, 30.0],
        )
        self.assertEqual(timeouts.idle, 300.0)
        self.assertEqual(http.accessLog, AccessLog(format="combined", file="-"))
        udp = listener(protocol="udp")
        assert isinstance(udp, UDPListener)
        self.assertEqual((udp.udp.idleTimeout, udp.udp.maxSessions), (30.0, 65536))
        tcp = listener(protocol="tcp")
        assert isinstance(tcp, TCPListener)
        self.assertEqual((tcp.timeouts.connect, tcp.timeouts.idle), (5.0, 0.0))

    def test_accessLogs(self) -> None:
        """
        A word alone is the format; relays and sessions write none unless asked.
        """
        self.assertEqual(listener(accessLog="off").accessLog.format, "off")
        self.assertEqual(listener(accessLog=False).accessLog.format, "off")
        self.assertEqual(listener(accessLog={"file": "/a.log"}).accessLog.file, "/a.log")
        self.assertEqual(listener(protocol="tcp").accessLog.format, "off")
        self.assertIn('unknown format "common"', faults({"accessLog": "common"})[0])

    def test_http2(self) -> None:
        """
        C{false} turns it off, C{true} is all defaults.
        """
        for given, wanted in (
            (False, None),
            (True, HTTP2()),
            ({"maxConcurrentStreams": 5}, HTTP2(maxConcurrentStreams=5)),
        ):
            made = listener(http2=given)
            assert isinstance(made, HTTPListener)
            self.assertEqual(made.http2, wanted)

    def test_rateLimits(self) -> None:
        """
        Without C{burst} as many may come at once as in the whole time; the key is the client's IP.
        """
        limit = listener(rateLimit={"requests": 100}).rateLimit
        assert limit is not None
        self.assertEqual((limit.burst, limit.per, limit.key), (100, 1.0, ContextKey("clientIP")))
        limit = listener(
            rateLimit={"requests": 1, "per": "1m", "burst": 5, "key": "header:X-Api-Key"}
        ).rateLimit
        assert limit is not None
        self.assertEqual((limit.burst, limit.key), (5, ContextKey("header", "x-api-key")))
        self.assertIn("0 is out of range", faults({"rateLimit": {"requests": 0}})[0])

    def test_errorPages(self) -> None:
        """
        Pages by status, 400 to 599, as numbers once validated.
        """
        made = listener(errorPages={"503": "/503.html"})
        assert isinstance(made, HTTPListener)
        self.assertEqual(made.errorPages, {503: "/503.html"})
        for status in ("200", "5xx", "600", "0503"):
            self.assertIn("has no error page", faults({"errorPages": {status: "/a"}})[0])

    def test_proxyProtocol(self) -> None:
        """
        Without a list of senders it would be anybody's word.
        """
        made = listener(proxyProtocol={"from": "unix"})
        assert made.proxyProtocol is not None
        self.assertEqual((made.proxyProtocol.from_, made.proxyProtocol.required), (("unix",), True))
        self.assertEqual(faults({"proxyProtocol": {}}), ["missing"])

    def test_poolAndRoutesExcludeEachOther(self) -> None:
        """
        Nobody has to guess which of them counts.
        """
        both = {"pool": "web", "routes": [{"pool": "web"}]}
        message = "pool and routes exclude each other; wanted one of them"
        self.assertEqual(faults({"pool": "web"}), [])
        edge = {"bind": "127.0.0.1:0", "protocol": "http", **both}
        error = self.assertRaises(ValueError, HTTPListener.model_validate, edge)
        self.assertIn(message, str(error))

    def test_configurationsAreFrozen(self) -> None:
        """
        Nothing of a configuration can be changed once it is read.
        """
        self.assertRaises(ValueError, setattr, listener(), "maxConnections", 5)

    def test_equalConfigurationsAreEqual(self) -> None:
        """
        A reload can tell what did not change, however it was written.
        """
        self.assertEqual(listener(accessLog="off"), listener(accessLog={"format": "off"}))
        self.assertEqual(listener(), listener(deny=[]))
        self.assertNotEqual(listener(), listener(deny=["10.0.0.0/8"]))
