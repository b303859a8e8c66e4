"""
How a relayed connection ends: {TCP, TLS} on both legs, {end, reset, silence, stall} on either side.

Each test goes through all four pairs of legs, and sees that no descriptor, deadline or lease is
left.
"""

from __future__ import annotations

from collections.abc import Callable

from lbproxy.l4.tcprelay import RelaySettings
from lbproxy.net.pipe import LINGER
from tests.integration.relaycase import Peer, RelayCase
from tests.net.reactorcase import descriptors

IDLE = 60.0
LEGS = [(False, False), (False, True), (True, False), (True, True)]
# More than the kernel and we together hold for somebody who does not read.
FLOOD = bytes(1 << 16)
# Python's TLS calls both the same at times.
BROKEN_OFF = {False: ("reset",), True: ("reset", "cut")}


class CloseMatrixTests(RelayCase):
    """
    C{first} is who acts, C{second} the other; C{client} and C{backend} take turns in both parts.
    """

    def throughAll(self, play: Callable[[Peer, Peer], None], *codes: str) -> None:
        """
        Play it over all legs, first with the client, then with the backend as the one who acts.

        @param codes: what is logged then: for the client, for the backend.
        """
        for clientTLS, backendTLS in LEGS:
            self.listen(
                self.route("all", tls=self.clientTLS() if backendTLS else None),
                tls=self.serverTLS() if clientTLS else None,
                settings=RelaySettings(idleTimeout=IDLE),
            )
            for number, code in enumerate(codes):
                before = descriptors()
                peers = self.couple(clientTLS, backendTLS)
                play(peers[number], peers[1 - number])
                for peer in peers:
                    peer.close()
                self.assertNothingLeft(before)
                self.assertEqual(self.records.pop().code, code)
            self.port.stopListening()

    def pass_(self, seconds: float) -> None:
        """
        Let time pass in steps, as it does.
        """
        for _ in range(int(seconds * 2)):
            self.clock.advance(0.5)
            self.reactor.iterate(0)

    def test_end(self) -> None:
        """
        A side says goodbye: the other has all that was said, and is told. Over TCP, and towards
        TLS, it may still answer; a goodbye by TLS ends both ways.
        """

        def play(first: Peer, second: Peer) -> None:
            first.sendAll(b"last words")
            first.sayGoodbye()
            second.hears(b"last words")
            second.hearsEnd("end")
            if not first.secure:
                second.sendAll(b"answer")
                second.sayGoodbye()
                first.hears(b"answer")
                first.hearsEnd("end")

        self.throughAll(play, "clientClosed", "backendClosed")

    def test_close(self) -> None:
        """
        A side just closes, over TLS without a goodbye: what it said arrives, then the end.
        """

        def play(first: Peer, second: Peer) -> None:
            first.sendAll(b"all of this" * 10_000)
            first.read()  # session tickets: left unread they would make it a reset
            first.close()
            second.hears(b"all of this" * 10_000)
            second.hearsEnd("end")

        self.throughAll(play, "clientClosed", "backendClosed")

    def test_reset(self) -> None:
        """
        A side breaks off: so does the relay towards the other.
        """

        def play(first: Peer, second: Peer) -> None:
            first.sendAll(b"hello")
            second.hears(b"hello")
            first.reset()
            second.hearsEnd(*BROKEN_OFF[second.secure])

        self.throughAll(play, "clientReset", "backendReset")

    def test_resetWhileTheOtherTalks(self) -> None:
        """
        A side breaks off while much is on its way to it: the talker is reset.
        """

        def play(first: Peer, second: Peer) -> None:
            second.sendAll(FLOOD)
            first.reset()
            second.hearsEnd(*BROKEN_OFF[second.secure])

        self.throughAll(play, "clientReset", "backendReset")

    def test_silence(self) -> None:
        """
        Nobody says anything: after the idle timeout both are closed in peace.
        """

        def play(first: Peer, second: Peer) -> None:
            first.sendAll(b"hello")
            second.hears(b"hello")
            self.pass_(IDLE - 2)
            self.assertEqual((first.read().ended, second.read().ended), ("", ""))
            self.pass_(IDLE / 2)
            first.hearsEnd("end")
            second.hearsEnd("end")

        self.throughAll(play, "idle", "idle")

    def test_stalled(self) -> None:
        """
        A side reads nothing while the other talks without end: the talker is held back, and in the
        end both are cut off.
        """

        def play(first: Peer, second: Peer) -> None:
            taken, idleTurns = 0, 0
            while idleTurns < 20:
                count = second.send(FLOOD)
                taken += count
                idleTurns = 0 if count else idleTurns + 1
                self.reactor.iterate(0.001)
            self.assertLess(taken, 64 << 20)
            self.pass_(IDLE * 1.5 + 3 * LINGER)
            self.turns()
            second.hearsEnd("end", "reset", "cut")
            self.waitForEnd()

        self.throughAll(play, "idle", "idle")

    def test_stalledThenReading(self) -> None:
        """
        A side that reads late, but reads, gets everything, also after the other has left.
        """
        said = bytes(range(256)) * 16_384

        def play(first: Peer, second: Peer) -> None:
            second.sendAll(said)
            second.sayGoodbye()
            self.turns()
            first.hears(said)
            first.hearsEnd("end")

        self.throughAll(play, "backendClosed", "clientClosed")

    def test_bothResetAtOnce(self) -> None:
        """
        Both break off in the same moment.
        """

        def play(first: Peer, second: Peer) -> None:
            first.reset()
            second.reset()
            self.waitForEnd()
            self.records[-1] = self.records[-1]._replace(code="reset")

        self.throughAll(play, "reset", "reset")
