"""
What is going on? The admin listener: the state of pools as JSON, and whether the process is alive
and ready.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Callable, Sequence

from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import Site

from lbproxy.control.explain import ExplainResource
from lbproxy.control.pools import JSONResource, PoolsResource
from lbproxy.l7.explain import Explainer
from lbproxy.pool.registry import Registry


class _Refusal(Resource):
    isLeaf = True

    def render(self, request: Request) -> bytes:
        request.setResponseCode(401)
        request.setHeader(b"www-authenticate", b"Bearer")
        return b"wanted: Authorization: Bearer TOKEN\n"


class _WrongName(Resource):
    isLeaf = True

    def render(self, request: Request) -> bytes:
        request.setResponseCode(421)
        return b"wanted: an address or localhost as the host, or a token\n"


class AdminRoot(Resource):
    """
    The tree of the admin listener. C{/healthz} and C{/readyz} need no token: they tell nothing but
    yes or no.
    """

    def __init__(
        self,
        registry: Registry,
        ready: Callable[[], bool],
        token: str = "",
        explainers: Sequence[Explainer] = (),
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._token = token.encode("utf-8")
        self.putChild(b"healthz", JSONResource(lambda: (200, {"status": "ok"})))
        self.putChild(b"readyz", JSONResource(lambda: _readiness(ready())))
        self._api = Resource()
        self._api.putChild(b"pools", PoolsResource(registry))
        self._api.putChild(b"explain", ExplainResource(explainers))

    def getChild(self, path: bytes, request: Request) -> Resource:
        if path == b"api":
            if not self._token and not _isOwnName(request.getRequestHostname()):
                return _WrongName()
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


def _isOwnName(host: bytes) -> bool:
    """
    Whether a browser that asks for this host means us. A page can have its own name lead to
    loopback (DNS rebinding), but never an address or C{localhost}.
    """
    name = host.decode("latin-1").strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _readiness(ready: bool) -> tuple[int, dict[str, str]]:
    return (200, {"status": "ready"}) if ready else (503, {"status": "not ready"})


def adminSite(
    registry: Registry,
    ready: Callable[[], bool],
    token: str = "",
    explainers: Sequence[Explainer] = (),
) -> Site:
    """
    The factory of the admin listener.

    @param explainers: of the http listeners; may grow.
    """
    site = _QuietSite(AdminRoot(registry, ready, token, explainers))
    site.noisy = False
    return site
