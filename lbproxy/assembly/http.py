"""
Which http listeners were asked for?
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import re2

from lbproxy.assembly.networks import admission, networkSet
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.reaching import httpDialer
from lbproxy.config import edit, listener, match, route
from lbproxy.config.limits import RateLimit as RateLimitConfig
from lbproxy.config.pool import Pool as PoolConfig
from lbproxy.control.accesslog import CombinedLog, JSONLog
from lbproxy.control.logfile import LogFile
from lbproxy.l7.answers import RedirectPlan, RespondPlan
from lbproxy.l7.composite import GuardedPlan, SplitPlan
from lbproxy.l7.compression import Compression
from lbproxy.l7.exchange import Exchange
from lbproxy.l7.factory import HTTPFactory, HTTPSettings, ServerTimeouts
from lbproxy.l7.guards import BasicAuthGuard, Guard, RateGuard
from lbproxy.l7.headers import HeaderEdits
from lbproxy.l7.hedging import HedgeDelay, Hedging
from lbproxy.l7.htpasswd import PasswordFile
from lbproxy.l7.matching import Match, ValueTest
from lbproxy.l7.plan import Plan, ProxyChanges, ProxyPlan
from lbproxy.l7.replies import ErrorPages, Reply
from lbproxy.l7.routing import Route, RouteTable
from lbproxy.l7.serving import Serving
from lbproxy.l7.targets import Rewriting
from lbproxy.l7.templates import Template
from lbproxy.l7.upstream import Upstream, UpstreamSettings
from lbproxy.net.ratelimit import RateLimit
from lbproxy.pool.keys import compileKey
from lbproxy.wire.http1 import HeadLimits


class HTTPAssembly:
    """
    Makes http listeners' factories; pools that several of them use share their connections.

    @ivar upstreams: pool name to its connections.
    """

    def __init__(self, parts: Parts, logFile: Callable[[str], LogFile]) -> None:
        self.upstreams: dict[str, Upstream] = {}
        self._parts = parts
        self._logFile = logFile

    def factory(
        self,
        name: str,
        asked: listener.HTTPListener,
        explain: Callable[[Exchange], str] | None = None,
    ) -> HTTPFactory:
        """
        The factory of one listener.

        @param explain: answers requests that ask for it; L{None}: they may not.
        """
        settings = HTTPSettings(
            name=name,
            secure=asked.tls is not None,
            limits=HeadLimits(
                asked.limits.requestLine, asked.limits.headers, asked.limits.headerCount
            ),
            bodyLimit=asked.limits.body,
            timeouts=ServerTimeouts(
                asked.timeouts.requestHead,
                asked.timeouts.keepAlive,
                asked.timeouts.body,
                asked.timeouts.idle,
            ),
            isTrusted=networkSet(asked.trustedProxies),
            admits=admission(asked.allow, asked.deny),
            maxConnections=asked.maxConnections,
            maxConnectionsPerIP=asked.maxConnectionsPerIP,
            errorPages=ErrorPages(_pages(asked.errorPages)),
            record=self._record(asked.accessLog),
            explain=explain,
        )
        common = self._rateGuards(asked.rateLimit)
        routes = [Route(routeMatch(each.match), self._plan(each, common)) for each in asked.routes]
        parts = self._parts
        return HTTPFactory(RouteTable(routes), settings, parts.deadlines, parts.reactor.seconds)

    def _record(self, asked: listener.AccessLog) -> Callable[[Serving], object] | None:
        if asked.format == "off":
            return None
        sink = self._logFile(asked.file)
        return (JSONLog(sink) if asked.format == "json" else CombinedLog(sink)).record

    def _plan(self, asked: route.HTTPRoute, common: list[Guard]) -> Plan:
        """
        @param common: the listener's own guards, shared by its routes.
        """
        plan = self._action(asked)
        guards = common + self._guards(asked)
        return GuardedPlan(guards, plan) if guards else plan

    def _rateGuards(self, asked: RateLimitConfig | None) -> list[Guard]:
        if asked is None:
            return []
        bucket = RateLimit(asked.requests, asked.per, asked.burst, self._parts.reactor.seconds)
        return [RateGuard(bucket, compileKey(str(asked.key)))]

    def _guards(self, asked: route.HTTPRoute) -> list[Guard]:
        guards = self._rateGuards(asked.rateLimit)
        if asked.auth is not None and asked.auth.basic is not None:
            basic = asked.auth.basic
            guards.append(
                BasicAuthGuard(PasswordFile(basic.file, self._parts.reactor), basic.realm)
            )
        return guards

    def _action(self, asked: route.HTTPRoute) -> Plan:
        if asked.redirect is not None:
            return RedirectPlan(asked.redirect.to, asked.redirect.status)
        if asked.respond is not None:
            return _respond(asked.respond)
        changes = _changes(asked)
        plans = [(self._proxy(share.pool, changes), share.weight) for share in asked.targets]
        return plans[0][0] if len(plans) == 1 else SplitPlan(plans, self._parts.rng.random)

    def _proxy(self, name: str, changes: ProxyChanges) -> ProxyPlan:
        upstream = self._upstream(name)
        cookies = getattr(upstream.pool.affinity, "edits", None)
        return ProxyPlan(upstream, replace(changes, cookies=cookies))

    def _upstream(self, name: str) -> Upstream:
        upstream = self.upstreams.get(name)
        if upstream is None:
            parts = self._parts
            asked = parts.configuration.pools[name]
            upstream = self.upstreams[name] = Upstream(
                parts.registry.pool(name),
                httpDialer(parts, asked),
                parts.deadlines,
                parts.reactor.seconds,
                _upstreamSettings(asked),
                _hedging(parts, asked),
            )
        return upstream


def _hedging(parts: Parts, asked: PoolConfig) -> Hedging | None:
    hedge = asked.hedge
    if hedge is None:
        return None
    if isinstance(hedge.after, str):
        delay = HedgeDelay(percentile=int(hedge.after.removeprefix("p")))
    else:
        delay = HedgeDelay(hedge.after)
    return Hedging(parts.reactor, delay, hedge.max)


def _upstreamSettings(asked: PoolConfig) -> UpstreamSettings:
    return UpstreamSettings(
        headTimeout=asked.timeouts.responseHead,
        idleTimeout=asked.timeouts.idle,
        # A connection that was announced for one client serves nobody else.
        idlePerBackend=asked.keepAlive.idlePerBackend if asked.sendProxyProtocol == "off" else 0,
        keepAliveTimeout=asked.keepAlive.idleTimeout,
        maxRequests=asked.keepAlive.maxRequests,
        attempts=asked.retries.attempts,
        perTryTimeout=asked.retries.perTryTimeout,
        bodyLimit=asked.retries.bodyLimit,
        retryOn=frozenset(asked.retries.on),
    )


def routeMatch(asked: match.HTTPMatch) -> Match:
    """
    A route's conditions, compiled.
    """
    return Match(
        hosts=[host.strip("[]") for host in asked.host],
        paths=[path.encode("utf-8") for path in asked.path],
        pathPrefixes=[path.encode("utf-8") for path in asked.pathPrefix],
        pathRegexes=[pattern(f"^(?:{text})") for text in asked.pathRegex],
        methods=frozenset(method.encode("ascii") for method in asked.method),
        headers=_tests(asked.header),
        cookies=_tests(asked.cookie),
        queries=_tests(asked.query),
        source=networkSet(asked.source) if asked.source else None,
    )


def _tests(asked: Mapping[str, match.ValueMatch]) -> dict[bytes, ValueTest]:
    return {name.encode("utf-8"): _valueTest(value) for name, value in asked.items()}


def _valueTest(asked: match.ValueMatch) -> ValueTest:
    return ValueTest(
        equals=frozenset(text.encode("utf-8") for text in asked.exact),
        regex=pattern(f"^(?:{asked.regex})$") if asked.regex else None,
        absent=asked.present is False,
    )


def pattern(text: str) -> Any:
    """
    A compiled expression whose matching takes time linear in its input, whatever either is.
    """
    options = re2.Options()
    options.log_errors = False
    return re2.compile(text.encode("utf-8"), options)


def _changes(asked: route.HTTPRoute) -> ProxyChanges:
    rewrite = asked.rewrite
    return ProxyChanges(
        requestEdits=_edits(asked.requestHeaders),
        responseEdits=_edits(asked.responseHeaders),
        rewriting=_rewriting(rewrite) if rewrite is not None else None,
        host=Template(rewrite.host) if rewrite is not None and rewrite.host else None,
        compression=Compression() if asked.compress else None,
        timeout=asked.timeout,
    )


def _rewriting(asked: edit.Rewrite) -> Rewriting | None:
    if not (asked.stripPrefix or asked.addPrefix or asked.regex):
        return None
    regex = None
    if asked.regex is not None:
        regex = (pattern(asked.regex[0]), asked.regex[1].encode("utf-8"))
    return Rewriting(asked.stripPrefix.encode(), asked.addPrefix.encode(), regex)


def _edits(asked: edit.HeaderEdits) -> HeaderEdits:
    return HeaderEdits(asked.set, asked.add, asked.remove)


def _respond(asked: edit.Respond) -> RespondPlan:
    varying = {name: text for name, text in asked.headers.items() if Template(text).fixed is None}
    fixed = tuple(
        (name.encode("ascii"), text.encode("utf-8"))
        for name, text in asked.headers.items()
        if name not in varying
    )
    body = asked.body.encode("utf-8")
    if any(name.lower() == "content-type" for name in varying):
        return RespondPlan(Reply(asked.status, body, fixed, b""), HeaderEdits(varying))
    return RespondPlan(Reply(asked.status, body, fixed), HeaderEdits(varying))


def _pages(asked: Mapping[int, str]) -> dict[int, bytes]:
    pages = {}
    for status, path in asked.items():
        with open(path, "rb") as file:
            pages[status] = file.read()
    return pages
