"""
Twisted's own proxies, for comparison: C{python -m bench.twistedproxies HTTP TCP BACKEND}.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import reactor as installedReactor
from twisted.protocols.portforward import ProxyFactory
from twisted.web.proxy import ReverseProxyResource
from twisted.web.server import Site

reactor: Any = installedReactor


def main() -> None:
    """
    Serve until ended.
    """
    http, tcp, backend = map(int, sys.argv[1:4])
    resource = ReverseProxyResource("127.0.0.1", backend, b"")
    reactor.listenTCP(http, Site(resource), interface="127.0.0.1")
    forward: Any = ProxyFactory("127.0.0.1", backend)
    forward.noisy = False
    reactor.listenTCP(tcp, forward, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
