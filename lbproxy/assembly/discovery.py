"""
Which pools find their backends by themselves?
"""

from __future__ import annotations

from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import spec
from lbproxy.config.address import Address
from lbproxy.config.discovery import Discover
from lbproxy.services.discovery.dns import DNSSource, makeResolver
from lbproxy.services.discovery.file import FileSource
from lbproxy.services.discovery.following import Following, Source


def buildDiscovery(parts: Parts) -> list[Following]:
    """
    A service for each pool that follows a source.
    """
    return [
        Following(parts.registry.pool(name), _source(parts, asked.discover), parts.reactor)
        for name, asked in parts.configuration.pools.items()
        if asked.discover is not None
    ]


def _source(parts: Parts, asked: Discover) -> Source:
    if asked.file is not None:
        return FileSource(asked.file.path, asked.file.interval, spec)
    assert asked.dns is not None
    server = Address.parse(asked.dns.resolver) if asked.dns.resolver else None
    resolver = makeResolver(parts.reactor, server)
    return DNSSource(resolver, asked.dns.name, asked.dns.type, asked.dns.port)
