"""
Which health checks were asked for?
"""

from __future__ import annotations

from typing import Any

from lbproxy.assembly.parts import Parts
from lbproxy.assembly.reaching import clientTLS
from lbproxy.config.healthcheck import HealthCheck, HTTPCheck, UDPCheck
from lbproxy.config.pool import Pool as PoolConfig
from lbproxy.health.checker import CheckSettings
from lbproxy.health.checks import Check, HealthChecks
from lbproxy.health.connecting import datagramLinker, streamDialer
from lbproxy.health.conversation import Dialogue
from lbproxy.health.custom import loadProbe
from lbproxy.health.datagram import DatagramProbe
from lbproxy.health.dns import DNSDialogue
from lbproxy.health.expected import Expected
from lbproxy.health.grpc import GRPCDialogue
from lbproxy.health.http import HTTPDialogue
from lbproxy.health.mysql import MySQLDialogue
from lbproxy.health.postgres import PostgresDialogue
from lbproxy.health.redis import RedisDialogue
from lbproxy.health.report import AgentDialogue
from lbproxy.health.smtp import SMTPDialogue
from lbproxy.health.stream import StreamProbe
from lbproxy.health.target import Target
from lbproxy.health.tcp import Step, TCPDialogue
from lbproxy.health.tls import CertificateInspector
from lbproxy.health.udp import UDPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.net.proxyprotocol import Introduced
from lbproxy.net.tls.client import ClientTLS
from lbproxy.pool.pool import Pool
from lbproxy.wire.proxyprotocol import LOCAL, encodeV2


def buildChecks(parts: Parts) -> list[HealthChecks]:
    """
    The checks of every pool that has some.
    """
    services = []
    for name, asked in parts.configuration.pools.items():
        if asked.healthCheck:
            pool = parts.registry.pool(name)
            services.append(_poolChecks(parts, pool, asked))
    return services


def _poolChecks(parts: Parts, pool: Pool, asked: PoolConfig) -> HealthChecks:
    checks = [
        Check(_probe(parts, asked, check), _settings(check), agent=check.agent is not None)
        for check in asked.healthCheck
    ]
    return HealthChecks(parts.registry, pool, checks, parts.rota)


def _settings(check: HealthCheck) -> CheckSettings:
    return CheckSettings(
        interval=check.interval,
        timeout=check.timeout,
        rise=check.rise,
        fall=check.fall,
        fastInterval=check.fastInterval,
        downInterval=check.downInterval,
        jitter=check.jitter,
    )


def _probe(parts: Parts, asked: PoolConfig, check: HealthCheck) -> IProbe:
    if check.python is not None:
        return loadProbe(check.python)
    target = Target(check.port, check.host)
    if check.udp is not None:
        return _udpProbe(parts, asked, check, check.udp, target)
    if check.tls is not None:
        inspector = CertificateInspector(failWithin=check.tls.expiresIn)
        tls = clientTLS(parts, asked) or ClientTLS(deadlines=parts.deadlines)
        dial = streamDialer(parts.reactor, _handshaking(asked, tls))
        return StreamProbe(dial, TCPDialogue(), target, inspect=inspector)
    secure = _speaksTLS(asked, check)
    offered = (b"h2",) if check.grpc is not None else ()
    wanted = clientTLS(parts, asked, offered) if secure else None
    dialogue = _dialogue(check, secure)
    return StreamProbe(streamDialer(parts.reactor, _handshaking(asked, wanted)), dialogue, target)


def _handshaking(asked: PoolConfig, tls: ClientTLS | None) -> Any:
    """
    What a check's connection does first: a PROXY header where the pool's backends want one, TLS.
    """
    if asked.sendProxyProtocol == "off":
        return tls
    return Introduced(asked.sendProxyProtocol, tls)


def _udpProbe(
    parts: Parts, pool: PoolConfig, check: HealthCheck, asked: UDPCheck, target: Target
) -> IProbe:
    # As for connections: in version 2, the only one of UDP, a check is LOCAL.
    header = encodeV2(LOCAL) if pool.sendProxyProtocol == "v2" else b""
    link = datagramLinker(parts.reactor, header)
    if asked.dns:
        return DatagramProbe(link, DNSDialogue(asked.dns), target)
    expected = Expected.orNone(asked.expect, asked.expectRegex)
    # Where no answer is asked for, none is no failure: only a refusal by ICMP is.
    patience = 0.0 if expected is not None else check.timeout / 2
    return DatagramProbe(
        link, UDPDialogue(asked.send, expected), target, patience=patience, clock=parts.reactor
    )


def _speaksTLS(asked: PoolConfig, check: HealthCheck) -> bool:
    if check.http is not None:
        return asked.tls is not None if check.http.tls == "auto" else check.http.tls
    if check.grpc is not None:
        return asked.tls is not None
    return check.tcp is not None and check.tcp.tls


def _dialogue(check: HealthCheck, secure: bool) -> Dialogue:
    if check.http is not None:
        return _http(check.http)
    if check.grpc is not None:
        return GRPCDialogue(check.grpc.service, secure=secure)
    if check.redis is not None:
        return RedisDialogue(password=check.redis.password, role=check.redis.role)
    if check.postgres is not None:
        asked = check.postgres
        role = "standby" if asked.role == "replica" else asked.role
        return PostgresDialogue(asked.user, asked.database, role=role)
    if check.mysql is not None:
        return MySQLDialogue()
    if check.smtp is not None:
        return SMTPDialogue(check.smtp.hello)
    if check.agent is not None:
        return AgentDialogue(check.agent.send)
    assert check.tcp is not None
    expect = Expected.orNone(check.tcp.expect, check.tcp.expectRegex)
    plain = not check.tcp.send and expect is None
    return TCPDialogue(() if plain else (Step(check.tcp.send, expect),))


def _http(asked: HTTPCheck) -> Dialogue:
    return HTTPDialogue(
        asked.path,
        asked.method,
        asked.host,
        asked.headers,
        asked.expectStatus,
        Expected.orNone(asked.expectBody.encode("utf-8"), asked.expectBodyRegex),
    )
