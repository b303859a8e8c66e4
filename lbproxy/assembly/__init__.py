"""
How does a configuration become objects? The only room that knows every concrete class.
"""

from __future__ import annotations

from typing import Any

from lbproxy.assembly.edge import EdgeBuilder
from lbproxy.config.configuration import Configuration
from lbproxy.services.edge import EdgeService


def buildEdge(reactor: Any, configuration: Configuration) -> EdgeService:
    """
    The service for a configuration; nothing is open yet.

    @raise ConfigError: something can't be made that the configuration's own checks don't look at.
    """
    return EdgeBuilder(reactor, configuration).build()
