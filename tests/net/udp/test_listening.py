"""
Tests for L{lbproxy.net.udp.listening}.
"""

from __future__ import annotations

import errno
import os
import socket

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IListeningPort, IReadDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.config.address import Address
from lbproxy.net.udp import Asked, ClientAddress, DatagramPort, listenDatagrams
from tests.net.udp.loop import Loop


class Echo:
    """
    Remembers what it got, and sends it back.
    """

    def __init__(self) -> None:
        self.got: list[tuple[bytes, ClientAddress, Asked]] = []
        self.error: Exception | None = None

    def datagramReceived(self, data: bytes, client: ClientAddress, asked: Asked) -> None:
        self.got.append((data, client, asked))
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        asked.port.send(data, client, asked)


class DatagramPortTests(SynchronousTestCase):
    """
    Tests for L{DatagramPort}.
    """

    def setUp(self) -> None:
        self.loop = Loop()
        self.echo = Echo()

    def listen(self, host: str = "127.0.0.1", maxDatagram: int = 65_527) -> DatagramPort:
        port = listenDatagrams(self.loop, Address(host, 0), self.echo, maxDatagram=maxDatagram)
        self.addCleanup(port.stopListening)
        return port

    def client(self, port: DatagramPort, host: str = "127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        client = socket.socket(family, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(5)
        client.connect((host, port.getHost().port))
        return client

    def test_interfaces(self) -> None:
        """
        It is what a reactor and Twisted's services take for a port.
        """
        port = self.listen()
        verifyObject(IReadDescriptor, port)
        verifyObject(IListeningPort, port)

    def test_largest(self) -> None:
        """
        The largest datagram that IPv4 has comes and goes whole.
        """
        client = self.client(self.listen())
        data = os.urandom(65_507)
        client.send(data)
        self.loop.turn()
        self.assertEqual(client.recv(65_536), data)

    def test_empty(self) -> None:
        """
        A datagram without a byte is a datagram.
        """
        client = self.client(self.listen())
        client.send(b"")
        self.loop.turn()
        self.assertEqual(client.recv(65_536), b"")

    def test_tooLong(self) -> None:
        """
        What is longer than it may be is counted and dropped, not cut.
        """
        port = self.listen(maxDatagram=100)
        client = self.client(port)
        client.send(b"x" * 101)
        client.send(b"y" * 100)
        self.loop.turnAll()
        self.assertEqual([data for data, _, _ in self.echo.got], [b"y" * 100])
        self.assertEqual(port.truncated, 1)

    def test_manyPerTurn(self) -> None:
        """
        Who sends many has several read in one turn, in order, but not without end.
        """
        client = self.client(self.listen())
        for number in range(200):
            client.send(b"%d" % number)
        turns = 0
        while len(self.echo.got) < 200:
            before = len(self.echo.got)
            self.loop.turn()
            turns += 1
            self.assertLessEqual(len(self.echo.got) - before, 64)
        self.assertEqual([data for data, _, _ in self.echo.got], [b"%d" % n for n in range(200)])
        self.assertLess(turns, 20)

    def test_oneByOne(self) -> None:
        """
        A socket with one datagram per turn is asked in vain in one turn of five at most.
        """
        port = self.listen()
        client = self.client(port)
        calls = []
        real = port._recvfrom

        def counting(size: int) -> object:
            calls.append(size)
            return real(size)

        self.patch(port, "_recvfrom", counting)
        for _ in range(100):
            client.send(b"x")
            self.loop.turn()
        self.assertEqual(len(self.echo.got), 100)
        self.assertLessEqual(len(calls), 120)

    def test_answersFromTheAddressAsked(self) -> None:
        """
        On a wildcard address each client is answered from the address that it asked. A connected
        client would not even see an answer from another.
        """
        port = self.listen("0.0.0.0")
        for host in ("127.0.0.1", "127.0.0.2", "127.9.9.9"):
            client = self.client(port, host)
            client.send(host.encode())
            self.loop.turn()
            self.assertEqual(client.recv(100), host.encode())
        self.assertEqual(
            [asked.host for _, _, asked in self.echo.got], ["127.0.0.1", "127.0.0.2", "127.9.9.9"]
        )

    def test_dualStack(self) -> None:
        """
        C{[::]} serves both, each from the address that it asked.
        """
        port = self.listen("::")
        for host in ("127.0.0.2", "::1"):
            client = self.client(port, host)
            client.send(host.encode())
            self.loop.turn()
            self.assertEqual(client.recv(100), host.encode())
        self.assertEqual([asked.host for _, _, asked in self.echo.got], ["127.0.0.2", "::1"])

    def test_tooLongOnWildcard(self) -> None:
        """
        The limit holds there, too.
        """
        port = self.listen("0.0.0.0", maxDatagram=10)
        self.client(port).send(b"x" * 11)
        self.loop.turn()
        self.assertEqual((self.echo.got, port.truncated), ([], 1))

    def test_kernelRefuses(self) -> None:
        """
        A datagram that cannot be sent is counted as dropped, and that is all.
        """
        port = self.listen()
        asked = Asked(port, "127.0.0.1")
        port.send(b"x" * 65_508, ("127.0.0.1", 9), asked)
        port.send(b"x", ("127.0.0.1", 0), asked)
        self.assertEqual(port.dropped, 2)

    def test_queueFull(self) -> None:
        """
        Neither is a full queue waited for.
        """
        port = self.listen()

        def full(*arguments: object) -> None:
            raise BlockingIOError(errno.EAGAIN, "full")

        self.patch(port, "_sendto", full)
        port.send(b"x", ("127.0.0.1", 9), Asked(port, "127.0.0.1"))
        self.assertEqual(port.dropped, 1)

    def test_defectOfOurs(self) -> None:
        """
        One datagram that makes the code above fail takes no other with it.
        """
        client = self.client(self.listen())
        self.echo.error = ValueError("a defect")
        client.send(b"1")
        client.send(b"2")
        self.loop.turnAll()
        self.assertEqual([data for data, _, _ in self.echo.got], [b"1", b"2"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_readFails(self) -> None:
        """
        An error while reading is counted; the port goes on.
        """
        port = self.listen()

        def failing(size: int) -> None:
            patched.restore()
            raise OSError(errno.EHOSTUNREACH, "no route")

        patched = self.patch(port, "_recvfrom", failing)
        client = self.client(port)
        client.send(b"x")
        self.loop.turnAll()
        self.assertEqual(port.errors, 1)
        self.assertEqual(len(self.echo.got), 1)

    def test_reactorTakesAnErrorForTheEnd(self) -> None:
        """
        What epoll reports as an error on the socket does not close it.
        """
        port = self.listen()
        self.loop.removeReader(port)
        port.connectionLost(Failure(ConnectionDone()))
        client = self.client(port)
        client.send(b"x")
        self.loop.turn()
        self.assertEqual(client.recv(10), b"x")

    def test_reactorEnds(self) -> None:
        """
        When the reactor ends the socket is closed.
        """
        port = self.listen()
        self.loop.removeAll()
        port.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(port.fileno(), -1)
        self.assertEqual(self.loop.readers, {})

    def test_closedInTheMiddle(self) -> None:
        """
        Whoever closes the port on a datagram gets no more, and no error.
        """
        port = self.listen()
        client = self.client(port)
        port._patience = 0
        self.patch(port, "_received", lambda *_: port.stopListening())
        client.send(b"1")
        client.send(b"2")
        self.loop.turnAll()
        self.assertEqual(port.fileno(), -1)
        self.assertEqual(port.errors, 0)

    def test_closed(self) -> None:
        """
        A closed port sends nothing, and closing it again does no harm.
        """
        port = self.listen()
        asked = Asked(port, "127.0.0.1")
        self.successResultOf(port.stopListening())
        self.successResultOf(port.stopListening())
        port.send(b"x", ("127.0.0.1", 9), asked)
        self.assertEqual(port.dropped, 1)
        self.assertEqual(self.loop.readers, {})
        self.assertIn("closed", repr(port))
        self.assertEqual(port.overflowed, 0)

    def test_paused(self) -> None:
        """
        While paused nothing is read; what came meanwhile is there afterwards.
        """
        port = self.listen()
        client = self.client(port)
        port.pauseProducing()
        client.send(b"x")
        self.loop.turn()
        self.assertEqual(self.echo.got, [])
        port.resumeProducing()
        port.resumeProducing()
        self.loop.turn()
        self.assertEqual(client.recv(10), b"x")

    def test_overflowed(self) -> None:
        """
        What the kernel had to throw away because nobody read is known.
        """
        port = self.listen()
        self.assertEqual(port.overflowed, 0)
        client = self.client(port)
        for _ in range(2000):
            client.send(b"x" * 1000)
        self.loop.turn()
        self.assertGreater(port.overflowed, 0)
