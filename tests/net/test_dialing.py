"""
Tests for L{lbproxy.net.dialing} and L{lbproxy.net.dial}.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import (
    ConnectBindError,
    ConnectError,
    ConnectionRefusedError,
    TimeoutError,
)
from twisted.internet.interfaces import IReadDescriptor, IWriteDescriptor
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialing import dial
from lbproxy.net.reactor import LeanReactor
from lbproxy.net.stream import StreamClient
from tests.net.dialingcase import DialingCase
from tests.net.reactorcase import ReactorCase, Recorder, descriptors


class FakeTLS:
    """
    Shakes hands when it is told to.
    """

    def __init__(self) -> None:
        self.done: list[Callable[[Failure | None], object]] = []
        self.aborted = 0

    def clientTransport(self, *arguments: Any) -> FakeTLS:
        self.transport = StreamClient(*arguments)
        return self

    def handshake(self, done: Callable[[Failure | None], object]) -> None:
        self.done.append(done)

    def begin(self) -> None:
        self.transport.begin()

    def abortConnection(self) -> None:
        self.aborted += 1
        self.transport.socket.close()


class DialingTests(DialingCase):
    """
    Tests for L{dial}.
    """

    def test_connects(self) -> None:
        """
        The protocol gets a connection, after C{dial} has returned.
        """
        listener = self.listener()
        new = self.dial(Address(*listener.getsockname()))
        self.assertEqual([], self.protocol.events)
        self.until(lambda: self.protocol.events)
        peer, name = listener.accept()
        self.addCleanup(peer.close)
        self.protocol.wire.write(b"hello")
        self.assertEqual(b"hello", peer.recv(10))
        peer.send(b"hi")
        self.until(lambda: self.protocol.data == b"hi")
        self.assertEqual(IPv4Address("TCP", *name), self.protocol.wire.getHost())
        new.cancel()
        self.turns()
        self.assertEqual(["made"], self.protocol.events)

    def test_unix(self) -> None:
        """
        A UNIX path is dialed like any other address.
        """
        path = self.mktemp()
        listener = self.listener(path)
        self.dial(Address(path=path))
        self.assertEqual([], self.protocol.events)
        self.until(lambda: self.protocol.events)
        listener.accept()[0].close()
        self.assertEqual(UNIXAddress(path), self.protocol.wire.getPeer())

    def test_refused(self) -> None:
        """
        A port that nobody listens on is told as refused, later, and once.
        """
        self.dial(Address("127.0.0.1", self.closedPort()))
        self.assertEqual([], self.protocol.events)
        self.assertIsInstance(self.failure(), ConnectionRefusedError)

    def test_noSuchPath(self) -> None:
        """
        A UNIX path that is not there is told later, as a C{ConnectError}.
        """
        self.dial(Address(path=self.mktemp()))
        self.assertEqual([], self.protocol.events)
        self.assertIsInstance(self.failure(), ConnectError)

    def test_time(self) -> None:
        """
        When time is up that is told, and no descriptor stays open.
        """
        clock = Clock()
        port = self.swallowing()
        before = descriptors()
        self.reactor.seconds, self.reactor.callLater = clock.seconds, clock.callLater
        self.dial(Address("127.0.0.1", port), timeout=3.0)
        clock.advance(0)
        self.turns()
        clock.advance(2.9)
        self.assertEqual([], self.protocol.events)
        clock.advance(0.2)
        self.assertIsInstance(self.failure(), TimeoutError)
        self.assertNothingOpened(before)
        self.assertEqual([], clock.getDelayedCalls())

    def test_timeByTheWheel(self) -> None:
        """
        With a shared wheel there is no timer per dial; the wheel holds nothing afterwards.
        """
        clock = Clock()
        wheel = Deadlines(clock)
        wheel.start()
        self.dial(Address("127.0.0.1", self.swallowing()), timeout=3.0, deadlines=wheel)
        self.turns()
        self.assertEqual([], self.reactor.getDelayedCalls())
        self.assertEqual(1, len(wheel))
        for _ in range(4):
            clock.advance(1)
        self.assertIsInstance(self.failure(), TimeoutError)
        self.assertEqual(0, len(wheel))

    def test_wheelForgetsWhatConnected(self) -> None:
        """
        A connection that came in time is not looked at again.
        """
        wheel = Deadlines(Clock())
        self.dial(Address(*self.listener().getsockname()), deadlines=wheel)
        self.until(lambda: self.protocol.events)
        self.assertEqual(0, len(wheel))

    def test_cancel(self) -> None:
        """
        A cancelled dial says nothing and leaves nothing open, at whatever point it was.
        """
        listener = self.listener()
        reactor = self.reactor
        for address in (
            Address(*listener.getsockname()),
            Address("127.0.0.1", self.closedPort()),
            Address("127.0.0.1", self.swallowing()),
            Address(path=self.mktemp()),
        ):
            for turns in range(2):
                before = descriptors()
                new = self.dial(address)
                if turns and address.port != listener.getsockname()[1]:
                    reactor.iterate(0)
                if not self.protocol.events:
                    new.cancel()
                    new.cancel()
                    self.assertNothingOpened(before)
                self.turns()
                self.protocol.events = []
        self.assertEqual([], reactor.getDelayedCalls())
        self.assertEqual([], reactor.getWriters())

    def test_bindAddress(self) -> None:
        """
        A connection comes from where it was told to.
        """
        listener = self.listener()
        self.dial(Address(*listener.getsockname()), bindAddress=("127.0.0.3", 0))
        self.until(lambda: self.protocol.events)
        peer, name = listener.accept()
        peer.close()
        self.assertEqual("127.0.0.3", name[0])

    def test_bindAddressOfAnother(self) -> None:
        """
        An address that is not ours to come from is our fault, not the backend's.
        """
        address = Address(*self.listener().getsockname())
        before = descriptors()
        self.dial(address, bindAddress=("192.0.2.77", 0))
        self.assertEqual([], self.protocol.events)
        self.assertIsInstance(self.failure(), ConnectBindError)
        self.assertNothingOpened(before)

    def test_options(self) -> None:
        """
        Options are set on the socket; small writes never wait.
        """
        options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
        self.dial(Address(*self.listener().getsockname()), options=options)
        self.until(lambda: self.protocol.events)
        self.assertTrue(self.protocol.wire.getTcpKeepAlive())
        self.assertTrue(self.protocol.wire.getTcpNoDelay())

    def test_protocolFails(self) -> None:
        """
        A protocol that fails in C{connectionMade} loses the connection, and it is logged.
        """
        self.protocol.onMade = lambda: 1 / 0
        listener = self.listener()
        self.dial(Address(*listener.getsockname()))
        self.until(lambda: self.protocol.lost)
        self.assertEqual(1, len(self.flushLoggedErrors(ZeroDivisionError)))
        peer, _ = listener.accept()
        self.addCleanup(peer.close)
        self.assertRaises(ConnectionResetError, peer.recv, 1)

    def test_closedWithTheReactor(self) -> None:
        """
        A reactor that shuts down ends dials that are under way.
        """
        self.dial(Address("127.0.0.1", self.swallowing()))
        self.turns()
        self.reactor.disconnectAll()
        self.assertIsInstance(self.failure(), ConnectError)

    def test_descriptor(self) -> None:
        """
        What is in the reactor meanwhile is what a reactor wants.
        """
        new = self.dial(Address("127.0.0.1", self.swallowing()))
        self.turns()
        verifyObject(IReadDescriptor, new)
        verifyObject(IWriteDescriptor, new)
        self.assertGreater(new.fileno(), 0)
        new.cancel()
        self.assertEqual(-1, new.fileno())

    def test_handshake(self) -> None:
        """
        With TLS the protocol is connected once hands were shaken, and not before.
        """
        tls = FakeTLS()
        self.dial(Address(*self.listener().getsockname()), tls=tls)
        self.until(lambda: tls.done)
        self.turns()
        self.assertEqual([], self.protocol.events)
        tls.done[0](None)
        self.assertEqual(["made"], self.protocol.events)
        self.assertEqual([], self.reactor.getDelayedCalls())

    def test_handshakeFails(self) -> None:
        """
        What went wrong in the handshake is told.
        """
        tls = FakeTLS()
        self.dial(Address(*self.listener().getsockname()), tls=tls)
        self.until(lambda: tls.done)
        tls.done[0](Failure(ZeroDivisionError()))
        self.assertIsInstance(self.failure(), ZeroDivisionError)

    def test_handshakeCancelled(self) -> None:
        """
        A dial that is cancelled while hands are shaken has the transport aborted.
        """
        tls = FakeTLS()
        new = self.dial(Address(*self.listener().getsockname()), tls=tls)
        self.until(lambda: tls.done)
        new.cancel()
        self.assertEqual(1, tls.aborted)
        tls.done[0](None)
        tls.done[0](Failure(ZeroDivisionError()))
        self.assertEqual([], self.protocol.events)

    def test_handshakeTakesTooLong(self) -> None:
        """
        The time limit includes the handshake.
        """
        clock = Clock()
        wheel = Deadlines(clock)
        wheel.start()
        tls = FakeTLS()
        self.dial(Address(*self.listener().getsockname()), tls=tls, timeout=3, deadlines=wheel)
        self.until(lambda: tls.done)
        for _ in range(4):
            clock.advance(1)
        self.assertIsInstance(self.failure(), TimeoutError)
        self.assertEqual(1, tls.aborted)


class DialingOnEpollTests(DialingTests):
    """
    The same on Twisted's reactor on epoll.
    """

    reactorClass = EPollReactor


class DialingOnSelectTests(DialingTests):
    """
    The same on Twisted's reactor on select.
    """

    reactorClass = SelectReactor


class OtherReactorTests(ReactorCase):
    """
    L{dial} asks little of its reactor.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def test_inMemory(self) -> None:
        """
        A reactor in memory will do for a test that is not about connections.
        """
        reactor: Any = MemoryReactorClock()
        protocol = Recorder()
        dial(reactor, Address(path=self.mktemp()), protocol, timeout=0)
        reactor.advance(0)
        self.assertEqual(["failed"], protocol.events)
