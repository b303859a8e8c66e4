"""
A TCP relay between real sockets: the peers at both ends are plain sockets or Python's own TLS.

The reactor is turned by hand, and the wheel of deadlines by a clock that the test moves.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
from collections.abc import Callable
from functools import cached_property
from typing import Any

from twisted.internet.task import Clock

from lbproxy.config.address import Address
from lbproxy.l4.backenddialer import BackendDialer
from lbproxy.l4.relayrecord import RelayRecord
from lbproxy.l4.tcprelay import RelaySettings, TCPRelay
from lbproxy.l4.tcproutes import TCPMatch, TCPRoute
from lbproxy.net.connector import Connector
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.listening import listenStream
from lbproxy.net.reactor import LeanReactor
from lbproxy.net.tls.client import ClientTLS
from lbproxy.net.tls.server import ServerTLS
from lbproxy.pool.backend import BackendSpec, Health
from lbproxy.pool.pool import Pool
from tests.certs import Authority
from tests.net.reactorcase import RESET, ReactorCase, descriptors

AUTHORITY = Authority()
NAME = "relay.test"


class Peer:
    """
    One end: a non-blocking socket that reads only when it is told to.

    @ivar received: what it has read.
    @ivar ended: how it ended; C{""}: not yet, C{"end"}: in peace, C{"cut"}: TLS without a
        goodbye, C{"reset"}.
    """

    def __init__(self, case: RelayCase, skt: socket.socket) -> None:
        self._case = case
        self.socket = skt
        self.received = b""
        self.ended = ""
        skt.setblocking(False)
        case.addCleanup(skt.close)
        case.peers.append(self)

    @property
    def secure(self) -> bool:
        return isinstance(self.socket, ssl.SSLSocket)

    def startTLS(self, context: ssl.SSLContext, server: bool) -> None:
        """
        Shake hands; a server's part goes on while the test waits for something else.
        """
        self.socket = context.wrap_socket(
            self.socket,
            server_side=server,
            server_hostname=None if server else NAME,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )
        self._case.addCleanup(self.socket.close)

    def shaken(self) -> bool:
        """
        One more step of the handshake.

        @return: it is over.
        """
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.do_handshake()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
        return True

    def send(self, data: bytes) -> int:
        """
        @return: how many were taken.
        """
        try:
            return self.socket.send(data)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return 0

    def sendAll(self, data: bytes) -> None:
        """
        Turn the reactor until all has been taken.
        """
        view = memoryview(data)

        def more() -> bool:
            nonlocal view
            view = view[self.send(bytes(view[:65536])) :]
            return not view

        self._case.until(more)

    def read(self) -> Peer:
        """
        Take what has come.
        """
        while not self.ended:
            try:
                data = self.socket.recv(262144)
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except ssl.SSLEOFError:
                self.ended = "cut"
            except OSError:
                self.ended = "reset"
            else:
                self.received += data
                self.ended = "" if data else "end"
        return self

    def hears(self, data: bytes) -> None:
        """
        Turn the reactor until exactly this has come.
        """
        self._case.until(lambda: len(self.read().received) >= len(data) or self.ended)
        self._case.assertEqual(self.received, data)
        self.received = b""

    def hearsEnd(self, *how: str) -> None:
        """
        Turn the reactor until the end has come.
        """
        self._case.until(lambda: self.read().ended)
        self._case.assertIn(self.ended, how)

    def sayGoodbye(self) -> None:
        """
        Half-close; with TLS a close_notify.
        """
        if isinstance(self.socket, ssl.SSLSocket):
            try:
                self.socket.unwrap()
            except (OSError, ValueError):
                pass  # the other's goodbye is not there yet
        else:
            self.socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """
        Close, with TLS without a goodbye.
        """
        self.socket.close()

    def reset(self) -> None:
        """
        Break off.
        """
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()


class RelayCase(ReactorCase):
    """
    Relays with one backend, which is a listening socket of the test's.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def setUp(self) -> None:
        super().setUp()
        self.clock = Clock()
        self.deadlines = Deadlines(self.clock)
        self.deadlines.start()
        self.records: list[RelayRecord] = []
        self.peers: list[Peer] = []
        self.kernelPipes = KernelPipes()
        self.addCleanup(self.kernelPipes.close)
        self.backendSocket = socket.create_server(("127.0.0.1", 0))
        self.backendSocket.setblocking(False)
        self.addCleanup(self.backendSocket.close)
        self.pool = Pool("pool", [BackendSpec("b1", self.addressOf(self.backendSocket))])
        self.pool.setHealth(self.pool.backends["b1"], Health.UP)

    @staticmethod
    def addressOf(skt: socket.socket) -> Address:
        host, port = skt.getsockname()
        return Address(host, port)

    @cached_property
    def folder(self) -> str:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        return temporary.name

    @cached_property
    def certificate(self) -> tuple[str, str]:
        return AUTHORITY.issue(NAME).write(self.folder)

    @cached_property
    def authority(self) -> str:
        return AUTHORITY.write(self.folder)

    def serverTLS(self, *alpn: bytes) -> ServerTLS:
        return ServerTLS([self.certificate], deadlines=self.deadlines, alpn=alpn)

    def clientTLS(self) -> ClientTLS:
        return ClientTLS(NAME, ca=self.authority, deadlines=self.deadlines)

    def context(self, server: bool) -> ssl.SSLContext:
        """
        Python's TLS for a peer.
        """
        if server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
        else:
            context = ssl.create_default_context(cafile=self.authority)
        return context

    def route(self, name: str, passthrough: bool = False, **more: Any) -> TCPRoute:
        """
        To the backend.

        @param more: conditions, and what L{BackendDialer} takes.
        """
        names = ("serverNames", "alpn", "source")
        match = TCPMatch(**{key: more.pop(key) for key in names if key in more})
        dialer = BackendDialer(self.reactor, self.deadlines, 5.0, **more)
        return TCPRoute(name, Connector(self.pool, dialer, now=dialer.now), match, passthrough)

    def listen(
        self, *routes: TCPRoute, tls: Any = None, settings: RelaySettings | None = None, **more: Any
    ) -> TCPRelay:
        """
        Start a relay; L{dial} connects to it.

        @param tls: of the port.
        """
        self.relay = TCPRelay(
            "edge",
            routes or [self.route("all")],
            self.deadlines,
            settings or RelaySettings(),
            log=self.records.append,
            kernelPipes=self.kernelPipes,
            **more,
        )
        self.port = listenStream(self.reactor, Address("127.0.0.1", 0), self.relay, tls=tls)
        self.relay.addPort(self.port)
        return self.relay

    def dial(self, tls: bool = False) -> Peer:
        """
        A client, before its handshake if it has one.
        """
        skt = socket.socket()
        skt.connect(self.port.socket.getsockname())
        client = Peer(self, skt)
        if tls:
            client.startTLS(self.context(False), server=False)
        return client

    def accept(self, tls: bool = False) -> Peer:
        """
        The backend's end, before its handshake if it has one.
        """
        accepted: list[socket.socket] = []

        def come() -> bool:
            try:
                accepted.append(self.backendSocket.accept()[0])
            except BlockingIOError:
                return False
            return True

        self.until(come)
        backend = Peer(self, accepted[0])
        if tls:
            backend.startTLS(self.context(True), server=True)
        return backend

    def couple(self, clientTLS: bool = False, backendTLS: bool = False) -> tuple[Peer, Peer]:
        """
        A client and its backend, through the relay.
        """
        client = self.dial(clientTLS)
        self.until(client.shaken)
        backend = self.accept(backendTLS)
        self.until(backend.shaken)
        self.until(lambda: any(each._pipe is not None for each in self.relay.connections))
        return client, backend

    def waitForEnd(self) -> None:
        """
        Turn the reactor until the relay has no connection.
        """
        self.until(lambda: not self.relay.connections)

    def assertNothingLeft(self, before: set[str]) -> None:
        """
        No lease, no deadline, no descriptor; the peers' own are closed here.
        """
        self.waitForEnd()
        self.turns()
        self.assertEqual(self.relay.active, 0)
        self.assertEqual(self.pool.backends["b1"].active, 0)
        self.assertEqual(len(self.deadlines), 0)
        self.kernelPipes.close()
        for peer in self.peers:
            peer.close()
        self.assertEqual(set(), descriptors() - before)
