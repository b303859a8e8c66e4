"""
Where are backends found that no file lists? Discovery.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lbproxy.config.kinds import Whole, Word
from lbproxy.config.model import Model, exactlyOne, keyed
from lbproxy.config.tls import Path
from lbproxy.config.units import FullString, PositiveDuration, String


class DNSDiscovery(Model):
    """
    Addresses of a name, asked again when their TTL ends.
    """

    name: FullString = Field(description="The name asked for.")
    port: Annotated[int, Whole(0, 65535)] = Field(
        default=0, description="The backends' port; SRV brings its own."
    )
    type: Annotated[Literal["A", "AAAA", "SRV"], Word("record type")] = Field(
        default="A", description="A, AAAA or SRV."
    )
    resolver: String = Field(
        default="", description="host:port of a DNS server; empty: the system's."
    )

    @model_validator(mode="after")
    def _check(self) -> DNSDiscovery:
        if self.type != "SRV" and not self.port:
            raise ValueError(f"{self.type} records have no port; wanted a port")
        return self


class EtcdDiscovery(Model):
    """
    Keys under a prefix of etcd's.
    """

    url: FullString = Field(description="URL of etcd.")
    prefix: FullString = Field(description="Keys below it hold the backends.")


class ConsulDiscovery(Model):
    """
    A service of Consul's.
    """

    url: String = Field(default="http://127.0.0.1:8500", description="URL of an agent.")
    service: FullString = Field(description="The service's name.")
    tag: String = Field(default="", description="Only instances with it; empty: all.")


class KubernetesDiscovery(Model):
    """
    The endpoints of a Kubernetes service.
    """

    service: FullString = Field(description="The service's name.")
    namespace: String = Field(default="default", description="Its namespace.")
    port: FullString = Field(default="http", description="The port's name.")


class FileDiscovery(Model):
    """
    A YAML list of backends in a file that is watched.
    """

    path: Path = Field(description="The file.")
    interval: PositiveDuration = Field(default=1.0, description="How often it is looked at.")


class Discover(Model):
    """
    Exactly one source.
    """

    dns: DNSDiscovery | None = Field(default=None, description="DNS.")
    file: Annotated[FileDiscovery | None, keyed("path")] = Field(
        default=None, description="A watched file; a bare path is short for C{{path: PATH}}."
    )
    etcd: EtcdDiscovery | None = Field(default=None, description="etcd.")
    consul: ConsulDiscovery | None = Field(default=None, description="Consul.")
    kubernetes: KubernetesDiscovery | None = Field(default=None, description="Kubernetes.")

    @model_validator(mode="after")
    def _check(self) -> Discover:
        exactlyOne(self, "source", "dns", "file", "etcd", "consul", "kubernetes")
        return self
