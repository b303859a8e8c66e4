"""
What does this version not do yet? Keys that have a model and a meaning but no code behind them.

A line is the dotted path of a key: C{*} is any name, a position in a list is left out, and
C{<tcp>} is any listener of that protocol. With C{= word} only that value is refused (C{*} in it
is any text). A key that is given its default does no harm and is accepted.

B{To switch a feature on, delete its line.} Defaults that depend on a line (C{alpn}, C{http2},
C{ocspStapling}) follow by themselves.
"""

from __future__ import annotations

UNSUPPORTED: tuple[str, ...] = (
    # HTTP/2 and HTTP/3
    "listeners.*.http2",
    "listeners.*.http3",
    "listeners.*.tls.alpn = h2",
    "listeners.*.tls.alpn = h3",
    "pools.*.protocol = h2",
    "pools.*.protocol = h2c",
    # TLS
    "listeners.*.tls.acme",
    "listeners.*.tls.ocspStapling",
    "listeners.*.tls.clientAuth",
    "listeners.*.tls.clientAuth.crl",
    "listeners.*.tls.sessionTickets",
    # routes on more than host, path, pathPrefix, method and header
    "listeners.*.routes.match.pathRegex",
    "listeners.*.routes.match.query",
    "listeners.*.routes.match.cookie",
    "listeners.*.routes.match.source",
    "listeners.*.routes.match.serverName",
    "listeners.*.routes.match.alpn",
    "listeners.*.routes.passthrough",
    # what a route does on the way
    "listeners.*.routes.split",
    "listeners.*.routes.mirror",
    "listeners.*.routes.rewrite",
    "listeners.*.routes.requestHeaders",
    "listeners.*.routes.responseHeaders",
    "listeners.*.routes.timeout",
    "listeners.*.routes.auth",
    "listeners.*.routes.auth.basic",
    "listeners.*.routes.auth.forward",
    "listeners.*.routes.auth.jwt",
    "listeners.*.routes.rateLimit",
    "listeners.*.routes.rateLimit.shared",
    "listeners.*.routes.compress",
    "listeners.*.errorPages",
    "listeners.*.explain",
    # who may come in, and how much
    "listeners.*.allow",
    "listeners.*.deny",
    "listeners.*.maxConnections",
    "listeners.*.maxConnectionsPerIP",
    "listeners.*.rateLimit",
    "listeners.*.rateLimit.shared",
    "listeners.*.proxyProtocol",
    "pools.*.sendProxyProtocol = v1",
    "pools.*.sendProxyProtocol = v2",
    # L4
    "listeners.<tcp>.accessLog",
    "listeners.<udp>.accessLog",
    "listeners.*.maxAge",
    "listeners.*.bandwidth",
    "listeners.*.totalBandwidth",
    "listeners.*.transparent",
    "listeners.*.udp.responses",
    "listeners.*.udp.perDatagram",
    "listeners.*.bind = unix:*",
    "listeners.*.bind = systemd:*",
    "listeners.*.socket",
    # balancers
    "pools.*.balance = leastTime",
    "pools.*.balance = first",
    "pools.*.balance = ringHash",
    "pools.*.balance = maglev",
    "pools.*.balance.name = leastTime",
    "pools.*.balance.name = first",
    "pools.*.balance.name = ringHash",
    "pools.*.balance.name = maglev",
    "pools.*.balance.key",
    "pools.*.balance.choices",
    "pools.*.balance.tableSize",
    "pools.*.balance.loadFactor",
    "pools.*.backends.priority",
    "pools.*.backends.zone",
    "pools.*.backends.maxConnections",
    "pools.*.zone",
    "pools.*.slowStart",
    # affinity
    "pools.*.affinity.cookie.mode = rewrite",
    "pools.*.affinity.cookie.mode = prefix",
    "pools.*.affinity.cookie.mode = passive",
    "pools.*.affinity.cookie.indirect",
    "pools.*.affinity.cookie.nocache",
    "pools.*.affinity.cookie.preserve",
    "pools.*.affinity.cookie.maxIdle",
    "pools.*.affinity.cookie.maxLife",
    "pools.*.affinity.header",
    # health checks
    "pools.*.healthCheck.http.headers",
    "pools.*.healthCheck.http.expectBodyRegex",
    "pools.*.healthCheck.tcp.expectRegex",
    "pools.*.healthCheck.udp.expectRegex",
    "pools.*.healthCheck.udp.dns",
    "pools.*.healthCheck.tls",
    "pools.*.healthCheck.grpc",
    "pools.*.healthCheck.redis",
    "pools.*.healthCheck.postgres",
    "pools.*.healthCheck.mysql",
    "pools.*.healthCheck.smtp",
    "pools.*.healthCheck.python",
    "pools.*.healthCheck.agent",
    "pools.*.healthCheck.host",
    "pools.*.healthCheck.fastInterval",
    "pools.*.healthCheck.downInterval",
    # resilience
    "pools.*.outlierDetection",
    "pools.*.retries.on",
    "pools.*.retries.budget",
    "pools.*.retries.perTryTimeout",
    "pools.*.retries.bodyLimit",
    "pools.*.hedge",
    "pools.*.circuitBreaker",
    "pools.*.panic",
    "pools.*.queue",
    "pools.*.wake",
    "pools.*.discover",
    "pools.*.discover.dns",
    "pools.*.discover.file",
    "pools.*.discover.etcd",
    "pools.*.discover.consul",
    "pools.*.discover.kubernetes",
    # the process
    "admin.token",
    "workers",
    "state",
    "cluster",
    "plugins",
)


def isSupported(line: str) -> bool:
    """
    @param line: a line of L{UNSUPPORTED}, word for word.
    """
    return line not in UNSUPPORTED
