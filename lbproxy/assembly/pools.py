"""
Which pools were asked for?
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from lbproxy.assembly.parts import Parts
from lbproxy.config import affinity as affinityConfig
from lbproxy.config import pool as poolConfig
from lbproxy.interfaces import IAffinity, IBalancer
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.affinity.cookie import cookieAffinity
from lbproxy.pool.affinity.settings import CookieSettings
from lbproxy.pool.affinity.table import headerAffinity, sourceIPAffinity
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.balancers.names import Surroundings, balancerMaker
from lbproxy.pool.breaker import BreakerSettings
from lbproxy.pool.budget import BudgetSettings
from lbproxy.pool.outliers import OutlierSettings
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.tiers import Spread

# Which settings of C{balance} each balancer has, and what they are called there.
_OPTIONS = {
    "random": {"choices": "choices"},
    "ringHash": {"key": "key", "loadFactor": "loadBound"},
    "maglev": {"key": "key", "tableSize": "tableSize"},
}


def buildPools(parts: Parts) -> None:
    """
    Put every pool of the configuration into the registry.
    """
    for name, asked in parts.configuration.pools.items():
        pool = parts.registry.addPool(buildPool(parts, name, asked))
        if asked.wake is not None:
            pool.admission.wake = partial(_wakeHook(asked.wake), pool)


def buildPool(parts: Parts, name: str, asked: poolConfig.Pool) -> Pool:
    """
    One pool with its backends.
    """
    return Pool(
        name,
        [spec(backend) for backend in asked.backends],
        balancer=_balancer(parts, asked),
        affinity=_affinity(parts, asked.affinity),
        policy=_policy(asked),
        seconds=parts.reactor.seconds,
        rng=parts.rng,
    )


def _wakeHook(name: str) -> Callable[[Pool], object]:
    """
    @param name: C{package.module:name} of a function that takes the pool, or of a class whose
        instances do. The configuration's checks have seen that it can be imported.
    """
    module, _, attribute = name.partition(":")
    found = getattr(import_module(module), attribute)
    hook: Callable[[Pool], object] = found() if isinstance(found, type) else found
    return hook


def spec(asked: poolConfig.Backend) -> BackendSpec:
    """
    What a backend of the configuration is.
    """
    return BackendSpec(
        name=asked.name,
        address=asked.address,
        weight=asked.weight,
        priority=asked.priority,
        maxConnections=asked.maxConnections,
        zone=asked.zone,
    )


def _balancer(parts: Parts, asked: poolConfig.Pool) -> Callable[[], IBalancer]:
    balance = asked.balance
    options = {}
    for key, option in _OPTIONS.get(balance.name, {}).items():
        value = getattr(balance, key)
        options[option] = str(value) if key == "key" else value
    return balancerMaker(balance.name, Surroundings(parts.reactor.seconds, parts.rng), **options)


def _policy(asked: poolConfig.Pool) -> Policy:
    outliers, breaker = asked.outlierDetection, asked.circuitBreaker
    return Policy(
        spread=Spread(zone=asked.zone, panic=asked.panic),
        queue=QueueSettings(asked.queue.size, asked.queue.timeout, str(asked.queue.fairBy)),
        outliers=OutlierSettings(**outliers.model_dump()) if outliers is not None else None,
        breakers=()
        if breaker is None
        else (
            BreakerSettings(
                failures=breaker.failures,
                openFor=breaker.openFor,
                maxOpenFor=max(breaker.openFor, 60.0),
                trials=breaker.probes,
            ),
        ),
        retries=BudgetSettings(asked.retries.budget),
        slowStart=asked.slowStart,
    )


def _affinity(parts: Parts, asked: affinityConfig.Affinity | None) -> IAffinity | None:
    seconds = parts.reactor.seconds
    if asked is None:
        return None
    if asked.cookie is not None:
        return cookieAffinity(_cookie(asked.cookie))
    if asked.sourceIP is not None:
        source = asked.sourceIP
        return sourceIPAffinity(
            seconds,
            prefix4=source.prefix4,
            prefix6=source.prefix6,
            ttl=source.ttl,
            maxEntries=source.maxEntries,
        )
    assert asked.header is not None
    header = asked.header
    return headerAffinity(header.name, seconds, ttl=header.ttl, maxEntries=header.maxEntries)


def _cookie(asked: affinityConfig.CookieAffinity) -> CookieSettings:
    return CookieSettings(
        secrets=asked.secret,
        name=asked.name,
        path=asked.path,
        domain=asked.domain,
        maxAge=asked.maxAge,
        sameSite=asked.sameSite,
        httpOnly=asked.httpOnly,
        secure=None if asked.secure == "auto" else asked.secure,
        mode=asked.mode,
        indirect=asked.indirect,
        nocache=asked.nocache,
        preserve=asked.preserve,
        maxIdle=asked.maxIdle,
        maxLife=asked.maxLife,
    )
