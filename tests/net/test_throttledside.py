"""
A side of a pipe that may only read so much per second.
"""

from __future__ import annotations

from lbproxy.net.bandwidth import Bandwidth
from lbproxy.net.pipe import Pipe
from lbproxy.net.pipeside import Ending
from tests.net.faketransport import FakeTransport, settle
from tests.net.test_pipe import PipeTestCase


class ThrottledSideTests(PipeTestCase):
    """
    So many bytes per second.
    """

    def startLimited(self, up: int = 0, down: int = 0) -> tuple[FakeTransport, FakeTransport, Pipe]:
        client, backend = FakeTransport(), FakeTransport()
        limits = [(Bandwidth(rate),) if rate else () for rate in (up, down)]
        pipe = Pipe(client, backend, self.done.append, self.deadlines, 0.0, None, *limits)
        pipe.start()
        return client, backend, pipe

    def test_eachDirectionHasItsOwn(self) -> None:
        """
        A client may be limited without its answers being so.
        """
        client, backend, _pipe = self.startLimited(up=10_000)
        client.receive(bytes(20_000))
        self.assertFalse(client.reading)
        backend.receive(bytes(1_000_000))
        self.assertTrue(backend.reading)

    def test_theRateIsKept(self) -> None:
        """
        Over some time as much passes as was said, whatever the size of the reads.
        """
        for size in 100, 1_000, 30_000:
            client, backend, pipe = self.startLimited(down=10_000)
            for _ in range(2_000):
                if backend.reading:
                    backend.receive(bytes(size))
                self.clock.advance(0.01)
            self.assertApproximates(len(client.written), 200_000, 36_000)
            pipe.abort(Ending.DRAINED)
            settle(client, backend)

    def test_bothReasonsToPause(self) -> None:
        """
        Reading goes on when the other side has room and the rate allows it, not before.
        """
        client, backend, _pipe = self.startLimited(down=10_000)
        backend.receive(bytes(20_000))
        client.stall()
        client.drain()
        self.assertFalse(backend.reading)
        client.stall()
        self.clock.advance(10)
        self.assertFalse(backend.reading)
        client.drain()
        self.assertTrue(backend.reading)

    def test_nothingIsLeftBehind(self) -> None:
        """
        A connection that ends while it has to wait is over.
        """
        client, backend, pipe = self.startLimited(down=10_000)
        backend.receive(bytes(50_000))
        client.reset()
        settle(backend)
        self.assertEnded(pipe, Ending.CLIENT_RESET)

    def test_sharedByAll(self) -> None:
        """
        One bandwidth for several connections is what they have together.
        """
        together = (Bandwidth(10_000),)
        backends = []
        for _ in range(5):
            client, backend = FakeTransport(), FakeTransport()
            Pipe(client, backend, self.done.append, self.deadlines, down=together).start()
            backends.append(backend)
        passed = 0
        for _ in range(2_000):
            for backend in backends:
                if backend.reading:
                    backend.receive(bytes(500))
                    passed += 500
            self.clock.advance(0.01)
        self.assertApproximates(passed, 200_000, 30_000)
