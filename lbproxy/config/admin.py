"""
What does the process itself need? Admin, logging, cluster.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lbproxy.config.address import Address
from lbproxy.config.kinds import Word
from lbproxy.config.model import Model
from lbproxy.config.units import BindAddress, String


class Admin(Model):
    """
    API, metrics, dashboard.
    """

    bind: BindAddress = Field(default=Address("127.0.0.1", 9901), description="Where it listens.")
    token: String = Field(
        default="", repr=False, description="What clients must show; needed beyond loopback."
    )


class Logging(Model):
    """
    The process's own log.
    """

    level: Annotated[Literal["debug", "info", "warn", "error", "critical"], Word("level")] = Field(
        default="info", description="The least that is written."
    )
    format: Annotated[Literal["text", "json"], Word("format")] = Field(
        default="text", description="text or json."
    )


class Cluster(Model):
    """
    A registry shared by several nodes.
    """
