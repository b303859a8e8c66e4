"""
Tests for L{lbproxy.l4.udprelay} with QUIC.
"""

from __future__ import annotations

import socket

from lbproxy.errors import Outcome
from lbproxy.pool.backend import AdminState, Health
from tests.l4.udpfixture import RelayTestCase, received


class QUICTests(RelayTestCase):
    """
    QUIC connections stay on their backend.
    """

    def handshake(self, client: socket.socket) -> str:
        """
        A client's first packet and the server's, which names the ID C{server-1}.

        @return: the backend's name.
        """
        client.send(b"\xc3\0\0\0\1\x08original\x02me" + bytes(1180))
        self.loop.turnAll()
        for name, backend in self.backends.items():
            try:
                _, us = backend.recvfrom(2000)
            except BlockingIOError:
                continue
            backend.sendto(b"\xc3\0\0\0\1\x02me\x08server-1" + bytes(100), us)
            self.loop.turnAll()
            self.assertNotEqual(received(client), b"")
            return name
        raise AssertionError("nobody was asked")

    def test_addressChanges(self) -> None:
        """
        A client whose address changed goes on with the same backend, which sees a new address, too,
        and answers to it; the connection is still one lease.
        """
        self.build("abc")
        old, new = self.client(), self.client()
        name = self.handshake(old)
        us = self.relay._table.oldest()._link.localAddress()  # type: ignore[union-attr]
        new.send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        _, path = self.backends[name].recvfrom(2000)
        self.assertNotEqual(path, us)
        self.backends[name].sendto(b"\x41me", path)
        self.loop.turnAll()
        self.assertEqual((received(new), received(old)), (b"\x41me", b""))
        self.assertEqual(self.pool.backends[name].active, 1)
        self.assertEqual(self.pool.backends[name].total, 1)

    def test_again(self) -> None:
        """
        And again, also when the first session is long over; the lease ends with the last.
        """
        self.build("abc", idleTimeout=10.0)
        name = self.handshake(self.client())
        for _ in range(3):
            self.loop.advance(6)
            self.client().send(b"\x41server-1" + bytes(30))
            self.loop.turnAll()
            self.assertEqual(self.answer(), [name])
        self.assertEqual(self.pool.outcomes, [])
        self.loop.advance(11)
        self.assertEqual(self.pool.outcomes, [(name, Outcome.OK)])
        assert self.relay.connectionIDs is not None
        self.assertEqual(self.relay.connectionIDs.sessions, {})

    def test_handshakeGoesOn(self) -> None:
        """
        The address may change during the handshake.
        """
        self.build("abc")
        name = self.handshake(self.client())
        self.client().send(b"\xe3\0\0\0\1\x08server-1\x02me" + bytes(100))
        self.loop.turnAll()
        self.assertEqual(self.answer(), [name])

    def test_draining(self) -> None:
        """
        A connection follows its client on a backend that drains, too.
        """
        self.build("abc")
        name = self.handshake(self.client())
        self.pool.setAdmin(self.pool.backends[name], AdminState.DRAIN)
        self.client().send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        self.assertEqual(self.answer(), [name])

    def test_down(self) -> None:
        """
        Not to one that is down.
        """
        self.build("ab")
        name = self.handshake(self.client())
        self.pool.setHealth(self.pool.backends[name], Health.DOWN)
        self.client().send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        self.assertNotEqual(self.answer(), [name])

    def test_refused(self) -> None:
        """
        When the backend is gone the new session looks for another, as any does.
        """
        self.build("ab")
        name = self.handshake(self.client())
        self.backends[name].close()
        self.client().send(b"\x41server-1" + bytes(30))
        self.loop.turnAll()
        self.assertNotEqual(self.answer(), [])

    def test_unknownID(self) -> None:
        """
        Others' datagrams are balanced as ever.
        """
        self.build("abc")
        self.handshake(self.client())
        answered = set()
        for _ in range(3):
            self.client().send(b"\x41server-2" + bytes(30))
            self.loop.turnAll()
            answered.update(self.answer())
        self.assertEqual(answered, {"a", "b", "c"})

    def test_off(self) -> None:
        """
        It can be turned off.
        """
        self.build("abc", followQUIC=False)
        self.handshake(self.client())
        answered = set()
        for _ in range(3):
            self.client().send(b"\x41server-1" + bytes(30))
            self.loop.turnAll()
            answered.update(self.answer())
        self.assertEqual(answered, {"a", "b", "c"})
