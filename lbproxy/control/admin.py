"""
What is going on? The admin listener: the state of pools as JSON, and whether the process is alive
and ready.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from lbproxy.pool.backend import Backend
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry

_MAX_BODY = 1 << 16


def backendFacts(backend: Backend) -> dict[str, Any]:
    """
    A backend as the admin API shows it.
    """
    return {
        "address": str(backend.address),
        "state": backend.health.value,
        "admin": backend.admin.value,
        "ejected": backend.ejected,
        "active": backend.active,
        "total": backend.total,
        "weight": backend.weight,
        "reason": backend.reason,
    }


def poolFacts(pool: Pool) -> dict[str, Any]:
    """
    A pool as the admin API shows it.
    """
    return {"backends": {name: backendFacts(backend) for name, backend in pool.backends.items()}}


class _Answer(Resource):
    """
    Answers GET with what a function returns: a status and a value for JSON.
    """

    isLeaf = True

    def __init__(self, answer: Callable[[], tuple[int, Any]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer

    def render_GET(self, request: Request) -> bytes:
        status, value = self._answer()
        request.setResponseCode(status)
        request.setHeader(b"content-type", b"application/json")
        request.setHeader(b"cache-control", b"no-store")
        return json.dumps(value, indent=2).encode("utf-8") + b"\n"


class _Refusal(Resource):
    isLeaf = True

    def render(self, request: Request) -> bytes:
        request.setResponseCode(401)
        request.setHeader(b"www-authenticate", b"Bearer")
        return b"wanted: Authorization: Bearer TOKEN\n"


class AdminRoot(Resource):
    """
    The tree of the admin listener. C{/healthz} and C{/readyz} need no token: they tell nothing but
    yes or no.
    """

    def __init__(self, registry: Registry, ready: Callable[[], bool], token: str = "") -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._token = token.encode("utf-8")
        self.putChild(b"healthz", _Answer(lambda: (200, {"status": "ok"})))
        self.putChild(b"readyz", _Answer(lambda: _readiness(ready())))
        self._api = Resource()
        self._api.putChild(
            b"pools",
            _Answer(lambda: (200, {"pools": {n: poolFacts(p) for n, p in registry.pools.items()}})),
        )

    def getChild(self, path: bytes, request: Request) -> Resource:
        if path == b"api":
            return self._api if self._allows(request) else _Refusal()
        found: Resource = super().getChild(path, request)  # type: ignore[no-untyped-call]
        return found

    def _allows(self, request: Request) -> bool:
        if not self._token:
            return True
        given = request.getHeader(b"authorization") or b""
        return hmac.compare_digest(given, b"Bearer " + self._token)


class _QuietSite(Site):
    """
    Polled every few seconds, it would fill the log.
    """

    def log(self, request: Request) -> None:
        pass


def _readiness(ready: bool) -> tuple[int, dict[str, str]]:
    return (200, {"status": "ready"}) if ready else (503, {"status": "not ready"})


def adminSite(registry: Registry, ready: Callable[[], bool], token: str = "") -> Site:
    """
    The factory of the admin listener.
    """
    site = _QuietSite(AdminRoot(registry, ready, token))
    site.noisy = False
    return site
