"""
How does a configuration become a running edge?
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.logger import Logger

from lbproxy.assembly.checks import buildChecks
from lbproxy.assembly.discovery import buildDiscovery
from lbproxy.assembly.explaining import buildExplainer
from lbproxy.assembly.http import HTTPAssembly
from lbproxy.assembly.listening import RelayDrain, SiteDrain, renewing, serverTLS
from lbproxy.assembly.opening import streamOpener
from lbproxy.assembly.parts import Parts
from lbproxy.assembly.pools import buildPools
from lbproxy.assembly.tcp import tcpRelay
from lbproxy.assembly.udp import datagramOpener, udpRelay
from lbproxy.config.address import Address
from lbproxy.config.admin import Admin
from lbproxy.config.configuration import Configuration
from lbproxy.config.listener import AccessLog, HTTPListener, TCPListener, UDPListener
from lbproxy.control.admin import adminSite
from lbproxy.control.logfile import LogFile
from lbproxy.control.relaylog import RelayLog
from lbproxy.l7.explain import Explainer
from lbproxy.net.listening import listenStream
from lbproxy.net.tls.server import ServerTLS
from lbproxy.pool.backend import Backend, Health
from lbproxy.pool.events import BackendLeft, Event, HealthChanged
from lbproxy.services.edge import EdgeService
from lbproxy.services.listener import Listener, Port, Relaying
from lbproxy.services.shedding import LagWatch

# Seconds between two looks at certificate files.
_RENEW = 10.0
# Seconds between two ticks of the pools' own time: slow starts, ejections that end.
_TICK = 0.25


class EdgeBuilder:
    """
    Makes everything that one configuration asks for.
    """

    log = Logger()

    def __init__(self, reactor: Any, configuration: Configuration) -> None:
        self.parts = Parts.make(reactor, configuration)
        self._lag = LagWatch(reactor.seconds, _TICK)
        self._logs: dict[str, LogFile] = {}
        self._explainers: list[Explainer] = []
        self._renewals: list[Callable[[], None]] = []
        self._http = HTTPAssembly(self.parts, self._logFile)

    def build(self) -> EdgeService:
        """
        @raise OSError: a log file cannot be opened.
        """
        parts = self.parts
        configuration = parts.configuration
        buildPools(parts)
        parts.registry.addObserver(self._changed)
        listeners = [self._listener(name, c) for name, c in configuration.listeners.items()]
        edge = EdgeService(parts.reactor, parts.deadlines, listeners, parts.registry)
        edge.logging = configuration.logging
        if configuration.admin is not None:
            edge.admin = self._admin(configuration.admin, lambda: edge.ready)
        for renew in self._renewals:
            edge.every(_RENEW, renew)
        edge.every(_TICK, parts.registry.tick)
        edge.every(_TICK, self._lag.tick)
        for following in buildDiscovery(parts):
            following.setServiceParent(edge)
        for checks in buildChecks(parts):
            checks.setServiceParent(edge)
        edge.atEnd(parts.rota.schedule.stop)
        for upstream in self._http.upstreams.values():
            edge.atEnd(upstream.stop)
        for logFile in self._logs.values():
            edge.atReopen(logFile.reopen)
            edge.atEnd(logFile.close)
        return edge

    def _logFile(self, path: str) -> LogFile:
        """
        One for each path, however many listeners write there.
        """
        if path not in self._logs:
            self._logs[path] = LogFile(path, self.parts.reactor)
        return self._logs[path]

    def _relayLog(self, asked: AccessLog) -> RelayLog | None:
        if asked.format == "off":
            return None
        return RelayLog(self._logFile(asked.file), asked.format == "json")

    def _listener(self, name: str, asked: HTTPListener | TCPListener | UDPListener) -> Listener:
        if isinstance(asked, HTTPListener):
            explainer = buildExplainer(self.parts.registry, name, asked)
            self._explainers.append(explainer)
            explain = explainer.explain if asked.explain else None
            factory = self._http.factory(name, asked, explain)
            if asked.limits.lag:
                self._lag.watch(name, asked.limits.lag, factory)
            return self._stream(name, asked, factory, factory, self._tls(asked))
        if isinstance(asked, TCPListener):
            tls = self._tls(asked)
            # Where some names pass, whose they are is decided behind a plain port.
            passing = any(each.passthrough for each in asked.routes)
            relay = tcpRelay(self.parts, name, asked, self._relayLog, tls if passing else None)
            drain = RelayDrain(relay)
            return self._stream(name, asked, relay, drain, None if passing else tls)
        datagrams = udpRelay(self.parts, name, asked, self._relayLog)
        return Listener(
            name, asked.bind, datagramOpener(self.parts, asked, datagrams), datagrams, datagram=True
        )

    def _admin(self, asked: Admin, ready: Callable[[], bool]) -> Listener:
        site = adminSite(self.parts.registry, ready, asked.token, self._explainers)

        def openPort(address: Address) -> Port:
            return listenStream(self.parts.reactor, address, site)

        return Listener("admin", [asked.bind], openPort, SiteDrain(site))

    def _stream(
        self,
        name: str,
        asked: HTTPListener | TCPListener,
        factory: Any,
        relaying: Relaying,
        tls: ServerTLS | None,
    ) -> Listener:
        return Listener(name, asked.bind, streamOpener(self.parts, asked, factory, tls), relaying)

    def _tls(self, asked: HTTPListener | TCPListener) -> ServerTLS | None:
        tls = serverTLS(self.parts, asked)
        if tls is not None:
            self._renewals.append(renewing(tls))
        return tls

    def _changed(self, event: Event) -> None:
        """
        Tell the log, and let go of connections that lead nowhere.
        """
        if not isinstance(event, HealthChanged):  # of which the checker has said why
            self.log.info("{event}", event=event)
        if isinstance(event, BackendLeft):
            self._forget(event.backend)
        if isinstance(event, HealthChanged) and event.new is Health.DOWN:
            self._forget(event.backend)

    def _forget(self, backend: Backend) -> None:
        upstream = self._http.upstreams.get(backend.pool)
        if upstream is not None:
            upstream.forget(backend)
