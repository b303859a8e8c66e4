"""
What can be said of http listeners' routes?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from twisted.internet.task import Clock

from lbproxy.assembly.http import routeMatch
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.config.configuration import Configuration
from lbproxy.config.listener import HTTPListener
from lbproxy.config.match import HTTPMatch
from lbproxy.config.route import HTTPRoute
from lbproxy.l7.explain import ExplainedRoute, Explainer, askedRequest, listenerFor
from lbproxy.l7.routing import Route, RouteTable
from lbproxy.pool.backend import Health
from lbproxy.pool.registry import Registry


def buildExplainer(registry: Registry, name: str, asked: HTTPListener) -> Explainer:
    """
    Explains one listener.
    """
    routes = [_route(each) for each in asked.routes]
    ports = [address.port for address in asked.bind]
    return Explainer(name, routes, registry, asked.tls is not None, ports)


def explainRequest(
    configuration: Configuration,
    text: str,
    *,
    listener: str = "",
    source: str = "127.0.0.1",
    fields: Sequence[str] = (),
    cookies: Sequence[str] = (),
    down: Sequence[str] = (),
) -> str:
    """
    What a configuration would do with a request, if all backends were up.

    @param down: C{pool/backend} of those that aren't.
    @raise ValueError: in words fit for a user.
    """
    parts = Parts.make(Clock(), configuration)
    buildPools(parts)
    for pool in parts.registry.pools.values():
        for backend in pool.backends.values():
            health = Health.DOWN if f"{pool.name}/{backend.name}" in down else Health.UP
            pool.setHealth(backend, health, "as asked")
    request = askedRequest(text, source, fields, cookies)
    explainers = [
        buildExplainer(parts.registry, name, asked)
        for name, asked in configuration.listeners.items()
        if isinstance(asked, HTTPListener)
    ]
    return listenerFor(explainers, request, listener).explain(request)


def _route(asked: HTTPRoute) -> ExplainedRoute:
    conditions = [
        (why, RouteTable([Route(routeMatch(alone), True)])) for why, alone in _alone(asked.match)
    ]
    pools = [share.pool for share in asked.targets]
    if asked.redirect is not None:
        action = f"redirect {asked.redirect.status} to {asked.redirect.to}"
    elif asked.respond is not None:
        action = f"respond {asked.respond.status}"
    elif len(pools) == 1:
        action = f"pool {pools[0]}"
    else:
        action = "split " + ", ".join(f"{s.pool} {s.weight}" for s in asked.targets)
    return ExplainedRoute(asked.name, conditions, action, pools)


def _alone(match: HTTPMatch) -> Iterator[tuple[str, HTTPMatch]]:
    """
    Each condition for itself, and what to say where it doesn't hold.
    """
    for key in ("host", "path", "pathPrefix", "pathRegex", "method", "source"):
        values = getattr(match, key)
        if values:
            alone = HTTPMatch.model_construct(**{**_NOTHING, key: values})
            yield f"{key} is not {' or '.join(map(str, values))}", alone
    for key in ("header", "query", "cookie"):
        for name, value in getattr(match, key).items():
            alone = HTTPMatch.model_construct(**{**_NOTHING, key: {name: value}})
            yield f"{key} {name} does not fit", alone


_NOTHING = HTTPMatch().__dict__
