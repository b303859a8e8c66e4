"""
Tests for L{lbproxy.net.port}.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from errno import ECONNABORTED, EMFILE
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IListeningPort, IPushProducer
from twisted.internet.selectreactor import SelectReactor
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.net.listening import bindStream
from lbproxy.net.port import StreamPort
from lbproxy.net.reactor import LeanReactor
from lbproxy.net.stream import StreamServer
from tests.net.reactorcase import OneByOne, ReactorCase, Recorder, connected


class Scarce:
    """
    A listening socket whose C{accept} fails first.
    """

    def __init__(self, skt: socket.socket, *errors: int) -> None:
        self._skt = skt
        self._errors = list(errors)

    def _accept(self) -> Any:
        if self._errors:
            raise OSError(self._errors[0], os.strerror(self._errors.pop(0)))
        return self._skt._accept()  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._skt, name)


class StreamPortTests(ReactorCase):
    """
    Tests for L{StreamPort}.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def listen(self, *protocols: Recorder | None, factory: Any = None) -> Any:
        skt = bindStream(Address("127.0.0.1", 0))
        port = StreamPort(self.reactor, skt, factory or OneByOne(*protocols), StreamServer)
        port.startListening()
        self.addCleanup(port.stopListening)
        return port

    def clients(self, port: Any, count: int) -> list[socket.socket]:
        found = [connected(port) for _ in range(count)]
        for skt in found:
            self.addCleanup(skt.close)
        return found

    def test_interfaces(self) -> None:
        """
        It is a port like Twisted's, and can be paused like a producer.
        """
        port = self.listen()
        verifyObject(IListeningPort, port)
        verifyObject(IPushProducer, port)
        self.assertEqual(port.socket.getsockname()[1], port.getHost().port)
        self.assertIn(str(port.getHost().port), repr(port))
        self.assertEqual("OneByOne", port.logPrefix())

    def test_acceptsMany(self) -> None:
        """
        Many connections that come at once are all accepted, each with its peer's address.
        """
        protocols = [Recorder() for _ in range(300)]
        port = self.listen(*protocols)
        clients = self.clients(port, 300)
        self.until(lambda: all(protocol.events for protocol in protocols))
        peers = [IPv4Address("TCP", *skt.getsockname()) for skt in clients]
        self.assertEqual(peers, port.factory.peers)
        self.assertEqual(peers[7], protocols[7].wire.getPeer())
        self.assertIs(port, protocols[7].wire.server)

    def test_fewWakesForMany(self) -> None:
        """
        The more wait, the more are accepted per wake.
        """
        port = self.listen(*[Recorder() for _ in range(200)])
        self.clients(port, 200)
        wakes = 0
        while len(port.factory.peers) < 200:
            port.doRead()
            wakes += 1
        self.assertLess(wakes, 15)
        port.doRead()

    def test_pauseLeavesThemInTheBacklog(self) -> None:
        """
        While paused nobody is accepted and nobody is refused; resumed, all are served.
        """
        protocols = [Recorder() for _ in range(3)]
        port = self.listen(*protocols)
        port.pauseProducing()
        clients = self.clients(port, 3)
        clients[0].send(b"patience")
        self.turns()
        self.assertEqual([], port.factory.peers)
        port.resumeProducing()
        self.until(lambda: len(port.factory.peers) == 3 and protocols[0].data)

    def test_pausedByTheFactory(self) -> None:
        """
        A factory that has enough may pause at once: the next one is not accepted.
        """
        protocols = [Recorder() for _ in range(5)]
        port = self.listen(*protocols)
        port._batch = 5
        protocols[1].onMade = port.pauseProducing
        self.clients(port, 5)
        self.until(lambda: len(port.factory.peers) == 2)
        self.turns()
        self.assertEqual(2, len(port.factory.peers))

    def test_outOfDescriptors(self) -> None:
        """
        Without descriptors the port rests, says so, and serves those who waited afterwards.
        """
        protocol = Recorder()
        port = self.listen(protocol)
        port.socket = Scarce(port.socket, EMFILE, EMFILE)
        client = self.clients(port, 1)[0]
        self.until(lambda: port not in self.reactor.getReaders())
        self.assertEqual([], port.factory.peers)
        self.until(lambda: protocol.events)
        client.send(b"made it")
        self.until(lambda: protocol.data)

    def test_restDoesNotUndoAPause(self) -> None:
        """
        A port that was paused while it rested stays paused; one that was closed stays closed.
        """
        port = self.listen(Recorder())
        port.socket = Scarce(port.socket, EMFILE)
        port.doRead()
        port.pauseProducing()
        [call] = self.reactor.getDelayedCalls()
        call.reset(0)
        self.turns()
        self.assertNotIn(port, self.reactor.getReaders())
        port.socket = Scarce(port.socket, EMFILE)
        port.doRead()
        port.resumeProducing()
        self.assertNotIn(port, self.reactor.getReaders())
        port.stopListening()
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_connectionGoneBeforeAccepted(self) -> None:
        """
        A client that left while it waited costs the others nothing.
        """
        protocol = Recorder()
        port = self.listen(protocol)
        port.socket = Scarce(port.socket, ECONNABORTED)
        self.clients(port, 1)
        self.until(lambda: protocol.events)

    def test_factoryRefuses(self) -> None:
        """
        A factory that gives no protocol has the connection closed.
        """
        port = self.listen(None, Recorder())
        first, _ = self.clients(port, 2)
        self.assertTrue(self.ended(first))
        self.until(lambda: len(port.factory.peers) == 2)

    def test_factoryFails(self) -> None:
        """
        A factory that fails for one connection has it closed, and serves the next.
        """
        protocol = Recorder()
        port = self.listen(protocol)
        build = port.factory.buildProtocol
        port.factory.buildProtocol = lambda peer: 1 / 0
        first = self.clients(port, 1)[0]
        self.assertTrue(self.ended(first))
        port.factory.buildProtocol = build
        self.clients(port, 1)
        self.until(lambda: protocol.events)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_connectionMadeFails(self) -> None:
        """
        A protocol that fails to begin loses its connection; the next one is served.
        """
        bad, good = Recorder(), Recorder()
        bad.onMade = lambda: 1 / 0
        port = self.listen(bad, good)
        first, _ = self.clients(port, 2)
        self.until(lambda: bad.lost and good.events)
        self.assertRaises(ConnectionResetError, self.received, first, 1)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))

    def test_stopListening(self) -> None:
        """
        A stopped port accepts nobody, those who waited included; what it accepted lives on.
        """
        protocol = Recorder()
        port = self.listen(protocol)
        client = self.clients(port, 1)[0]
        self.until(lambda: protocol.events)
        address = port.socket.getsockname()
        self.assertIsNone(self.successResultOf(port.stopListening()))
        self.assertIsNone(self.successResultOf(port.stopListening()))
        self.assertRaises(ConnectionRefusedError, socket.create_connection, address)
        self.assertEqual(["start", "stop"], port.factory.events)
        self.assertIn("closed", repr(port))
        port.resumeProducing()
        client.send(b"still here")
        self.until(lambda: protocol.data)

    def test_stoppedByAConnection(self) -> None:
        """
        A connection may be the one that has the port stopped, among many.
        """
        protocols = [Recorder() for _ in range(5)]
        port = self.listen(*protocols)
        port._batch = 5
        protocols[1].onMade = port.stopListening
        self.clients(port, 5)
        self.until(lambda: len(port.factory.peers) == 2)
        self.turns()
        self.assertEqual(2, len(port.factory.peers))

    def test_closedWithTheReactor(self) -> None:
        """
        When the reactor shuts down the port is closed and its factory told.
        """
        port = self.listen()
        closed: list[bool] = []
        port.whenClosed = lambda: closed.append(True)
        self.reactor.disconnectAll()
        self.assertEqual(["start", "stop"], port.factory.events)
        self.assertEqual([True], closed)


class StreamPortOnEpollTests(StreamPortTests):
    """
    The same on Twisted's reactor on epoll.
    """

    reactorClass = EPollReactor


class StreamPortOnSelectTests(StreamPortTests):
    """
    The same on Twisted's reactor on select.
    """

    reactorClass = SelectReactor
