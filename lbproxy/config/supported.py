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
    # what a route does on the way
    "listeners.*.routes.mirror",
    "listeners.*.routes.auth.forward",
    "listeners.*.routes.auth.jwt",
    "listeners.*.routes.rateLimit.shared",
    "listeners.*.rateLimit.shared",
    # affinity
    # health checks
    # resilience
    "pools.*.discover.etcd",
    "pools.*.discover.consul",
    "pools.*.discover.kubernetes",
    # the process
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
