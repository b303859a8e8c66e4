"""
Tests for L{lbproxy.assembly.checks}: which health checks were asked for?
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from lbproxy.assembly import checks
from lbproxy.assembly.checks import buildChecks
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.health.checks import Check
from lbproxy.health.dns import DNSDialogue
from lbproxy.health.grpc import GRPCDialogue
from lbproxy.health.http import HTTPDialogue
from lbproxy.health.mysql import MySQLDialogue
from lbproxy.health.postgres import PostgresDialogue
from lbproxy.health.redis import RedisDialogue
from lbproxy.health.report import AgentDialogue
from lbproxy.health.smtp import SMTPDialogue
from lbproxy.health.tcp import TCPDialogue
from lbproxy.health.udp import UDPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.net.tls.client import ClientTLS
from lbproxy.pool.backend import Backend
from tests.assembly.support import Call, partsFor


@implementer(IProbe)
class OwnProbe:
    """
    A user's own.
    """

    def check(self, backend: Backend) -> Deferred[None]:
        """
        All is well.
        """
        return succeed(None)


class CheckCase(SynchronousTestCase):
    """
    The checks of one pool.
    """

    def setUp(self) -> None:
        self.parts: Parts | None = None
        self.stream, self.datagram, self.dial = Call(), Call(), Call()
        self.patch(checks, "StreamProbe", self.stream)
        self.patch(checks, "DatagramProbe", self.datagram)
        self.patch(checks, "streamDialer", self.dial)
        self.patch(checks, "datagramLinker", Call())

    def build(self, healthCheck: str, pool: str = "") -> list[Check]:
        """
        @return: the checks, whose probes are what was called for.
        """
        parts = partsFor(
            f"pools:\n  web:\n    healthCheck: {healthCheck}\n"
            f'    backends: ["192.0.2.1:80"]\n{pool}'
        )
        self.parts = parts
        buildPools(parts)
        (service,) = buildChecks(parts)
        return list(service._checks.values())

    def dialogue(self, healthCheck: str, pool: str = "") -> Any:
        """
        What a stream check says.
        """
        self.build(healthCheck, pool)
        return self.stream.given[1]


class SettingsTests(CheckCase):
    """
    When, and how often.
    """

    def test_none(self) -> None:
        """
        A pool without checks has none.
        """
        parts = partsFor('pools: {web: {backends: ["192.0.2.1:80"]}}')
        buildPools(parts)
        self.assertEqual(buildChecks(parts), [])

    def test_everything(self) -> None:
        """
        Interval, timeout, thresholds and jitter, as they were asked for.
        """
        (check,) = self.build(
            "{tcp: {}, interval: 3s, timeout: 500ms, rise: 4, fall: 5, fastInterval: 1s, "
            "downInterval: 9s, jitter: 20%}"
        )
        asked = check.settings
        self.assertEqual((asked.interval, asked.timeout, asked.rise, asked.fall), (3, 0.5, 4, 5))
        self.assertEqual((asked.fastInterval, asked.downInterval, asked.jitter), (1, 9, 0.2))
        self.assertFalse(check.agent)

    def test_several(self) -> None:
        """
        All of several are made.
        """
        self.assertEqual(len(self.build("[{tcp: {}}, {http: {}}]")), 2)

    def test_target(self) -> None:
        """
        Another port or host than the backend's own.
        """
        self.build("{tcp: {}, port: 81, host: 192.0.2.9}")
        target = self.stream.given[2]
        self.assertEqual((target.port, target.host), (81, "192.0.2.9"))


class KindTests(CheckCase):
    """
    What is asked.
    """

    def test_streams(self) -> None:
        """
        Each kind speaks its protocol.
        """
        for kind, dialogue in (
            ("tcp: {}", TCPDialogue),
            ("http: {}", HTTPDialogue),
            ("grpc: {}", GRPCDialogue),
            ("redis: {}", RedisDialogue),
            ("postgres: {}", PostgresDialogue),
            ("mysql: {}", MySQLDialogue),
            ("smtp: {}", SMTPDialogue),
        ):
            self.assertIsInstance(self.dialogue(f"{{{kind}}}"), dialogue, kind)

    def test_agent(self) -> None:
        """
        An agent is heard for what it says, not only for being there.
        """
        (check,) = self.build("{agent: {send: x}, port: 99}")
        self.assertTrue(check.agent)
        self.assertIsInstance(self.stream.given[1], AgentDialogue)

    def test_datagrams(self) -> None:
        """
        So do those over UDP.
        """
        self.build("{udp: {send: ping, expect: pong}}")
        self.assertIsInstance(self.datagram.given[1], UDPDialogue)
        self.assertEqual(self.datagram.named["patience"], 0.0)
        self.build("{udp: {send: ping}, timeout: 3s}")
        self.assertEqual(self.datagram.named["patience"], 1.5)
        self.build("{udp: {dns: a.example}}")
        self.assertIsInstance(self.datagram.given[1], DNSDialogue)

    def test_http(self) -> None:
        """
        Path, method, host, fields, and what is expected.
        """
        made = Call()
        self.patch(checks, "HTTPDialogue", made)
        self.build(
            "{http: {path: /x, method: HEAD, host: a.example, headers: {X-A: b}, "
            'expectStatus: ["200-299"], expectBody: ok}}'
        )
        path, method, host, fields, statuses, body = made.given
        self.assertEqual((path, method, host), ("/x", "HEAD", "a.example"))
        self.assertEqual(dict(fields), {"X-A": "b"})
        self.assertEqual(len(statuses), 1)
        self.assertIsNotNone(body)
        self.build("{http: {}}")
        self.assertIsNone(made.given[5])

    def test_postgresRoles(self) -> None:
        """
        A replica is what PostgreSQL calls a standby.
        """
        for role, expected in (("primary", "primary"), ("replica", "standby")):
            made = Call()
            self.patch(checks, "PostgresDialogue", made)
            self.build(f"{{postgres: {{user: u, database: d, role: {role}}}}}")
            self.assertEqual(made.given, ("u", "d"))
            self.assertEqual(made.named, {"role": expected})

    def test_words(self) -> None:
        """
        What the others are told.
        """
        for kind, name, given, named in (
            ("smtp: {hello: me}", "SMTPDialogue", ("me",), {}),
            (
                "redis: {password: p, role: master}",
                "RedisDialogue",
                (),
                {"password": "p", "role": "master"},
            ),
            ("grpc: {service: s}", "GRPCDialogue", ("s",), {"secure": False}),
        ):
            made = Call()
            self.patch(checks, name, made)
            self.build(f"{{{kind}}}")
            self.assertEqual((made.given, made.named), (given, named))

    def test_tcpSteps(self) -> None:
        """
        Without words a connection is enough; with them they are exchanged.
        """
        made = Call()
        self.patch(checks, "TCPDialogue", made)
        self.build("{tcp: {}}")
        self.assertEqual(made.given, ((),))
        for words in ("send: hello", "expect: hi", "expectRegex: h.*"):
            self.build(f"{{tcp: {{{words}}}}}")
            self.assertEqual(len(made.given[0]), 1)

    def test_own(self) -> None:
        """
        A probe of the user's own is used as it is.
        """
        (check,) = self.build("{python: tests.assembly.test_checks:OwnProbe}")
        self.assertIsInstance(check.probe, OwnProbe)


class TLSTests(CheckCase):
    """
    Which checks speak TLS.
    """

    def test_asThePool(self) -> None:
        """
        HTTP and gRPC speak TLS where the pool's backends do, unless it is said otherwise; TCP only
        where it is said.
        """
        tls = "    tls: {verify: false}\n"
        for kind, pool, expected in (
            ("http: {}", tls, True),
            ("http: {}", "", False),
            ("http: {tls: false}", tls, False),
            ("http: {tls: true}", tls, True),
            ("grpc: {}", tls, True),
            ("grpc: {}", "", False),
            ("tcp: {}", tls, False),
            ("tcp: {tls: true}", tls, True),
            ("redis: {}", tls, False),
        ):
            self.build(f"{{{kind}}}", pool)
            self.assertIs(isinstance(self.dial.given[1], ClientTLS), expected, (kind, pool))

    def test_grpcOffersH2(self) -> None:
        """
        gRPC offers HTTP/2 by ALPN, others offer nothing.
        """
        made = Call()
        self.patch(checks, "clientTLS", made)
        for kind, offered in (("grpc: {}", (b"h2",)), ("http: {}", ())):
            self.build(f"{{{kind}}}", "    tls: {verify: false}\n")
            self.assertEqual(made.given[2], offered)

    def test_handshake(self) -> None:
        """
        A TLS check looks at the certificate, with or without a pool that speaks TLS.
        """
        for pool in ("", "    tls: {verify: false}\n"):
            self.build("{tls: {expiresIn: 240h}}", pool)
            self.assertIsInstance(self.dial.given[1], ClientTLS)
            self.assertIsNotNone(self.stream.named["inspect"])

    def test_introduced(self) -> None:
        """
        Where backends want a PROXY header, checks send one, too.
        """
        self.build("{tcp: {}}", "    sendProxyProtocol: v2\n")
        introduced = self.dial.given[1]
        self.assertEqual(type(introduced).__name__, "Introduced")
