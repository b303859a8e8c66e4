"""
How does a relay's connection to a backend begin? As the client's address, announced by a PROXY
header, with TLS; whatever its pool asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lbproxy.l4.tcpcontext import TCPContext
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialing import dial
from lbproxy.net.dialnow import dialNow, nearDestination
from lbproxy.net.listening import SocketOption
from lbproxy.net.proxyprotocol import Announced, describe, encode
from lbproxy.net.proxyprotocol.sending import Version
from lbproxy.net.resolving import Destination
from lbproxy.net.socketoptions import transparency
from lbproxy.net.tls.client import ClientTLS
from lbproxy.pool.backend import Backend

# So many backends are remembered; discovery may bring new ones for ever.
_BACKENDS = 10_000


class BackendDialer:
    """
    A L{lbproxy.net.connector.Dialer} for the clients of a TCP listener.
    """

    __slots__ = (
        "_deadlines",
        "_named",
        "_near",
        "_options",
        "_reactor",
        "_timeout",
        "_tls",
        "_transparent",
        "_version",
    )

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        timeout: float,
        *,
        tls: ClientTLS | None = None,
        sendProxy: Version | None = None,
        transparent: bool = False,
        options: Sequence[SocketOption] = (),
    ) -> None:
        """
        @param timeout: seconds until the backend has answered, TLS included; 0: no limit.
        @param tls: L{None}: plain.
        @param sendProxy: announce the client in a PROXY header of this version.
        @param transparent: dial from the client's address; see L{checkTransparent}.
        """
        self._reactor = reactor
        self._deadlines = deadlines
        self._timeout = timeout
        self._tls = tls
        self._version = sendProxy
        self._transparent = transparent
        self._options = tuple(options)
        self._named: dict[str, ClientTLS] = {}
        # Where each backend is, if it is on this machine and nothing has to be said to it first.
        self._near: dict[Backend, Destination | None] = {}

    def __call__(self, backend: Backend, protocol: Any, context: TCPContext) -> Any:
        address, options = backend.address, self._options
        tls: Any = self._tls
        if tls is not None and not tls.serverName and address.host and address.family is None:
            tls = self._forName(address.host)
        if self._version is not None:
            tls = Announced(encode(describe(context.client), self._version), tls)
        source = None
        if self._transparent and context.clientIP and not address.path:
            # Another port than the client's, which may be in use here for a connection before.
            source = (context.clientIP, 0)
            options = (*options, transparency(context.clientIP))
        return dial(
            self._reactor,
            address,
            protocol,
            timeout=self._timeout,
            tls=tls,
            bindAddress=source,
            options=options,
            deadlines=self._deadlines,
        )

    def now(self, backend: Backend, protocol: Any) -> Any:
        """
        For L{lbproxy.net.connector.Connector}: L{dialNow}.
        """
        try:
            near = self._near[backend]
        except KeyError:
            near = self._find(backend)
        return None if near is None else dialNow(self._reactor, near, protocol, self._options)

    def _find(self, backend: Backend) -> Destination | None:
        near = None
        if self._tls is None and self._version is None and not self._transparent:
            near = nearDestination(backend.address)
        if len(self._near) >= _BACKENDS:
            self._near.clear()
        self._near[backend] = near
        return near

    def _forName(self, host: str) -> ClientTLS:
        """
        A backend that is dialed by name has to prove that name.
        """
        assert self._tls is not None
        named = self._named.get(host)
        if named is None:
            named = self._named[host] = self._tls.named(host)
        return named
