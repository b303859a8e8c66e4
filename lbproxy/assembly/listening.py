"""
What stands around a listener's protocol: TLS, and how it lets go of its work?
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.server import Site

from lbproxy.assembly.parts import Parts
from lbproxy.config.listener import HTTPListener, TCPListener
from lbproxy.l4.tcprelay import TCPRelay
from lbproxy.net.tls.clientauth import ClientAuth
from lbproxy.net.tls.server import ServerTLS

_log = Logger()


def serverTLS(parts: Parts, asked: HTTPListener | TCPListener) -> ServerTLS | None:
    """
    The TLS of a listener; L{None}: none.

    @raise ValueError: certificates that are of no use; the configuration's checks see it before.
    """
    tls = asked.tls
    if tls is None:
        return None
    auth = tls.clientAuth
    server = ServerTLS(
        [(pair.cert, pair.key) for pair in tls.certificates],
        profile=tls.profile,
        minVersion=tls.minVersion,
        alpn=[name.encode("ascii") for name in tls.alpn],
        clientAuth=None if auth is None else ClientAuth(auth.ca, auth.mode, auth.crl),
        sessionTickets=tls.sessionTickets,
        handshakeTimeout=asked.timeouts.tlsHandshake,
        deadlines=parts.deadlines,
    )
    for warning in server.warnings():
        # Not as "warning": Twisted's older observers take that for one of Python's.
        _log.warn("{problem}", problem=warning)
    return server


class RelayDrain:
    """
    Lets a TCP relay end: what is connected goes on until it ends by itself.
    """

    def __init__(self, relay: TCPRelay) -> None:
        self._relay = relay

    def drain(self) -> Deferred[None]:
        """
        Wait for the last connection.
        """
        return self._relay.whenIdle()

    def abortAll(self) -> None:
        """
        End those that are left, with what was read delivered.
        """
        self._relay.closeAll()


class SiteDrain:
    """
    The admin site has no work worth waiting for.
    """

    def __init__(self, site: Site) -> None:
        self._site = site

    def drain(self) -> Deferred[None]:
        """
        Done at once.
        """
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done

    def abortAll(self) -> None:
        """
        Nothing to abort.
        """


def renewing(tls: ServerTLS) -> Callable[[], None]:
    """
    @return: takes changed certificate files into use; what is wrong with them is logged, and the
        old ones stay.
    """

    def renew() -> None:
        try:
            if tls.reload():
                _log.info("certificates reloaded")
        except ValueError as problem:
            _log.error("certificates not reloaded: {problem}", problem=problem)

    return renew
