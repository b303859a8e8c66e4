"""
How do the configuration's tests say what they expect? Small builders.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lbproxy.config.configuration import Configuration
from lbproxy.config.load import parseConfiguration
from lbproxy.errors import ConfigError

LISTENER = 'listeners:\n  edge: {bind: "127.0.0.1:0", protocol: http, pool: web}\n'
POOL = 'pools:\n  web: {backends: ["10.0.0.1:80"]}\n'


def problems(text: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """
    @return: what is wrong with a file called e.yaml, one line for each; none if it loads.
    """
    try:
        parseConfiguration(text, "e.yaml", environ or {})
    except ConfigError as error:
        return [str(problem) for problem in error.problems]
    return []


def loaded(text: str, environ: Mapping[str, str] | None = None) -> Configuration:
    """
    @return: the configuration that C{text} is.
    """
    return parseConfiguration(text, "e.yaml", environ or {})


def built(listener: Mapping[str, Any] | None = None, **pool: Any) -> Configuration:
    """
    @param listener: keys of the listener C{edge} (http, to the pool C{web}).
    @param pool: keys of the pool C{web}.
    @return: a configuration made from plain values.
    """
    edge = {"bind": "127.0.0.1:0", "protocol": "http", "pool": "web", **(listener or {})}
    if "routes" in edge:
        del edge["pool"]
    web = {"backends": ["10.0.0.1:80"], **pool}
    return Configuration.model_validate({"listeners": {"edge": edge}, "pools": {"web": web}})


def faults(listener: Mapping[str, Any] | None = None, **pool: Any) -> list[str]:
    """
    As L{built}.

    @return: what the models say against it.
    """
    try:
        built(listener, **pool)
    except ValidationError as error:
        return [
            str(each.get("ctx", {}).get("error", each["type"]))
            for each in error.errors(include_url=False)
        ]
    return []
