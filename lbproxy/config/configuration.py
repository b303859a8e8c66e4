"""
What was asked for, as a whole?
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from lbproxy.config.admin import Admin, Cluster, Logging
from lbproxy.config.kinds import Before, Kind, Whole
from lbproxy.config.listener import Listener
from lbproxy.config.model import Model, Name, OneOrMany, off
from lbproxy.config.pool import Pool
from lbproxy.config.tls import Path
from lbproxy.config.units import FullString
from lbproxy.config.words import shown


class Workers(Kind):
    """
    A number of processes, or C{auto}.
    """

    noun: ClassVar[str] = "number or auto"

    def parse(self, value: object) -> object:
        if value == "auto":
            return "auto"
        if isinstance(value, str) and not value.isdigit():
            raise ValueError(f"{shown(value)} is not a number of processes; wanted 1, 2 … or auto")
        return Whole(1, 1024).parse(value)


class Configuration(Model):
    """
    A whole configuration.
    """

    listeners: Mapping[Name, Listener] = Field(default={}, description="Listeners by name.")
    pools: Mapping[Name, Pool] = Field(default={}, description="Pools by name.")
    admin: Annotated[Admin | None, Before(off)] = Field(
        default=None, description="API, metrics, dashboard; absent: none."
    )
    workers: Annotated[int | Literal["auto"], Workers()] = Field(
        default=1, description="Processes; auto: one per core."
    )
    state: Path = Field(default="", description="Folder that keeps admin states; empty: none.")
    cluster: Cluster = Field(default=Cluster(), description="A registry shared by several nodes.")
    plugins: OneOrMany[FullString] = Field(
        default=(), description="Modules that register balancers, probes, hooks."
    )
    logging: Logging = Field(default=Logging(), description="The process's own log.")
