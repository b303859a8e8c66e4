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
    DNSLookupError,
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
from tests.net.reactorcase import PATIENCE, ReactorCase, Recorder, descriptors


class Names:
    """
    Resolves each name to what it was told, when C{answer} is called.
    """

    def __init__(self, reactor: Any, **known: list[IPv4Address]) -> None:
        self.reactor, self.known = reactor, known
        self.asked: list[tuple[Any, str]] = []

    def resolveHostName(self, receiver: Any, hostName: str, portNumber: int = 0) -> Any:
        receiver.resolutionBegan(self)
        self.asked.append((receiver, hostName))
        self.reactor.callLater(0, self.answer, receiver, hostName)
        return self

    def answer(self, receiver: Any, hostName: str) -> None:
        for address in self.known.get(hostName, []):
            receiver.addressResolved(address)
        receiver.resolutionComplete()


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


class DialingCase(ReactorCase):
    """
    What there is to be dialed.
    """

    reactorClass: Callable[[], Any] = LeanReactor

    def setUp(self) -> None:
        super().setUp()
        self.protocol = Recorder()

    def listener(self, address: Any = ("127.0.0.1", 0), backlog: int = 100) -> socket.socket:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        skt = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(skt.close)
        skt.bind(address)
        skt.listen(backlog)
        skt.settimeout(PATIENCE)
        return skt

    def closedPort(self) -> int:
        with socket.socket() as skt:
            skt.bind(("127.0.0.1", 0))
            port: int = skt.getsockname()[1]
            return port

    def swallowing(self) -> int:
        """
        @return: a port on which connections are never established.
        """
        full = self.listener(backlog=0)
        port: int = full.getsockname()[1]
        for _ in range(4):
            filler = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
            self.addCleanup(filler.close)
            filler.connect_ex(("127.0.0.1", port))
        return port

    def dial(self, address: Address, **options: Any) -> Any:
        options.setdefault("timeout", PATIENCE)
        return dial(self.reactor, address, self.protocol, **options)

    def failure(self) -> BaseException:
        self.until(lambda: self.protocol.failure)
        self.turns()
        self.assertEqual(["failed"], self.protocol.events)
        assert self.protocol.failure is not None and self.protocol.failure.value is not None
        return self.protocol.failure.value


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


class DialingNamesTests(DialingCase):
    """
    Tests for L{dial} with names.
    """

    def names(self, **known: list[IPv4Address]) -> Names:
        names = Names(self.reactor, **known)
        self.reactor.installNameResolver(names)
        return names

    def here(self, port: int, host: str = "127.0.0.1") -> IPv4Address:
        return IPv4Address("TCP", host, port)

    def test_name(self) -> None:
        """
        A name is looked up and connected to.
        """
        port = self.listener().getsockname()[1]
        names = self.names(backend=[self.here(port)])
        self.dial(Address("backend", port))
        self.until(lambda: self.protocol.events)
        self.assertEqual(["backend"], [name for _, name in names.asked])
        self.assertEqual(self.here(port), self.protocol.wire.getPeer())

    def test_nextAddress(self) -> None:
        """
        When a name's first address refuses, the next one is tried.
        """
        port = self.listener(("127.0.0.5", 0)).getsockname()[1]
        self.names(backend=[self.here(port), self.here(port), self.here(port, "127.0.0.5")])
        self.dial(Address("backend", port))
        self.until(lambda: self.protocol.events)
        self.assertEqual("127.0.0.5", self.protocol.wire.getPeer().host)

    def test_swallowingAddressLeavesTimeForTheNext(self) -> None:
        """
        An address that never answers uses up its share of the time only.
        """
        clock = Clock()
        wheel = Deadlines(clock)
        wheel.start()
        port = self.swallowing()
        self.listener(("127.0.0.5", port))
        self.names(backend=[self.here(port), self.here(port, "127.0.0.5")])
        self.dial(Address("backend", port), timeout=4.0, deadlines=wheel)
        self.turns(5)
        for _ in range(11):
            clock.advance(0.2)
        self.until(lambda: self.protocol.events)
        self.assertEqual("127.0.0.5", self.protocol.wire.getPeer().host)
        self.assertEqual(0, len(wheel))

    def test_allRefuse(self) -> None:
        """
        When all addresses refuse, that is told.
        """
        port = self.closedPort()
        self.names(backend=[self.here(port), self.here(port, "127.0.0.5")])
        self.dial(Address("backend", port))
        self.assertIsInstance(self.failure(), ConnectionRefusedError)

    def test_noAddress(self) -> None:
        """
        A name without an address is told as such; so are names that cannot be.
        """
        self.names()
        self.dial(Address("nowhere", 80))
        self.assertIsInstance(self.failure(), DNSLookupError)
        for impossible in ("a..b", "x" * 80, "fe80::1%nowhere0"):
            self.protocol = Recorder()
            self.dial(Address(impossible, 80))
            self.assertIsInstance(self.failure(), DNSLookupError)

    def test_cancelledLookup(self) -> None:
        """
        A dial that is cancelled during the lookup ignores the answer.
        """
        port = self.listener().getsockname()[1]
        self.names(backend=[self.here(port)])
        before = descriptors()
        self.dial(Address("backend", port)).cancel()
        self.turns()
        self.assertEqual([], self.protocol.events)
        self.assertNothingOpened(before)

    def test_lookupTakesTooLong(self) -> None:
        """
        The time limit includes the lookup; an answer that comes afterwards changes nothing.
        """
        names = self.names(backend=[self.here(80)])
        waiting: list[tuple[Any, ...]] = []
        names.answer = lambda *answer: waiting.append(answer)  # type: ignore[method-assign]
        clock = Clock()
        wheel = Deadlines(clock)
        wheel.start()
        self.dial(Address("backend", 80), timeout=1.0, deadlines=wheel)
        self.turns()
        clock.advance(2)
        self.assertIsInstance(self.failure(), TimeoutError)
        Names.answer(names, *waiting[0])
        self.turns()
        self.assertEqual(["failed"], self.protocol.events)


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
