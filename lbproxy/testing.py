"""
How does it behave? Doubles and builders, for lbproxy's own tests and for those of its users.

Nothing here opens a socket or waits: a pool with a clock that is turned by hand, and clients that
are whatever a test says::

    clock = Clock()
    pool = buildPool("a", "b", seconds=clock.seconds)
    lease = pool.acquire(FakeContext(cookies={"LBID": "..."}))

Or with the pools of a configuration file, as they would be in production::

    shop = loadPools("edge.yaml", clock).pool("shop")
    fail(shop, "b1")
    assert "b1" not in picks(shop, 10)
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from twisted.internet.task import Clock

from lbproxy.config.address import Address
from lbproxy.errors import Outcome
from lbproxy.pool.backend import Backend, BackendSpec, Health
from lbproxy.pool.context import Context
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry

# Seconds between two ticks.
_TICK = 0.25


class FakeContext:
    """
    A client of which a test decides everything.
    """

    def __init__(
        self,
        clientIP: str = "192.0.2.1",
        *,
        secure: bool = False,
        path: str = "/",
        serverName: str = "",
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        connectionID: bytes = b"",
    ) -> None:
        self.clientIP = clientIP
        self.secure = secure
        self.path = path.encode()
        self.serverName = serverName
        self._headers = _encoded(headers, lower=True)
        self._cookies = _encoded(cookies)
        self._query = _encoded(query)
        self._connectionID = connectionID

    def header(self, name: bytes) -> bytes | None:
        """
        What the test gave.
        """
        return self._headers.get(name)

    def cookie(self, name: bytes) -> bytes | None:
        """
        What the test gave, or what L{keepCookie} kept.
        """
        return self._cookies.get(name)

    def query(self, name: bytes) -> bytes | None:
        """
        What the test gave.
        """
        return self._query.get(name)

    def connectionID(self) -> bytes:
        """
        What the test gave.
        """
        return self._connectionID

    def keepCookie(self, setCookie: bytes | None) -> None:
        """
        Do as a browser does with a C{Set-Cookie} value; L{None} changes nothing.
        """
        if setCookie is not None:
            name, _, value = setCookie.partition(b";")[0].partition(b"=")
            self._cookies[name] = value


def spec(name: str, weight: int = 1, **settings: Any) -> BackendSpec:
    """
    A backend at an address made from its name.

    @param settings: fields of L{BackendSpec}.
    """
    settings.setdefault("address", Address(f"{name}.test", 80))
    return BackendSpec(name, weight=weight, **settings)


def specs(**weights: int) -> list[BackendSpec]:
    """
    Several backends: C{specs(a=5, b=1)}.
    """
    return [spec(name, weight) for name, weight in weights.items()]


def buildPool(
    *backends: str | BackendSpec,
    name: str = "web",
    health: Health = Health.UP,
    seed: int = 0,
    seconds: Callable[[], float] = lambda: 0.0,
    **settings: Any,
) -> Pool:
    """
    A pool whose clock stands still unless C{seconds} is given, and whose chance is C{seed}.

    @param backends: names, or what L{spec} made.
    @param health: what is known of all of them.
    @param settings: further arguments of L{Pool}.
    """
    pool = Pool(
        name,
        [spec(backend) if isinstance(backend, str) else backend for backend in backends],
        seconds=seconds,
        rng=random.Random(seed),
        **settings,
    )
    for backend in pool.backends.values():
        pool.setHealth(backend, health)
    return pool


def buildBackends(*backends: str | BackendSpec) -> list[Backend]:
    """
    Backends without a pool, for balancers.
    """
    return list(buildPool(*backends).backends.values())


def loadPools(
    path: str, clock: Clock, *, environ: Mapping[str, str] | None = None, seed: int = 0
) -> Registry:
    """
    The pools of a configuration file. Nothing listens, nothing is checked and nothing connects:
    C{setHealth} is the checker here, L{fail} and L{succeed} are the traffic, and turning the clock
    with L{turn} is all that makes time pass.

    @param environ: what C{${NAME}} in the file stands for.
    @raise ConfigError: the file cannot be used.
    """
    # Whoever only wants doubles does not have to load the whole of lbproxy.
    from lbproxy.assembly.parts import Parts
    from lbproxy.assembly.pools import buildPools
    from lbproxy.config.load import loadConfiguration

    parts = Parts.make(clock, loadConfiguration(path, environ or {}))
    parts.rng.seed(seed)
    buildPools(parts)
    for pool in parts.registry.pools.values():
        for backend in pool.backends.values():
            pool.setHealth(backend, Health.UP)
    return parts.registry


def turn(clock: Clock, registry: Registry, seconds: float) -> None:
    """
    Let time pass, in steps as small as those of production.
    """
    for _ in range(max(1, round(seconds / _TICK))):
        clock.advance(seconds / max(1, round(seconds / _TICK)))
        registry.tick()


def fail(pool: Pool, name: str, count: int = 1, outcome: Outcome = Outcome.CONNECT_FAILED) -> None:
    """
    Let C{count} uses of one backend end badly.
    """
    _use(pool, name, count, outcome)


def succeed(pool: Pool, name: str, count: int = 1) -> None:
    """
    Let C{count} uses of one backend end well.
    """
    _use(pool, name, count, Outcome.OK)


def picks(pool: Pool, count: int, contexts: Iterable[Context] = ()) -> str | list[str]:
    """
    Who serves C{count} requests that come one after the other.

    @param contexts: the clients; the same one each time if there are none.
    @return: the names; one string if all names have one letter.
    """
    clients = iter(contexts)
    someone = FakeContext()
    names = []
    for _ in range(count):
        lease = pool.acquire(next(clients, someone))
        names.append(lease.backend.name)
        lease.release(Outcome.OK)
    return "".join(names) if all(len(name) == 1 for name in names) else names


def shares(pool: Pool, count: int, contexts: Iterable[Context] = ()) -> dict[str, float]:
    """
    Which part of C{count} requests each backend serves.
    """
    counted = Counter(picks(pool, count, contexts))
    return {name: counted[name] / count for name in pool.backends}


def _use(pool: Pool, name: str, count: int, outcome: Outcome) -> None:
    backend = pool.backends[name]
    others = [other for other in pool.backends.values() if other is not backend]
    # All are taken before the first ends, as the first may be the one that takes it out.
    leases = [pool.acquire(FakeContext(), others) for _ in range(count)]
    for lease in leases:
        lease.release(outcome)


def _encoded(values: Mapping[str, str] | None, lower: bool = False) -> dict[bytes, bytes]:
    return {
        (name.lower() if lower else name).encode(): value.encode()
        for name, value in (values or {}).items()
    }
