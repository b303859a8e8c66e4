"""
Tests for L{lbproxy.net.tls.tlssocket}: both ways to OpenSSL behave the same.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from OpenSSL import SSL
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.net.tls.tlssocket import (
    READ_SIZE,
    DirectTLSSocket,
    PortableTLSSocket,
    TLSSocket,
    reasonOf,
)
from tests.net.tls.pairs import readAll, serverContext, shakeHands, socketPair


class SocketTests:
    """
    What a transport expects of it.
    """

    kind: type[PortableTLSSocket]

    def setUp(self: Any) -> None:
        self.near, self.far = self._connect()

    def _connect(self: Any, room: int = 0) -> tuple[PortableTLSSocket, PortableTLSSocket]:
        """
        @param room: bytes that may be on their way, roughly; over a UNIX socket, because TCP would
            make us wait for its acknowledgements.
        """
        near, far = socket.socketpair() if room else socketPair()
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        if room:
            near.setblocking(False)
            far.setblocking(False)
            near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)
        ours = self.kind(serverContext(), near, self.kind.makeScratch())
        ours.set_accept_state()
        theirs = TLSSocket(SSL.Context(SSL.TLS_CLIENT_METHOD), far, TLSSocket.makeScratch())
        theirs.set_connect_state()
        self.assertEqual(shakeHands(theirs, ours), ("up", "up"))
        readAll(theirs)
        return ours, theirs

    def test_smallOnes(self: Any) -> None:
        """
        What is sent arrives, record by record.
        """
        self.assertEqual(self.near.send(b"hello"), 5)
        self.assertEqual(self.far.recv(READ_SIZE), b"hello")
        self.far.send(b"one")
        self.far.send(b"two")
        self.assertEqual(self.near.recv(READ_SIZE), b"one")
        self.assertEqual(self.near.recv(READ_SIZE), b"two")
        self.assertFalse(self.near.again)

    def test_nothingThere(self: Any) -> None:
        """
        Without a whole record there is nothing to read.
        """
        self.assertRaises(BlockingIOError, self.near.recv, READ_SIZE)
        self.assertFalse(self.near.wantsWrite)
        self.far.plain.send(b"\x17\x03\x03")
        self.assertRaises(BlockingIOError, self.near.recv, READ_SIZE)

    def test_bulk(self: Any) -> None:
        """
        Bulk arrives whole, never more than C{READ_SIZE} at a time, nothing left unseen behind.
        """
        data = os.urandom(200_000)
        self.assertEqual(self.far.send(data), len(data))
        found = []
        while True:
            try:
                found.append(self.near.recv(READ_SIZE))
            except BlockingIOError:
                break
            self.assertEqual(self.near.pending(), 0)
        self.assertEqual(b"".join(found), data)
        self.assertLessEqual(max(map(len, found)), READ_SIZE)

    def test_closeNotify(self: Any) -> None:
        """
        The peer's goodbye reads as an end, as often as one looks.
        """
        self.far.shutdown()
        self.assertEqual(self.near.recv(READ_SIZE), b"")
        self.assertEqual(self.near.recv(READ_SIZE), b"")

    def test_closeNotifyBehindBulk(self: Any) -> None:
        """
        A goodbye right behind bulk is not forgotten, even though the descriptor is not readable
        any more.
        """
        self.far.send(b"x" * 49_152)
        self.far.shutdown()
        found = b""
        while len(found) < 49_152:
            found += self.near.recv(READ_SIZE)
        self.assertEqual(self.near.recv(READ_SIZE), b"")
        self.assertFalse(self.near.again)

    def test_resetBehindBulk(self: Any) -> None:
        """
        What was read before a connection was cut is delivered; then the cut is reported.
        """
        self.far.send(b"x" * 49_152)
        self.far.close()
        found = b""
        while len(found) < 49_152:
            found += self.near.recv(READ_SIZE)
        self.assertRaises(ConnectionResetError, self.near.recv, READ_SIZE)

    def test_endWithoutGoodbye(self: Any) -> None:
        """
        A mere FIN is no end: somebody on the way may have made it.
        """
        self.far.plain.shutdown(socket.SHUT_WR)
        self.assertRaises(ConnectionResetError, self.near.recv, READ_SIZE)
        self.assertRaises(ConnectionResetError, self.near.recv, READ_SIZE)

    def test_forgedRecord(self: Any) -> None:
        """
        A record that was not made by the peer ends the connection.
        """
        self.far.plain.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        self.assertRaises(ConnectionResetError, self.near.recv, READ_SIZE)
        self.assertRaises(ConnectionResetError, self.near.recv, READ_SIZE)

    def test_troubleStaysWithItsConnection(self: Any) -> None:
        """
        What goes wrong on one connection is not taken for another's.
        """
        other, peer = self._connect()
        self.far.plain.send(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        self.assertRaises(ConnectionResetError, self.near.recv, READ_SIZE)
        self.assertRaises(BlockingIOError, other.recv, READ_SIZE)
        self.assertEqual(other.send(b"fine"), 4)
        self.assertEqual(peer.recv(READ_SIZE), b"fine")

    def test_deadPeer(self: Any) -> None:
        """
        Writing to a peer that is gone fails.
        """
        self.near.send(b"unread")  # so that closing resets
        self.far.close()
        with self.assertRaises(ConnectionResetError):
            for _ in range(3):
                self.near.send(b"x")

    def test_fullPeer(self: Any) -> None:
        """
        With a peer that does not read, what fits is sent; the rest can be sent later, in other
        pieces, and all arrives in order.
        """
        near, far = self._connect(100_000)
        data = os.urandom(1 << 20)
        sent = near.send(data)
        self.assertTrue(0 < sent < len(data), sent)
        self.assertRaises(BlockingIOError, near.send, memoryview(data)[sent:])
        self.assertFalse(near.wantsRead)
        found = b""
        while len(found) < len(data):
            found += readAll(far)
            try:
                sent += near.send(memoryview(data)[sent : sent + 100_000])
            except BlockingIOError:
                pass
        self.assertEqual(found, data)

    def test_fullPeerSmallPieces(self: Any) -> None:
        """
        A small piece that did not fit may be sent again with others behind it.
        """
        near, far = self._connect(4096)
        data = os.urandom(500)
        count = 0
        with self.assertRaises(BlockingIOError):
            while True:
                count += near.send(data)
        readAll(far)
        found = b""
        while True:
            try:
                near.send(data + b"more")
                break
            except BlockingIOError:
                found += readAll(far)
        found += readAll(far)
        self.assertTrue((data + b"more").endswith(found[-4:]), "in one piece")
        self.assertTrue(found.endswith(data[-10:] + b"more"))

    def test_nothingToSend(self: Any) -> None:
        """
        Nothing makes no record.
        """
        self.assertEqual(self.near.send(b""), 0)
        self.assertRaises(BlockingIOError, self.far.plain.recv, 1)

    def test_pieces(self: Any) -> None:
        """
        Several pieces arrive in order, small or large.
        """
        for sizes in ((3, 4), (10_000, 10_000), (20_000, 1, 20_000), (5,)):
            pieces = [os.urandom(size) for size in sizes]
            self.assertEqual(self.near.sendmsg(pieces), sum(sizes))
            self.assertEqual(readAll(self.far), b"".join(pieces))

    def test_piecesToAFullPeer(self: Any) -> None:
        """
        The number of bytes taken counts over all pieces.
        """
        near, far = self._connect(100_000)
        pieces = [os.urandom(50_000) for _ in range(40)]
        sent = near.sendmsg(pieces)
        self.assertTrue(0 < sent < 2_000_000)
        whole = b"".join(pieces)
        self.assertRaises(BlockingIOError, near.sendmsg, [whole[sent:], b"x" * 40_000])
        found = readAll(far)
        self.assertEqual(found, whole[: len(found)])

    def test_likeASocket(self: Any) -> None:
        """
        The rest is the socket's own.
        """
        self.assertEqual(self.near.fileno(), self.near.plain.fileno())
        self.assertEqual(self.near.getsockname(), self.near.plain.getsockname())
        self.near.close()
        self.assertEqual(self.near.fileno(), -1)


class PortableTests(SocketTests, SynchronousTestCase):
    """
    With what pyOpenSSL offers everybody.
    """

    kind = PortableTLSSocket


class DirectTests(SocketTests, SynchronousTestCase):
    """
    Past its wrappers.
    """

    kind = DirectTLSSocket

    def test_isUsed(self) -> None:
        """
        The quick way is taken where it can be.
        """
        self.assertIs(TLSSocket, DirectTLSSocket)

    def test_severalRecordsAtOnce(self) -> None:
        """
        Bulk takes few reads.
        """
        far: Any = self.far
        near: Any = self.near
        far.send(b"x" * READ_SIZE)
        self.assertEqual(len(near.recv(READ_SIZE)), READ_SIZE)


class ReasonTests(SynchronousTestCase):
    """
    OpenSSL's errors in a few words.
    """

    def test_reasons(self) -> None:
        """
        Each kind has words.
        """
        for error, wanted in (
            (SSL.Error([("SSL routines", "", "no shared cipher")]), "no shared cipher"),
            (SSL.Error([("x", "", ""), ("y", "", "bad thing")]), "bad thing"),
            (SSL.Error([]), "unknown error"),
            (SSL.Error(), "unknown error"),
            (SSL.SysCallError(-1, "Unexpected EOF"), "the peer left"),
            (SSL.SysCallError(104, "ECONNRESET"), "connection reset by peer"),
            (SSL.ZeroReturnError(), "the peer left"),
        ):
            self.assertEqual(reasonOf(error), wanted)
