"""
TCP through real sockets: bulk, first bytes, TLS for some, PROXY headers, crowds.
"""

from __future__ import annotations

import os
import random
import socket
import ssl

from lbproxy.l4.tcprelay import RelaySettings
from lbproxy.net.kernelpipes import KernelPipes
from lbproxy.net.plainside import PlainSide
from tests.integration.relaycase import NAME, RelayCase
from tests.net.reactorcase import descriptors
from tests.wire.test_clienthello import pythonHello

SIZE = 24 << 20


class BulkTests(RelayCase):
    """
    Much, which is spliced.
    """

    def splices(self) -> int:
        """
        How many directions are being spliced right now.
        """
        sides = [
            side
            for connection in self.relay.connections
            if connection._pipe is not None
            for side in (connection._pipe.client, connection._pipe.backend)
        ]
        return sum(isinstance(side, PlainSide) and side.splice is not None for side in sides)

    def test_bothWaysAtOnce(self) -> None:
        """
        Tens of megabytes in each direction arrive unchanged, are spliced, and are counted.
        """
        self.listen()
        before = descriptors()
        client, backend = self.couple()
        said = os.urandom(SIZE)
        views = {client: memoryview(said), backend: memoryview(said)}
        most = 0

        def done() -> bool:
            nonlocal most
            for peer, other in (client, backend), (backend, client):
                views[peer] = views[peer][peer.send(bytes(views[peer][: 1 << 20])) :]
                other.read()
            most = max(most, self.splices())
            return len(client.received) == len(backend.received) == SIZE

        self.until(done)
        self.assertEqual(most, 2)
        self.assertTrue(client.received == said and backend.received == said)
        client.sayGoodbye()
        backend.hearsEnd("end")
        backend.sayGoodbye()
        client.hearsEnd("end")
        self.assertNothingLeft(before)
        self.assertEqual((self.records[0].bytesUp, self.records[0].bytesDown), (SIZE, SIZE))

    def test_slowReader(self) -> None:
        """
        A reader that takes a bit at a time gets all; the writer waits for it.
        """
        self.listen()
        before = descriptors()
        client, backend = self.couple()
        size = SIZE // 4
        said, rng = os.urandom(size), random.Random(1)
        view, received = memoryview(said), bytearray()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)

        def done() -> bool:
            nonlocal view
            if view:
                view = view[backend.send(bytes(view[: 1 << 20])) :]
                if not view:
                    backend.sayGoodbye()
            try:
                received.extend(client.socket.recv(rng.choice((1_000, 30_000, 300_000))))
            except BlockingIOError:
                pass
            return len(received) == size

        self.until(done)
        self.assertTrue(bytes(received) == said)
        client.close()
        self.assertNothingLeft(before)

    def test_smallAgainAfterMuch(self) -> None:
        """
        A connection that talks in small pieces after a large one gives its kernel pipe back.
        """
        self.listen()
        client, backend = self.couple()
        said = bytes(SIZE)
        view = memoryview(said)

        def arrived() -> bool:
            nonlocal view
            view = view[client.send(bytes(view[: 1 << 20])) :]
            return len(backend.read().received) == SIZE

        self.until(arrived)
        self.assertEqual(self.splices(), 1)
        backend.received = b""
        for _ in range(40):
            client.sendAll(b"ping")
            backend.hears(b"ping")
        self.assertEqual(self.splices(), 0)

    def test_closingInTheMiddle(self) -> None:
        """
        Closing in peace delivers everything that was taken, also what is in the kernel's pipe.
        """
        self.listen()
        for number in 0, 1:
            before = descriptors()
            peers = self.couple()
            talker, reader = peers[number], peers[1 - number]
            said, taken, idle = os.urandom(1 << 20), 0, 0
            while idle < 20:
                count = talker.send(said)
                taken, idle = taken + count, 0 if count else idle + 1
                said = said[count:] + said[:count]
                self.reactor.iterate(0.001)
            self.assertEqual(self.splices(), 1)
            self.relay.closeAll()
            reader.hearsEnd("end")
            for peer in peers:
                peer.close()
            self.waitForEnd()
            record = self.records.pop()
            self.assertEqual(len(reader.received), max(record.bytesUp, record.bytesDown))
            self.assertGreater(len(reader.received), 1 << 20)
            self.assertEqual(record.code, "drained")
            self.assertNothingLeft(before)

    def test_withoutKernelPipes(self) -> None:
        """
        Where no pipe is to be had bytes are copied.
        """
        self.listen()
        self.relay.kernelPipes = KernelPipes(limit=0)
        client, backend = self.couple()
        said = os.urandom(1 << 20) * 8
        view = memoryview(said)

        def arrived() -> bool:
            nonlocal view
            view = view[client.send(bytes(view[: 1 << 20])) :]
            self.assertEqual(self.splices(), 0)
            return len(backend.read().received) == len(said)

        self.until(arrived)
        self.assertTrue(backend.received == said)

    def test_resetInTheMiddle(self) -> None:
        """
        Breaking off while bytes are in the kernel's pipe leaves nothing behind.
        """
        self.listen()
        for number in 0, 1, 0, 1:
            before = descriptors()
            peers = self.couple()
            talker, silent = peers[number], peers[1 - number]
            for _ in range(60):
                talker.send(bytes(1 << 20))
                self.reactor.iterate(0)
                if _ < 20:
                    silent.read()
            self.assertEqual(self.splices(), 1)
            peers[_ % 2].reset()
            # Who is paused does not see the other's reset: then its own read tells.
            peers[1 - _ % 2].hearsEnd("reset")
            for peer in peers:
                peer.close()
            self.assertNothingLeft(before)


class HelloTests(RelayCase):
    """
    Routes by what the first bytes say.
    """

    def test_theBytesGoOnUntouched(self) -> None:
        """
        The backend gets the hello as it was sent, however it was cut, and all that follows.
        """
        self.listen(self.route("named", serverNames=[NAME]), self.route("rest"))
        hello = pythonHello(NAME, "h2")
        for pieces in [hello], [hello[:3], hello[3:90], hello[90:]], [hello + b"and more"]:
            client = self.dial()
            for piece in pieces:
                client.sendAll(piece)
                self.turns(1)
            self.accept().hears(b"".join(pieces))
            client.reset()
            self.waitForEnd()
            self.assertEqual(self.records.pop().route, "named")

    def test_throughToTheBackendsTLS(self) -> None:
        """
        TLS between client and backend comes up through the relay.
        """
        self.listen(self.route("named", serverNames=["*.test"]))
        client = self.dial(tls=True)
        client.shaken()
        backend = self.accept(tls=True)
        self.until(lambda: all([client.shaken(), backend.shaken()]))
        client.sendAll(b"secret")
        backend.hears(b"secret")

    def test_notTLS(self) -> None:
        """
        Who speaks something else takes the route without a name.
        """
        self.listen(self.route("named", serverNames=[NAME]), self.route("rest"))
        client = self.dial()
        client.sendAll(b"SSH-2.0-x\r\n")
        self.accept().hears(b"SSH-2.0-x\r\n")

    def test_silentClients(self) -> None:
        """
        A client that waits for the server to speak gets its turn after the hello's time is up;
        one that stops in the middle of its hello is closed.
        """
        self.listen(self.route("named", serverNames=[NAME]), self.route("rest"))
        for said in b"", pythonHello(NAME)[:50]:
            client = self.dial()
            client.sendAll(said) if said else None
            self.until(lambda: self.relay.connections)
            self.turns()
            self.clock.advance(10.2)
            if said:
                client.hearsEnd("end", "reset")
                self.assertEqual(self.records[-1].code, "helloTimeout")
            else:
                self.accept().sendAll(b"220 hello")
                client.hears(b"220 hello")
                client.reset()
            self.waitForEnd()

    def test_badHello(self) -> None:
        """
        A hello that is none goes nowhere.
        """
        self.listen(self.route("named", serverNames=[NAME]), self.route("rest"))
        client = self.dial()
        client.sendAll(b"\x16\x03\x01\x00\x05\x02\0\0\0\0")
        client.hearsEnd("end", "reset")
        self.assertEqual(self.records[-1].code, "badHello")


class SomeTLSTests(RelayCase):
    """
    TLS is ended here for some names, and passed through for others.
    """

    def listenWith(self) -> None:
        passing = self.route("through", passthrough=True, serverNames=["through.test"])
        self.listen(passing, self.route("here")).tls = self.serverTLS()

    def test_endedHere(self) -> None:
        """
        A name that no route passes through: the backend sees plain bytes.
        """
        self.listenWith()
        before = descriptors()
        client = self.dial(tls=True)
        self.until(client.shaken)
        backend = self.accept()
        client.sendAll(b"hello")
        backend.hears(b"hello")
        backend.sendAll(b"hi")
        client.hears(b"hi")
        backend.sayGoodbye()
        client.hearsEnd("end")
        client.close()
        backend.close()
        self.assertNothingLeft(before)
        self.assertEqual(self.records[0].route, "here")

    def test_manySmallSegments(self) -> None:
        """
        Looking at a hello that comes byte by byte takes no byte away from the handshake.
        """
        self.listenWith()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context(server=False).wrap_bio(incoming, outgoing, server_hostname=NAME)
        client = self.dial()

        def step() -> bool:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    client.sendAll(bytes((byte,)))
                    self.reactor.iterate(0)
                incoming.write(client.read().received)
                client.received = b""
                return False
            return True

        self.until(step)
        client.sendAll(outgoing.read())
        tls.write(b"hello")
        client.sendAll(outgoing.read())
        self.accept().hears(b"hello")

    def test_passedThrough(self) -> None:
        """
        A name that a route passes through: the backend sees the hello.
        """
        self.listenWith()
        hello = pythonHello("through.test")
        client = self.dial()
        client.sendAll(hello)
        self.accept().hears(hello)

    def test_notTLS(self) -> None:
        """
        Who speaks no TLS where it would be ended here is closed.
        """
        self.listenWith()
        before = descriptors()
        client = self.dial()
        client.sendAll(b"GET / HTTP/1.0\r\n\r\n")
        client.hearsEnd("end", "reset")
        client.close()
        self.assertNothingLeft(before)
        self.assertEqual(self.records[0].code, "tlsFailed")

    def test_leavingMeanwhile(self) -> None:
        """
        A client may leave in the middle of its hello, or of the handshake.
        """
        self.listenWith()
        before = descriptors()
        for said in b"", pythonHello(NAME)[:100], pythonHello(NAME):
            for leave in "sayGoodbye", "reset":
                client = self.dial()
                client.sendAll(said) if said else None
                self.until(lambda: self.relay.connections)
                self.turns()
                getattr(client, leave)()
                self.waitForEnd()
                client.close()
        self.assertNothingLeft(before)

    def test_stopMeanwhile(self) -> None:
        """
        The end of patience finds clients in their hello and in their handshake, too.
        """
        self.listenWith()
        before = descriptors()
        clients = [self.dial() for _ in range(2)]
        clients[0].sendAll(pythonHello(NAME)[:100])
        clients[1].sendAll(pythonHello(NAME))
        self.until(lambda: len(self.relay.connections) == 2)
        self.turns(5)
        self.relay.abortAll()
        for client in clients:
            client.hearsEnd("end", "reset")
            client.close()
        self.assertNothingLeft(before)


class AnnouncedTests(RelayCase):
    """
    PROXY headers towards the backend.
    """

    def test_plain(self) -> None:
        """
        The backend is told who the client is, before its first byte.
        """
        self.listen(self.route("all", sendProxy="v1"))
        client, backend = self.couple()
        client.sendAll(b"hello")
        host, port = client.socket.getsockname()
        ours = self.port.socket.getsockname()[1]
        line = f"PROXY TCP4 {host} 127.0.0.1 {port} {ours}\r\n"
        backend.hears(line.encode() + b"hello")

    def test_beforeTLS(self) -> None:
        """
        The header stands before the handshake with the backend.
        """
        self.listen(self.route("all", sendProxy="v2", tls=self.clientTLS()))
        self.dial()
        backend = self.accept()
        self.until(lambda: len(backend.read().received) > 40)
        self.assertEqual(backend.received[:12], b"\r\n\r\n\0\r\nQUIT\n")
        self.assertEqual(backend.received[28:30], b"\x16\x03")


class CrowdTests(RelayCase):
    """
    So many at a time.
    """

    def test_waitingInTheBacklog(self) -> None:
        """
        Over the limit clients are connected by the kernel, and served when there is room.
        """
        self.listen(settings=RelaySettings(maxConnections=2))
        clients = [self.dial() for _ in range(4)]
        self.until(lambda: self.relay.active == 2)
        self.turns(10)
        self.assertEqual(self.relay.total, 2)
        clients[0].reset()
        clients[1].reset()
        self.until(lambda: self.relay.total == 4)
        self.assertEqual(self.relay.active, 2)

    def test_manyComeAndGo(self) -> None:
        """
        Hundreds of connections leave nothing behind.
        """
        self.listen()
        before = descriptors()
        for number in range(200):
            client = self.dial()
            backend = self.accept()
            client.sendAll(b"ping")
            backend.hears(b"ping")
            (client if number % 2 else backend).close()
            (backend if number % 2 else client).hearsEnd("end")
            client.close()
            backend.close()
        self.assertNothingLeft(before)
        self.assertEqual(len(self.records), 200)

    def test_backendGone(self) -> None:
        """
        A backend that refuses, with no other there: the client is closed.
        """
        self.listen()
        self.backendSocket.close()
        client = self.dial()
        client.hearsEnd("end")
        self.assertEqual(self.records[0].code, "connectFailed")
