"""
Which health checks were asked for?
"""

from __future__ import annotations

from lbproxy.assembly.parts import Parts
from lbproxy.assembly.reaching import clientTLS
from lbproxy.config.healthcheck import HealthCheck, HTTPCheck
from lbproxy.config.pool import Pool as PoolConfig
from lbproxy.health.checker import CheckSettings
from lbproxy.health.checks import Check, HealthChecks
from lbproxy.health.connecting import datagramLinker, streamDialer
from lbproxy.health.conversation import Dialogue
from lbproxy.health.custom import loadProbe
from lbproxy.health.datagram import DatagramProbe
from lbproxy.health.dns import DNSDialogue
from lbproxy.health.expected import Expected
from lbproxy.health.http import HTTPDialogue
from lbproxy.health.mysql import MySQLDialogue
from lbproxy.health.postgres import PostgresDialogue
from lbproxy.health.redis import RedisDialogue
from lbproxy.health.report import AgentDialogue
from lbproxy.health.smtp import SMTPDialogue
from lbproxy.health.stream import StreamProbe
from lbproxy.health.target import Target
from lbproxy.health.tcp import Step, TCPDialogue
from lbproxy.health.udp import UDPDialogue
from lbproxy.interfaces import IProbe
from lbproxy.pool.pool import Pool


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
        dialogue = DNSDialogue(check.udp.dns) if check.udp.dns else _udp(check)
        return DatagramProbe(datagramLinker(parts.reactor), dialogue, target)
    tls = clientTLS(asked) if _speaksTLS(asked, check) else None
    return StreamProbe(streamDialer(parts.reactor, tls), _dialogue(check), target)


def _speaksTLS(asked: PoolConfig, check: HealthCheck) -> bool:
    if check.http is not None:
        return asked.tls is not None if check.http.tls == "auto" else check.http.tls
    return check.tcp is not None and check.tcp.tls


def _udp(check: HealthCheck) -> Dialogue:
    udp = check.udp
    assert udp is not None
    return UDPDialogue(udp.send, Expected.orNone(udp.expect, udp.expectRegex))


def _dialogue(check: HealthCheck) -> Dialogue:
    if check.http is not None:
        return _http(check.http)
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
