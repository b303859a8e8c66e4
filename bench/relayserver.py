"""
The relay that L{bench.relay} measures: C{python -m bench.relayserver PORT BACKENDPORT}.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from twisted.internet.task import LoopingCall

from lbproxy.config.address import Address
from lbproxy.l4.backenddialer import BackendDialer
from lbproxy.l4.relayrecord import RelayRecord
from lbproxy.l4.tcprelay import RelaySettings, TCPRelay
from lbproxy.l4.tcproutes import TCPRoute
from lbproxy.net.connector import Connector
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.listening import listenStream
from lbproxy.net.reactor import install
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.pool import Pool


class Log:
    """
    A line per connection, written ten times a second.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._file = os.open(os.devnull, os.O_WRONLY)

    def add(self, record: RelayRecord) -> None:
        """
        Format at once, write later.
        """
        self._lines.append(
            f"{record.client} {record.listener} {record.pool}/{record.backend}"
            f" {record.bytesUp} {record.bytesDown} {record.duration:.3f} {record.code}\n"
        )

    def flush(self) -> None:
        """
        Write what there is.
        """
        if self._lines:
            os.write(self._file, "".join(self._lines).encode())
            self._lines.clear()


def main(port: int, backend: int) -> None:
    """
    Relay until killed.
    """
    install()
    from twisted.internet import reactor as installed

    reactor: Any = installed
    deadlines = Deadlines(reactor)
    deadlines.start()
    log = Log()
    LoopingCall(log.flush).start(0.1)
    pool = Pool("pool", [BackendSpec("b1", Address("127.0.0.1", backend))])

    dialer = BackendDialer(reactor, deadlines, 5.0)
    relay = TCPRelay(
        "relay",
        [TCPRoute("pool", Connector(pool, dialer, now=dialer.now))],
        deadlines,
        RelaySettings(idleTimeout=3600.0),
        log=log.add,
        kernelPipes=None if os.environ.get("NO_SPLICE") else KernelPipes(),
    )
    relay.addPort(listenStream(reactor, Address("127.0.0.1", port), relay))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
