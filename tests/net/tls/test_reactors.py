"""
TLS through L{lbproxy.net.listening.listenStream} and L{lbproxy.net.dialing.dial}, on every reactor
that knows descriptors.
"""

from __future__ import annotations

import gc
import os
import socket
import tempfile
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.pollreactor import PollReactor
from twisted.internet.selectreactor import SelectReactor

from lbproxy.config.address import Address
from lbproxy.net.deadlines import Deadlines
from lbproxy.net.dialing import dial
from lbproxy.net.listening import listenStream
from lbproxy.net.reactor import LeanReactor
from lbproxy.net.tls.client import ClientTLS
from lbproxy.net.tls.server import ServerTLS
from lbproxy.net.tls.tlssocket import PortableTLSSocket
from tests.net.reactorcase import OneByOne, ReactorCase, Recorder
from tests.net.tls.pairs import AUTHORITY

_MUCH = os.urandom(1 << 20) * 4


class Both:
    """
    A client and a server of ours.
    """

    def setUp(self: Any) -> None:
        super().setUp()  # type: ignore[misc]
        self._temporary = tempfile.TemporaryDirectory()
        self.addCleanup(self._temporary.cleanup)
        folder = self._temporary.name
        self.deadlines = Deadlines(self.reactor)
        self.deadlines.start()
        pair = AUTHORITY.issue("a.test").write(folder)
        self.tls = ServerTLS([pair], deadlines=self.deadlines, closeTimeout=0.4)
        self.clientTLS = ClientTLS(
            "a.test", ca=AUTHORITY.write(folder), deadlines=self.deadlines, closeTimeout=0.4
        )
        self.server, self.client = Recorder(), Recorder()

    def _meet(self: Any, tls: ClientTLS | None = None) -> None:
        factory = OneByOne(self.server)
        port = listenStream(self.reactor, Address("127.0.0.1", 0), factory, tls=self.tls)
        host: Any = port.getHost()
        address = Address("127.0.0.1", host.port)
        dial(self.reactor, address, self.client, timeout=5.0, tls=tls or self.clientTLS)
        self.until(lambda: self.client.events)
        if self.client.failure is None:
            self.until(lambda: self.server.events)
        port.stopListening()

    def test_bulkBothWays(self: Any) -> None:
        """
        Much passes both ways at the same time, and it ends well for both.
        """
        self._meet()
        self.client.wire.write(_MUCH)
        self.server.wire.write(_MUCH)
        self.until(lambda: len(self.client.data) == len(self.server.data) == len(_MUCH))
        self.assertEqual((self.client.data, self.server.data), (_MUCH, _MUCH))
        self.client.wire.loseConnection()
        self.until(lambda: self.client.lost and self.server.lost)
        self.assertEqual(self.client.lostBy(), ConnectionDone)
        self.assertEqual(self.server.lostBy(), ConnectionDone)

    def test_muchThenClose(self: Any) -> None:
        """
        All that was written arrives, though the connection was closed right after.
        """
        self._meet()
        self.server.wire.write(_MUCH)
        self.server.wire.loseConnection()
        self.until(lambda: self.client.lost and self.server.lost)
        self.assertEqual(len(self.client.data), len(_MUCH))
        self.assertEqual((self.client.lostBy(), self.server.lostBy()), (ConnectionDone,) * 2)

    def test_pausedPeer(self: Any) -> None:
        """
        A peer that reads nothing does not hold a closing connection open.
        """
        self._meet()
        self.client.wire.pauseProducing()
        self.server.wire.write(_MUCH * 2)
        self.server.wire.loseConnection()
        self.until(lambda: self.server.lost)
        self.assertEqual(self.server.lostBy(), ConnectionAborted)
        self.client.wire.resumeProducing()
        self.until(lambda: self.client.lost)
        self.assertEqual(self.client.lostBy(), ConnectionLost)

    def test_abort(self: Any) -> None:
        """
        A reset is one for the peer.
        """
        self._meet()
        self.client.wire.abortConnection()
        self.until(lambda: self.client.lost and self.server.lost)
        self.assertEqual(self.client.lostBy(), ConnectionAborted)
        self.assertEqual(self.server.lostBy(), ConnectionLost)

    def test_refused(self: Any) -> None:
        """
        A backend that is somebody else is not spoken to; it hears nothing either.
        """
        self._meet(self.clientTLS.named("b.test"))
        self.assertEqual((self.client.events, self.server.events), (["failed"], []))
        self.assertIn("is for a.test, not for b.test", str(self.client.failure.value))
        self.until(lambda: self.tls.failed)

    def test_nothingForTheGarbageCollector(self: Any) -> None:
        """
        A connection that is over leaves no cycles of objects behind, whether it came up or not.
        """
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        for tls in (None, self.clientTLS.named("b.test")):
            self.server, self.client = Recorder(), Recorder()
            self._meet(tls)
            if self.client.failure is None:
                self.client.wire.loseConnection()
                self.until(lambda: self.client.lost and self.server.lost)
            self.until(lambda: not self.deadlines)
            self.server, self.client = Recorder(), Recorder()
            left = [each for each in gc.get_objects() if isinstance(each, PortableTLSSocket)]
            self.assertEqual(left, [])

    def test_timeout(self: Any) -> None:
        """
        A server that accepts and says nothing is given up.
        """
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = Address("127.0.0.1", silent.getsockname()[1])
            dial(self.reactor, address, self.client, timeout=0.2, tls=self.clientTLS)
            self.until(lambda: self.client.events)
        self.assertEqual(self.client.events, ["failed"])


class LeanTests(Both, ReactorCase):
    """
    Our own.
    """

    reactorClass = LeanReactor


class EPollTests(Both, ReactorCase):
    """
    Twisted's on Linux.
    """

    reactorClass = EPollReactor


class PollTests(Both, ReactorCase):
    """
    With C{poll}.
    """

    reactorClass = PollReactor


class SelectTests(Both, ReactorCase):
    """
    With C{select}.
    """

    reactorClass = SelectReactor
