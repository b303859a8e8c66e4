"""
Tests for L{lbproxy.net.listening}.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

from lbproxy.config.address import Address
from lbproxy.errors import CannotStart
from lbproxy.net.listening import adoptStream, bindStream, listenStream
from lbproxy.net.reactor import LeanReactor
from lbproxy.net.stream import StreamServer
from tests.net.reactorcase import OneByOne, ReactorCase, Recorder, connected, descriptors


class FakeTLS:
    """
    Makes transports of its own.
    """

    def __init__(self) -> None:
        self.made: list[StreamServer] = []

    def serverTransport(self, *arguments: Any) -> StreamServer:
        self.made.append(StreamServer(*arguments))
        return self.made[-1]


class ListeningTests(ReactorCase):
    """
    Tests for L{listenStream}, L{bindStream} and L{adoptStream}.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def listen(self, where: str, *protocols: Recorder, **options: Any) -> Any:
        factory = OneByOne(*protocols)
        port = listenStream(self.reactor, Address.parse(where), factory, **options)
        self.addCleanup(port.stopListening)
        return port

    def refusal(self, where: str, **options: Any) -> str:
        error = self.assertRaises(CannotStart, self.listen, where, **options)
        return str(error)

    def serves(self, port: Any, protocol: Recorder, family: int = socket.AF_INET) -> None:
        client = connected(port, family)
        self.addCleanup(client.close)
        client.send(b"hello")
        self.until(lambda: protocol.data == b"hello")

    def test_addresses(self) -> None:
        """
        IPv4, IPv6, a name, and a UNIX path can be listened on.
        """
        path = self.mktemp()
        for where, family in (
            ("127.0.0.1:0", socket.AF_INET),
            ("[::1]:0", socket.AF_INET6),
            (f"unix:{path}", socket.AF_UNIX),
        ):
            protocol = Recorder()
            self.serves(self.listen(where, protocol), protocol, family)
        protocol = Recorder()
        port = self.listen("localhost:0", protocol)
        self.serves(port, protocol, port.socket.family)

    def test_dualStack(self) -> None:
        """
        C{[::]} serves IPv4 clients too.
        """
        protocol = Recorder()
        port = self.listen("[::]:0", protocol)
        client = socket.create_connection(("127.0.0.1", port.getHost().port))
        self.addCleanup(client.close)
        self.until(lambda: protocol.events)
        self.assertEqual("127.0.0.1", protocol.wire.getPeer().host)

    def test_inUse(self) -> None:
        """
        A port that is taken is refused with a sentence that names it.
        """
        port = self.listen("127.0.0.1:0").getHost().port
        self.assertEqual(
            f"cannot listen on 127.0.0.1:{port}: somebody listens there already",
            self.refusal(f"127.0.0.1:{port}"),
        )

    def test_notOurs(self) -> None:
        """
        An address of another machine is refused in plain words.
        """
        self.assertEqual(
            "cannot listen on 192.0.2.77:80: this machine has no such address",
            self.refusal("192.0.2.77:80"),
        )

    def test_noSuchName(self) -> None:
        """
        A name that means nothing is refused, and the sentence says which.
        """
        self.assertIn("cannot listen on nowhere.invalid:80: ", self.refusal("nowhere.invalid:80"))

    def test_refusalLeavesNothingOpen(self) -> None:
        """
        What cannot be bound leaves no descriptor behind.
        """
        before = descriptors()
        self.refusal("192.0.2.77:80")
        self.assertNothingOpened(before)

    def test_reusePort(self) -> None:
        """
        With C{reusePort} several sockets share an address; without it they do not.
        """
        port = self.listen("127.0.0.1:0", reusePort=True).getHost().port
        self.listen(f"127.0.0.1:{port}", reusePort=True)
        self.refusal(f"127.0.0.1:{port}")

    def test_restart(self) -> None:
        """
        An address whose old connections linger can be bound again at once.
        """
        protocol = Recorder()
        port = self.listen("127.0.0.1:0", protocol)
        client = connected(port)
        self.addCleanup(client.close)
        self.until(lambda: protocol.events)
        protocol.wire.loseConnection()
        self.until(lambda: protocol.lost)
        port.stopListening()
        self.listen(f"127.0.0.1:{client.getpeername()[1]}")

    def test_options(self) -> None:
        """
        Options are set on the socket and inherited by what it accepts.
        """
        protocol = Recorder()
        options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        self.serves(self.listen("127.0.0.1:0", protocol, options=options), protocol)
        self.assertTrue(protocol.wire.getTcpKeepAlive())
        self.assertTrue(protocol.wire.getTcpNoDelay())

    def test_tls(self) -> None:
        """
        With C{tls} the transports are its own.
        """
        tls, protocol = FakeTLS(), Recorder()
        self.serves(self.listen("127.0.0.1:0", protocol, tls=tls), protocol)
        self.assertEqual([protocol.wire], tls.made)

    def test_unixFile(self) -> None:
        """
        The file of a UNIX socket has the permissions that were asked for, and goes with the port.
        """
        path = self.mktemp()
        port = self.listen(f"unix:{path}", mode=0o620)
        self.assertEqual(0o620, os.stat(path).st_mode & 0o777)
        port.stopListening()
        self.assertFalse(os.path.exists(path))

    def test_unixFileOfASuccessor(self) -> None:
        """
        A port does not remove the file of the one that took its place.
        """
        path = self.mktemp()
        old = self.listen(f"unix:{path}")
        os.unlink(path)
        protocol = Recorder()
        new = self.listen(f"unix:{path}", protocol)
        old.stopListening()
        self.serves(new, protocol, socket.AF_UNIX)

    def test_unixInUse(self) -> None:
        """
        A path that somebody listens on is refused, with the reason.
        """
        path = self.mktemp()
        self.listen(f"unix:{path}")
        self.assertIn("somebody listens there already", self.refusal(f"unix:{path}"))

    def test_bindFirstAcceptLater(self) -> None:
        """
        A socket may be bound first and served later; who came meanwhile has waited.
        """
        skt = bindStream(Address("127.0.0.1", 0))
        client = socket.create_connection(skt.getsockname())
        self.addCleanup(client.close)
        client.send(b"early")
        protocol = Recorder()
        port = adoptStream(self.reactor, skt, OneByOne(protocol))
        self.addCleanup(port.stopListening)
        self.until(lambda: protocol.data == b"early")
        self.assertTrue(protocol.wire.getTcpNoDelay())

    def test_adoptedUnixFileStays(self) -> None:
        """
        The file of a socket that was given to us is its giver's.
        """
        path = self.mktemp()
        port = adoptStream(self.reactor, bindStream(Address(path=path)), OneByOne())
        port.stopListening()
        self.assertTrue(os.path.exists(path))
