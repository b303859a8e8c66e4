"""
Tests for L{lbproxy.net.eager}.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.error import UnsupportedAddressFamily
from twisted.internet.protocol import ClientFactory

from tests.net.descriptorcase import LeanReactorCase
from tests.net.reactorcase import OneByOne, Recorder, connected


class AnyProgramTests(LeanReactorCase):
    """
    What C{listenTCP} and its kin give to programs that know nothing of us.
    """

    def test_answerInOnePiece(self) -> None:
        """
        What a protocol writes piece by piece during one turn leaves in one send, in that turn's
        end, and no write event is asked for.
        """
        server = Recorder()
        port = self.reactor.listenTCP(0, OneByOne(server), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        client = connected(port)
        self.addCleanup(client.close)
        self.until(lambda: server.events)
        modified: list[int] = []
        poller = self.reactor._poller

        class Watched:
            def modify(self, *arguments: Any) -> None:
                modified.append(1)

            def __getattr__(self, name: str) -> Any:
                return getattr(poller, name)

        self.reactor._poller = Watched()
        sent: list[bytes] = []
        skt = server.wire.socket

        class Counted:
            def send(self, data: Any) -> int:
                sent.append(bytes(data))
                return int(skt.send(data))

            def __getattr__(self, name: str) -> Any:
                return getattr(skt, name)

        server.wire.socket = Counted()
        server.onData = lambda data: [server.wire.write(b"%d" % n) for n in range(5)]
        client.send(b"?")
        self.until(lambda: sent)
        self.assertEqual(([b"01234"], []), (sent, modified))

    def connects(self, listen: Callable[[Any], Any], connect: Callable[[Any, Any], Any]) -> None:
        server, client = Recorder(), Recorder()
        port = listen(OneByOne(server))
        factory = ClientFactory()
        factory.noisy = False
        factory.buildProtocol = lambda address: client  # type: ignore
        connect(port.getHost(), factory)
        self.until(lambda: server.events and client.events)
        client.wire.write(b"x" * 500000)
        self.until(lambda: len(server.data) == 500000)
        server.wire.loseConnection()
        self.until(lambda: client.lost and server.lost)
        port.stopListening()
        self.turns()

    def test_connectionsTCP(self) -> None:
        """
        TCP connections in both directions work.
        """
        self.connects(
            lambda factory: self.reactor.listenTCP(0, factory, interface="127.0.0.1"),
            lambda host, factory: self.reactor.connectTCP(host.host, host.port, factory),
        )

    def test_connectionsUNIX(self) -> None:
        """
        UNIX connections in both directions work.
        """
        self.connects(
            lambda factory: self.reactor.listenUNIX(self.mktemp(), factory),
            lambda host, factory: self.reactor.connectUNIX(host.name, factory),
        )

    def test_adopted(self) -> None:
        """
        Sockets from elsewhere can be adopted, listening and connected ones.
        """
        listener = socket.create_server(("127.0.0.1", 0))
        listener.setblocking(False)
        self.addCleanup(listener.close)
        server, other = Recorder(), Recorder()
        port = self.reactor.adoptStreamPort(listener.fileno(), socket.AF_INET, OneByOne(server))
        self.addCleanup(port.stopListening)
        client = socket.create_connection(listener.getsockname())
        self.addCleanup(client.close)
        client.setblocking(False)
        self.until(lambda: server.events)
        self.reactor.adoptStreamConnection(client.fileno(), socket.AF_INET, OneByOne(other))
        other.wire.write(b"adopted")
        self.until(lambda: server.data == b"adopted")
        for adopt in self.reactor.adoptStreamPort, self.reactor.adoptStreamConnection:
            self.assertRaises(UnsupportedAddressFamily, adopt, listener.fileno(), 99, OneByOne())
