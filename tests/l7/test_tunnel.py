"""
Tests for L{lbproxy.l7.tunnel}: connections after 101.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.factory import HTTPSettings, ServerTimeouts
from tests.l7.asking import Proxied
from tests.l7.doubles import DONE, GET, LOST, Stage, Wire

UPGRADE = GET[:-2] + b"Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"


class End(Wire):
    """
    A transport that a pipe can couple, with a polite peer: when we end, so does it.
    """

    isSecure = False
    queued = 0

    def __init__(self, stage: Stage) -> None:
        super().__init__()
        self._clock = stage.clock

    def loseWriteConnection(self) -> None:
        """
        The peer sees that, and ends, too.
        """
        super().loseWriteConnection()
        self._clock.callLater(0, self._tell, "readConnectionLost")

    def loseConnection(self) -> None:
        """
        Nothing is queued: it is lost soon.
        """
        self.disconnecting = True
        self._clock.callLater(0, self.lose)

    def unregisterProducer(self) -> None:
        """
        As often as one likes.
        """
        self.producer = None

    def say(self, data: bytes) -> None:
        """
        The peer says something.
        """
        self._tell("dataReceived", data)

    def _tell(self, what: str, *arguments: bytes) -> None:
        if self.protocol is not None:
            getattr(self.protocol, what)(*arguments)


class TunnelTests(SynchronousTestCase):
    """
    An upgraded connection belongs to both sides alone.
    """

    def setUp(self) -> None:
        self.stage = Proxied(HTTPSettings(timeouts=ServerTimeouts(idle=300)), **self.changes())
        self.client, self.backend = End(self.stage), End(self.stage)
        protocol = self.stage.factory.buildProtocol(None)
        self.client.protocol = protocol
        protocol.makeConnection(self.client)
        protocol.dataReceived(UPGRADE)
        self.dialed = self.stage.dials[-1]
        self.dialed.wire = self.backend
        self.dialed.accept()
        self.backend.take()

    def changes(self) -> dict[str, Any]:
        """
        What the route does.
        """
        return {}

    def switch(self, more: bytes = b"") -> None:
        """
        The backend agrees.
        """
        self.dialed.answer(SWITCH + more)
        head, _, rest = self.client.take().partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
        self.assertEqual(rest, more)

    def assertOver(self, code: str, down: int = 0) -> None:
        """
        Both connections are gone, the use of the backend is over, the log says how.
        """
        self.stage.advance(0.1)
        self.assertIsNone(self.client.protocol)
        self.assertIsNone(self.backend.protocol)
        self.assertEqual(self.stage.pool.active, 0)
        records = [(r.code, r.status, r.bytesDown) for r in self.stage.records]
        self.assertEqual(records, [(code, 101, down)])
        self.assertEqual(self.stage.pool.backends["b1"].failures, 0)

    def test_bytesBothWays(self) -> None:
        """
        What either side says reaches the other as it is, with what came right behind the 101.
        """
        self.switch(b"hello")
        self.client.say(b"GET / HTTP/1.1\r\n\r\n")
        self.assertEqual(self.backend.take(), b"GET / HTTP/1.1\r\n\r\n")
        self.backend.say(b"HTTP/1.1 500 x\r\n\r\n")
        self.assertEqual(self.client.take(), b"HTTP/1.1 500 x\r\n\r\n")
        self.assertEqual(self.stage.records, [])
        self.assertEqual(self.stage.pool.active, 1)

    def test_saidAhead(self) -> None:
        """
        What the client said behind its request is the first that the backend hears after 101.
        """
        self.client.say(b"early")
        self.assertEqual(self.backend.take(), b"")
        self.switch()
        self.assertEqual(self.backend.take(), b"early")

    def test_saidAheadOfARefusal(self) -> None:
        """
        Where the backend refuses, it was the next request.
        """
        self.client.say(GET)
        self.dialed.answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        self.assertIn(b"GET / HTTP/1.1\r\n", self.backend.take())

    def test_clientEnds(self) -> None:
        """
        When the client is gone, so is the backend's connection.
        """
        self.switch(b"hello")
        self.client.lose(DONE)
        self.assertOver("clientClosed", 5)

    def test_clientResets(self) -> None:
        """
        A reset is passed on as one.
        """
        self.switch()
        self.client.lose(LOST)
        self.assertTrue(self.backend.aborted)
        self.assertOver("clientReset")

    def test_backendEnds(self) -> None:
        """
        And the other way round.
        """
        self.switch()
        self.backend.lose(DONE)
        self.assertOver("backendClosed")

    def test_backendResets(self) -> None:
        """
        Neither is anybody's failure.
        """
        self.switch()
        self.backend.lose(LOST)
        self.assertTrue(self.client.aborted)
        self.assertOver("backendReset")

    def test_idle(self) -> None:
        """
        A tunnel in which nothing moves ends after a while; what moves keeps it.
        """
        self.switch()
        for _ in range(3):
            self.stage.advance(250)
            self.client.say(b"x")
        self.assertIsNotNone(self.client.protocol)
        self.stage.advance(380)
        self.assertOver("idle")

    def test_noOtherDeadline(self) -> None:
        """
        Neither the client's nor the backend's deadlines for HTTP count any more.
        """
        self.switch()
        self.stage.advance(290)
        self.assertEqual(self.stage.records, [])

    def test_drain(self) -> None:
        """
        A drain waits for it; whoever ends the drain ends it.
        """
        self.switch()
        over: list[object] = []
        self.stage.factory.drain().addCallback(over.append)
        self.assertEqual((over, self.stage.records), ([], []))
        self.stage.factory.abortAll()
        self.assertTrue(self.client.aborted and self.backend.aborted)
        self.assertOver("drained")
        self.assertEqual(len(over), 1)

    def test_connectionsAreCounted(self) -> None:
        """
        While it lasts it is one of the listener's connections.
        """
        before = self.stage.factory.active
        self.switch()
        self.assertEqual(self.stage.factory.active, before)
        self.client.lose(DONE)
        self.stage.advance(0.1)
        self.assertEqual(self.stage.factory.active, before - 1)


class TimeoutTests(TunnelTests):
    """
    On a route with a timeout for the whole exchange.
    """

    def changes(self) -> dict[str, Any]:
        return {"timeout": 2000.0}

    def test_routeTimeout(self) -> None:
        """
        The tunnel is part of the exchange: it ends with its time.
        """
        self.switch()
        for _ in range(19):
            self.stage.advance(100)
            self.client.say(b"x")
        self.assertEqual(self.stage.records, [])
        self.stage.advance(101)
        self.assertOver("routeTimeout")
