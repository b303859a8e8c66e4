"""
Are the files there, and are they what they should be?
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from lbproxy.config.configuration import Configuration
from lbproxy.config.listener import HTTPListener, UDPListener
from lbproxy.config.node import Path
from lbproxy.config.pem import certificates, publicHalf, readFile, revocationList, subjectKey
from lbproxy.config.report import Report
from lbproxy.config.tls import ListenerTLS
from lbproxy.config.words import quotedPath

T = TypeVar("T")


def checkFiles(configuration: Configuration, report: Report) -> None:
    """
    @param report: is called with each problem.
    """
    for loc, cert, key in _pairs(configuration):
        _checkPair(loc, cert, key, report)
    for loc, path in _authorities(configuration):
        _try(loc, report, partial(certificates, path))
    for loc, path in _revocations(configuration):
        _try(loc, report, partial(revocationList, path))
    for loc, path in _others(configuration):
        _try(loc, report, partial(readFile, path))
    for loc, path in _logs(configuration):
        _try(loc, report, partial(_folderOf, path))


def _checkPair(loc: Path, cert: str, key: str, report: Report) -> None:
    chain = _try((*loc, "cert"), report, partial(certificates, cert))
    public = _try((*loc, "key"), report, partial(publicHalf, key))
    if chain is None or public is None:
        return
    keys = [subjectKey(each) for each in chain]
    if keys[0] == public:
        return
    if public in keys:
        fault = f"{quotedPath(cert)} does not begin with the leaf"
        report((*loc, "cert"), f"{fault}; wanted the leaf first, then the chain")
    else:
        message = f"{quotedPath(key)} does not belong to {quotedPath(cert)}; wanted its private key"
        report((*loc, "key"), message)


def _folderOf(path: str) -> None:
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise ValueError(
            f"there is no folder {quotedPath(folder)}; wanted a path in one that exists"
        )
    if os.path.isdir(path):
        raise ValueError(f"{quotedPath(path)} is a folder; wanted a file")


def _try(loc: Path, report: Report, look: Callable[[], T]) -> T | None:
    try:
        return look()
    except ValueError as error:
        report(loc, str(error))
        return None


def _listenerTLS(configuration: Configuration) -> Iterator[tuple[Path, ListenerTLS]]:
    for name, listener in configuration.listeners.items():
        if not isinstance(listener, UDPListener) and listener.tls:
            yield ("listeners", name, "tls"), listener.tls


def _pairs(configuration: Configuration) -> Iterator[tuple[Path, str, str]]:
    for loc, tls in _listenerTLS(configuration):
        for index, pair in enumerate(tls.certificates):
            yield (*loc, "certificates", index), pair.cert, pair.key
    for name, pool in configuration.pools.items():
        if pool.tls and pool.tls.cert:
            yield ("pools", name, "tls"), pool.tls.cert, pool.tls.key


def _authorities(configuration: Configuration) -> Iterator[tuple[Path, str]]:
    for loc, tls in _listenerTLS(configuration):
        if tls.clientAuth:
            yield (*loc, "clientAuth", "ca"), tls.clientAuth.ca
    for name, pool in configuration.pools.items():
        if pool.tls and pool.tls.ca:
            yield ("pools", name, "tls", "ca"), pool.tls.ca


def _revocations(configuration: Configuration) -> Iterator[tuple[Path, str]]:
    for loc, tls in _listenerTLS(configuration):
        if tls.clientAuth and tls.clientAuth.crl:
            yield (*loc, "clientAuth", "crl"), tls.clientAuth.crl


def _others(configuration: Configuration) -> Iterator[tuple[Path, str]]:
    for name, listener in configuration.listeners.items():
        if isinstance(listener, HTTPListener):
            here: Path = ("listeners", name)
            for status, page in listener.errorPages.items():
                yield (*here, "errorPages", str(status)), page
            for index, route in enumerate(listener.routes):
                if route.auth and route.auth.basic:
                    yield (*here, "routes", index, "auth", "basic", "file"), route.auth.basic.file
    for name, pool in configuration.pools.items():
        if pool.discover and pool.discover.file:
            yield ("pools", name, "discover", "file"), pool.discover.file.path


def _logs(configuration: Configuration) -> Iterator[tuple[Path, str]]:
    for name, listener in configuration.listeners.items():
        if listener.accessLog.format != "off" and listener.accessLog.file != "-":
            yield ("listeners", name, "accessLog", "file"), listener.accessLog.file
