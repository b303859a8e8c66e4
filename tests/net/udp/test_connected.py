"""
Tests for L{lbproxy.net.udp.connected}.
"""

from __future__ import annotations

import errno
import os
import socket
from typing import Any

from twisted.internet.error import ConnectionLost
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from lbproxy.net.udp import ConnectedSocket, connectDatagrams
from tests.net.udp.loop import Loop


class Told:
    """
    Remembers what it was told.
    """

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.refusals: list[str] = []
        self.error: Exception | None = None

    def answerReceived(self, data: bytes) -> None:
        self.answers.append(data)
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def refused(self, reason: str) -> None:
        self.refusals.append(reason)


class ConnectedSocketTests(SynchronousTestCase):
    """
    Tests for L{ConnectedSocket}.
    """

    def setUp(self) -> None:
        self.loop = Loop()
        self.told = Told()
        self.backend = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.backend.close)
        self.backend.settimeout(5)
        self.backend.bind(("127.0.0.1", 0))

    def connect(self, **options: Any) -> ConnectedSocket:
        link = connectDatagrams(
            self.loop, socket.AF_INET, self.backend.getsockname(), self.told, **options
        )
        self.addCleanup(link.close)
        return link

    def test_thereAndBack(self) -> None:
        """
        The largest datagram of IPv4 goes to the backend and its answer comes back.
        """
        link = self.connect()
        verifyObject(IReadDescriptor, link)
        data = os.urandom(65_507)
        self.assertTrue(link.send(data))
        got, us = self.backend.recvfrom(65_536)
        self.assertEqual((got, us), (data, link.localAddress()))
        self.backend.sendto(data, us)
        self.loop.turn()
        self.assertEqual(self.told.answers, [data])

    def test_onlyTheBackend(self) -> None:
        """
        Nobody else's datagrams get in.
        """
        link = self.connect()
        stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(stranger.close)
        stranger.sendto(b"me too", link.localAddress())
        self.loop.turnAll()
        self.assertEqual(self.told.answers, [])

    def test_refused(self) -> None:
        """
        A closed port is told once per error, and the socket works again when somebody is back.
        """
        link = self.connect()
        where = self.backend.getsockname()
        self.backend.close()
        self.assertTrue(link.send(b"anybody?"))
        self.loop.turnAll()
        self.assertEqual(self.told.refusals, ["Connection refused"])
        again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(again.close)
        again.bind(where)
        self.assertTrue(link.send(b"hello"))
        again.sendto(b"back", again.recvfrom(10)[1])
        self.loop.turn()
        self.assertEqual(self.told.answers, [b"back"])
        self.assertEqual(len(self.told.refusals), 1)

    def test_refusedOnSending(self) -> None:
        """
        The error may come out of the next send, too; that datagram has not been sent.
        """
        link = self.connect()
        self.backend.close()
        self.assertTrue(link.send(b"1"))
        self.assertFalse(link.send(b"2"))
        self.assertEqual(self.told.refusals, ["Connection refused"])

    def test_refusedOnReading(self) -> None:
        """
        Or out of a read, on reactors that report errors as something to read.
        """
        link = self.connect()
        self.backend.close()
        link.send(b"1")
        link.doRead()
        self.assertEqual(self.told.refusals, ["Connection refused"])

    def test_tooLong(self) -> None:
        """
        What the kernel does not take for other reasons is nobody's refusal.
        """
        link = self.connect()
        self.assertFalse(link.send(b"x" * 65_508))
        self.assertEqual(self.told.refusals, [])

    def test_queueFull(self) -> None:
        """
        Neither is a full queue.
        """
        link = self.connect()

        def full(data: bytes) -> int:
            raise BlockingIOError(errno.EAGAIN, "full")

        self.patch(link, "_send", full)
        self.assertFalse(link.send(b"x"))
        self.assertEqual(self.told.refusals, [])

    def test_severalPerTurn(self) -> None:
        """
        A backend that sends many has several read per turn, in order, but not without end.
        """
        link = self.connect()
        for number in range(100):
            self.backend.sendto(b"%d" % number, link.localAddress())
        most = 0
        while len(self.told.answers) < 100:
            before = len(self.told.answers)
            self.loop.turn()
            most = max(most, len(self.told.answers) - before)
        self.assertEqual(self.told.answers, [b"%d" % number for number in range(100)])
        self.assertEqual(most, 16)

    def test_oneByOne(self) -> None:
        """
        One that brings one answer per turn is asked in vain in one turn of five at most.
        """
        link = self.connect()
        calls = []
        real = link._recv

        def counting(size: int) -> bytes:
            calls.append(size)
            return real(size)

        self.patch(link, "_recv", counting)
        for _ in range(100):
            self.backend.sendto(b"x", link.localAddress())
            self.loop.turn()
        self.assertEqual(len(self.told.answers), 100)
        self.assertLessEqual(len(calls), 120)

    def test_defectOfOurs(self) -> None:
        """
        One answer that makes the code above fail takes no other with it.
        """
        link = self.connect()
        self.told.error = ValueError("a defect")
        self.backend.sendto(b"1", link.localAddress())
        self.backend.sendto(b"2", link.localAddress())
        self.loop.turnAll()
        self.assertEqual(self.told.answers, [b"1", b"2"])
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)

    def test_closed(self) -> None:
        """
        A closed one tells nothing, not even what it could not send.
        """
        link = self.connect()
        link.close()
        link.close()
        self.assertFalse(link.send(b"x"))
        link.connectionLost(Failure(ConnectionLost()))
        self.assertEqual((self.loop.readers, self.told.refusals), ({}, []))
        self.assertIn("closed", repr(link))

    def test_closedInTheMiddle(self) -> None:
        """
        Whoever closes it on an answer gets no more, and no error.
        """
        link = self.connect()
        link._patience = 0
        self.backend.sendto(b"1", link.localAddress())
        self.backend.sendto(b"2", link.localAddress())
        self.patch(self.told, "answerReceived", lambda data: link.close())
        self.loop.turnAll()
        self.assertEqual(self.told.refusals, [])
        self.assertEqual(link.fileno(), -1)

    def test_reactorEnds(self) -> None:
        """
        When the reactor ends it is closed.
        """
        link = self.connect()
        self.loop.removeAll()
        link.connectionLost(Failure(ConnectionLost()))
        self.assertEqual(link.fileno(), -1)

    def test_bindAddress(self) -> None:
        """
        It can be told where to send from.
        """
        link = self.connect(bindAddress=("127.0.0.9", 0))
        link.send(b"x")
        self.assertEqual(self.backend.recvfrom(10)[1][0], "127.0.0.9")

    def test_cannotConnect(self) -> None:
        """
        What cannot be connected leaves no descriptor behind.
        """
        before = set(os.listdir("/proc/self/fd"))
        for family, target in (
            (socket.AF_INET, ("255.255.255.255", 9)),
            (socket.AF_UNIX, "/nowhere/at/all"),
        ):
            self.assertRaises(OSError, connectDatagrams, self.loop, family, target, self.told)
        self.assertEqual(set(os.listdir("/proc/self/fd")), before)
        self.assertEqual(self.loop.readers, {})

    def test_UNIX(self) -> None:
        """
        A backend may be a UNIX datagram socket, and its answers come back.
        """
        path = self.mktemp()
        backend = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(backend.close)
        backend.bind(path)
        link = connectDatagrams(self.loop, socket.AF_UNIX, path, self.told)
        self.addCleanup(link.close)
        link.send(b"x")
        backend.sendto(b"y", backend.recvfrom(10)[1])
        self.loop.turn()
        self.assertEqual(self.told.answers, [b"y"])
