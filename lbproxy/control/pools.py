"""
How are the pools, and what does the operator want of them? C{/api/pools} and what is below it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.web.http import Request
from twisted.web.resource import Resource

from lbproxy.pool.backend import MAX_WEIGHT, AdminState, Backend
from lbproxy.pool.pool import Pool
from lbproxy.pool.registry import Registry

# Bytes of a request's body; what is asked for here is short.
_MAX_BODY = 1 << 16

Answer = tuple[int, Any]


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


class JSONResource(Resource):
    """
    Answers GET with C{get}, and other methods with C{act}, in JSON.
    """

    def __init__(
        self,
        get: Callable[[], Answer] | None = None,
        act: Callable[[dict[str, Any]], Answer] | None = None,
        method: bytes = b"POST",
    ) -> None:
        """
        @param act: is given the request's body, an object; may raise L{ValueError} for a 400.
        @param method: what C{act} is for.
        """
        super().__init__()  # type: ignore[no-untyped-call]
        self._get = get
        self._act = act
        self._method = method

    def render(self, request: Request) -> bytes:
        """
        One of ours, or 405.
        """
        if request.method in (b"GET", b"HEAD") and self._get is not None:
            return _reply(request, *self._get())
        if request.method == self._method and self._act is not None:
            return self._change(request, self._act)
        allowed = b", ".join(
            ([b"GET", b"HEAD"] if self._get else []) + ([self._method] if self._act else [])
        )
        request.setHeader(b"allow", allowed)
        return _reply(request, 405, {"error": f"wanted one of {allowed.decode()}"})

    def _change(self, request: Request, act: Callable[[dict[str, Any]], Answer]) -> bytes:
        # A page in a browser can send forms anywhere, but no JSON without asking first.
        kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip()
        text = request.content.read(_MAX_BODY + 1) if request.content is not None else b""
        if text and kind != b"application/json":
            return _reply(request, 415, {"error": "wanted Content-Type: application/json"})
        if not text and request.getHeader(b"origin") is not None:
            return _reply(request, 403, {"error": "not from a page of another origin"})
        try:
            asked = json.loads(text) if text else {}
            if not isinstance(asked, dict) or len(text) > _MAX_BODY:
                raise ValueError("wanted a JSON object")
            return _reply(request, *act(asked))
        except RecursionError:
            return _reply(request, 400, {"error": "wanted a JSON object, nested less deeply"})
        except ValueError as problem:
            return _reply(request, 400, {"error": str(problem)})


class PoolsResource(JSONResource):
    """
    All pools; a child for each.
    """

    def __init__(self, registry: Registry) -> None:
        super().__init__(
            lambda: (200, {"pools": {name: poolFacts(p) for name, p in registry.pools.items()}})
        )
        self._registry = registry

    def getChild(self, path: bytes, request: Request) -> Resource:
        pool = self._registry.pools.get(path.decode("utf-8", "replace"))
        return _notFound("pool") if pool is None else PoolResource(pool)


class PoolResource(JSONResource):
    """
    One pool, C{pause} and C{resume} below it, and its backends below C{backends}.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(lambda: (200, poolFacts(pool)))
        self.putChild(b"pause", JSONResource(act=lambda asked: _paused(pool, asked)))
        self.putChild(b"resume", JSONResource(act=lambda asked: _resumed(pool, asked)))
        self.putChild(b"backends", _Backends(pool))


class _Backends(JSONResource):
    def __init__(self, pool: Pool) -> None:
        super().__init__(lambda: (200, poolFacts(pool)))
        self._pool = pool

    def getChild(self, path: bytes, request: Request) -> Resource:
        backend = self._pool.backends.get(path.decode("utf-8", "replace"))
        if backend is None:
            return _notFound("backend")
        return JSONResource(
            lambda: (200, backendFacts(backend)),
            lambda asked: _changed(self._pool, backend, asked),
            b"PATCH",
        )


def _changed(pool: Pool, backend: Backend, asked: dict[str, Any]) -> Answer:
    _refuseUnknown(asked, "admin", "weight")
    weight = asked.get("weight")
    if weight is not None and (type(weight) is not int or not 0 <= weight <= MAX_WEIGHT):
        raise ValueError(f"weight: wanted a number from 0 to {MAX_WEIGHT}")
    words = {state.value: state for state in AdminState}
    admin = asked.get("admin")
    if admin is not None and admin not in words:
        raise ValueError(f"admin: wanted one of {', '.join(words)}")
    if admin is not None:
        pool.setAdmin(backend, words[admin], "by the admin API")
    if weight is not None:
        pool.setWeight(backend, weight)
    return 200, backendFacts(backend)


def _paused(pool: Pool, asked: dict[str, Any]) -> Answer:
    _refuseUnknown(asked)
    pool.pause()
    return 200, {"paused": True, "active": pool.active}


def _resumed(pool: Pool, asked: dict[str, Any]) -> Answer:
    _refuseUnknown(asked, "over")
    over = asked.get("over", 1.0)
    if not isinstance(over, int | float) or not 0 <= over <= 3600:
        raise ValueError("over: wanted seconds, 0 to 3600")
    pool.resume(float(over))
    return 200, {"paused": False, "active": pool.active}


def _refuseUnknown(asked: dict[str, Any], *known: str) -> None:
    for key in asked:
        if key not in known:
            raise ValueError(f'unknown key "{key}"; one of {", ".join(known) or "none"}')


def _notFound(what: str) -> JSONResource:
    missing = JSONResource(lambda: (404, {"error": f"no such {what}"}))
    missing.isLeaf = True
    return missing


def _reply(request: Request, status: int, value: Any) -> bytes:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    return json.dumps(value, indent=2).encode("utf-8") + b"\n"
