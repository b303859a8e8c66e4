"""
Does it fit together? What no single key can be blamed for.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence

from lbproxy.config.bindchecks import checkAdmin, checkBinds
from lbproxy.config.configuration import Configuration
from lbproxy.config.filechecks import checkFiles
from lbproxy.config.listener import HTTPListener, TCPListener, UDPListener
from lbproxy.config.node import Node, Path
from lbproxy.config.pool import Pool
from lbproxy.config.report import Report
from lbproxy.config.route import HTTPRoute, Route, TCPRoute
from lbproxy.config.words import quoted, unknown

AnyListener = HTTPListener | TCPListener | UDPListener


def check(configuration: Configuration, root: Node, report: Report) -> None:
    """
    @param root: the document, for the places of what a message refers to.
    @param report: is called with each problem.
    """
    if not configuration.listeners:
        report(("listeners",), "no listeners; wanted at least one", True)
    checkBinds(configuration, root, report)
    checkAdmin(configuration, report)
    _checkImports(configuration, report)
    for name, listener in configuration.listeners.items():
        _checkRoutes(("listeners", name), listener, root, report)
    for name, pool in configuration.pools.items():
        _checkPool(("pools", name), pool, report)
    _checkUses(configuration, report)
    checkFiles(configuration, report)


def poolsOf(listener: AnyListener) -> Iterator[tuple[Path, str]]:
    """
    @return: where each pool is named, below the listener, and its name.
    """
    if listener.pool:
        yield ("pool",), listener.pool
        return
    routes: Sequence[Route] = listener.routes
    for index, route in enumerate(routes):
        here = ("routes", index)
        if route.pool:
            yield (*here, "pool"), route.pool
        for at, share in enumerate(route.split):
            yield (*here, "split", at, "pool"), share.pool
        if isinstance(route, HTTPRoute) and route.mirror:
            yield (*here, "mirror", "pool"), route.mirror.pool


def _checkRoutes(loc: Path, listener: AnyListener, root: Node, report: Report) -> None:
    if not listener.routes:
        report(loc, "no pool and no routes; wanted one of them", True)
    section = root.at(("pools",))
    known = list(section.value) if section and isinstance(section.value, dict) else []
    isPartial = root.partial or (section is not None and section.partial)
    for below, pool in poolsOf(listener):
        if pool not in known and not isPartial:
            none = f"unknown pool {quoted(pool)}; there are no pools"
            report((*loc, *below), unknown("pool", pool, known) if known else none)
    for index, route in enumerate(listener.routes):
        if isinstance(route, TCPRoute) and route.passthrough and not _endsTLS(listener):
            report(
                (*loc, "routes", index, "passthrough"),
                "there is no tls on this listener to pass by; leave it out",
            )


def _endsTLS(listener: AnyListener) -> bool:
    return not isinstance(listener, UDPListener) and listener.tls is not None


def _checkPool(loc: Path, pool: Pool, report: Report) -> None:
    if not pool.backends and pool.discover is None and pool.wake is None:
        report((*loc, "backends"), "no backends; wanted at least one, or discover", True)
    seen: set[str] = set()
    for index, backend in enumerate(pool.backends):
        if backend.name in seen:
            report(
                (*loc, "backends", index),
                f"a second backend named {quoted(backend.name)}; wanted a name of its own",
            )
        seen.add(backend.name)
    for index, probe in enumerate(pool.healthCheck):
        if probe.python:
            _checkImport((*loc, "healthCheck", index, "python"), probe.python, report)
    if pool.wake:
        _checkImport((*loc, "wake"), pool.wake, report)


def _checkUses(configuration: Configuration, report: Report) -> None:
    """
    A pool that a tcp or udp listener uses can only ask for what those know of a client.
    """
    said: set[Path] = set()
    for name, listener in configuration.listeners.items():
        if isinstance(listener, HTTPListener):
            continue
        for _, poolName in poolsOf(listener):
            pool = configuration.pools.get(poolName)
            for below, message in _misfits(pool, listener.protocol) if pool else ():
                loc: Path = ("pools", poolName, *below)
                if loc not in said:
                    who = f"the {listener.protocol} listener {name}"
                    report(loc, f"{who} uses this pool, and {message}")
                said.add(loc)


def _misfits(pool: Pool, protocol: str) -> Iterator[tuple[Path, str]]:
    affinity = pool.affinity
    if affinity and affinity.cookie:
        yield ("affinity", "cookie"), "only http has cookies; wanted sourceIP"
    if affinity and affinity.header:
        yield ("affinity", "header"), "only http has headers; wanted sourceIP"
    if pool.balance.key.kind in ("header", "cookie", "query", "path"):
        yield ("balance", "key"), f"only http has a {pool.balance.key.kind}; wanted clientIP"
    if pool.protocol != "http1":
        yield ("protocol",), "only http listeners speak it to backends; leave it out"
    if protocol == "udp" and pool.tls:
        yield ("tls",), "TLS needs a stream; leave it out"
    if protocol == "udp" and pool.sendProxyProtocol == "v1":
        yield ("sendProxyProtocol",), "v1 knows no datagrams; wanted v2"


def _checkImports(configuration: Configuration, report: Report) -> None:
    for index, plugin in enumerate(configuration.plugins):
        _checkImport(("plugins", index), plugin, report)


def _checkImport(loc: Path, text: str, report: Report) -> None:
    """
    @param text: C{package.module} or C{package.module:Class}.
    """
    module, _, name = text.partition(":")
    try:
        found = importlib.import_module(module)
    except Exception as error:  # whatever the module itself does wrong, too
        report(loc, f"{quoted(module)} cannot be imported: {error}; wanted an importable module")
        return
    if name and not hasattr(found, name):
        report(loc, f"{quoted(module)} has no {quoted(name)}; wanted a class of that module")
