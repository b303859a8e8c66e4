"""
Tests for L{lbproxy.l7.trouble}: second chances.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionLost, TimeoutError
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import Outcome
from lbproxy.l7.upstream import UpstreamSettings
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.backend import BackendSpec
from lbproxy.pool.budget import BudgetSettings
from lbproxy.pool.context import PlainContext
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from tests.l7.doubles import GET, LOST, OK, Dialed, Stage

BAD = OK.replace(b"200 OK", b"503 Service Unavailable")
MANY = ("b1", "b2", "b3", "b4", "b5")


class TroubleCase(SynchronousTestCase):
    """
    A listener with several backends.
    """

    def play(
        self,
        *backends: str,
        policy: Policy | None = None,
        maxConnections: int = 0,
        **settings: Any,
    ) -> None:
        """
        Set the stage.
        """
        self.stage = Stage(backends, upstream=UpstreamSettings(**settings))
        if policy is not None or maxConnections:
            old = self.stage.pool
            specs = [
                BackendSpec(name, old.backends[name].address, maxConnections=maxConnections)
                for name in backends
            ]
            pool = Pool("web", specs, seconds=self.stage.clock.seconds, policy=policy)
            self.stage.pool = self.stage.upstream.pool = pool
        self.protocol, self.wire = self.stage.connect()

    def send(self, method: bytes = b"GET") -> None:
        """
        A request.
        """
        self.protocol.dataReceived(GET.replace(b"GET", method))

    def last(self) -> Dialed:
        """
        The last connection wanted, accepted.
        """
        dialed = self.stage.dials[-1]
        if not dialed.accepted:
            dialed.accept()
        return dialed

    def status(self) -> int:
        """
        Of the answer; 0 when there is none yet.
        """
        answer = self.wire.take()
        return int(answer[9:12]) if answer else 0

    def tried(self) -> list[str]:
        """
        The backends dialed, in order.
        """
        return [dialed.backend.name for dialed in self.stage.dials]

    def assertSettled(self) -> None:
        """
        No lease and no wait is left, and the retry budget is whole.
        """
        pool = self.stage.pool
        self.assertEqual(pool.active, 0)
        self.assertEqual(len(pool.admission.room), 0)


class AnotherBackendTests(TroubleCase):
    """
    Trying elsewhere.
    """

    def test_neverTheSame(self) -> None:
        """
        Each try goes to a backend that had none.
        """
        self.play(*MANY, attempts=4)
        self.send()
        for _ in range(4):
            self.stage.dials[-1].refuse()
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(sorted(self.tried()), sorted(MANY))
        self.assertSettled()

    def test_asOftenAsWanted(self) -> None:
        """
        After so many more attempts it is over, although there were more backends.
        """
        for attempts in (0, 1, 2):
            self.play(*MANY, attempts=attempts)
            self.send()
            for dialed in iter(lambda: self.stage.dials[-1], None):
                if self.stage.records:
                    break
                dialed.refuse()
            self.assertEqual(len(self.stage.dials), attempts + 1)
            self.assertEqual(self.status(), 502)
            self.assertSettled()

    def test_onlyWhatIsWanted(self) -> None:
        """
        What isn't in C{retries.on} isn't repeated.
        """
        self.play("b1", "b2", retryOn=frozenset())
        self.send()
        self.stage.dials[0].refuse()
        self.assertEqual(self.status(), 502)
        self.send()
        self.last().wire.lose(LOST)
        self.assertEqual(self.status(), 502)
        self.send()
        self.last().answer(BAD)
        self.assertEqual(self.status(), 503)
        self.assertSettled()

    def test_methods(self) -> None:
        """
        What a backend may have acted on is repeated only where that changes nothing.
        """
        for method, repeated in (
            (b"GET", True),
            (b"HEAD", True),
            (b"OPTIONS", True),
            (b"PUT", True),
            (b"DELETE", True),
            (b"POST", False),
            (b"PATCH", False),
            (b"get", False),
            (b"PURGE", False),
        ):
            for answers in (False, True):
                self.play("b1", "b2")
                self.send(method)
                if answers:
                    self.last().answer(BAD)
                else:
                    self.last().wire.lose(LOST)
                self.assertEqual(len(self.stage.dials), 1 + repeated, method)
                self.assertEqual(self.status() in (502, 503), not repeated)

    def test_connectingChangesNothing(self) -> None:
        """
        Before anything was sent every request may go elsewhere.
        """
        self.play("b1", "b2")
        self.send(b"POST")
        self.stage.dials[0].refuse()
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)

    def test_bodies(self) -> None:
        """
        A body that is still held goes along; one that isn't keeps the request where it is.
        """
        for size, repeated in ((100, True), (200, False)):
            self.play("b1", "b2", bodyLimit=150)
            head = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 300\r\n\r\n"
            self.protocol.dataReceived(head)
            self.last()
            self.protocol.dataReceived(b"x" * size)
            self.last().wire.lose(LOST)
            self.assertEqual(len(self.stage.dials), 1 + repeated)
            if repeated:
                self.assertTrue(self.last().wire.take().endswith(b"\r\n\r\n" + b"x" * size))
                self.protocol.dataReceived(b"y" * (300 - size))
                self.assertEqual(self.last().wire.take(), b"y" * (300 - size))
                self.last().answer(OK)
            self.assertEqual(self.status(), 200 if repeated else 502)
            self.assertSettled()

    def test_closedWithoutAWord(self) -> None:
        """
        A backend that closes a new connection without an answer has failed: another one is tried.
        """
        self.play("b1", "b2")
        self.send()
        self.last().wire.lose()
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(sorted(self.tried()), ["b1", "b2"])
        self.assertEqual(self.stage.pool.backends[self.tried()[0]].failures, 1)

    def test_nonsenseIsNotRepeated(self) -> None:
        """
        A backend that answers nonsense has answered: who knows what it did.
        """
        self.play("b1", "b2")
        self.send()
        self.last().answer(b"nonsense\r\n\r\n")
        self.assertEqual(self.status(), 502)
        self.assertEqual(len(self.stage.dials), 1)

    def test_afterTheResponseBegan(self) -> None:
        """
        Once the client has seen a piece of a response there is no other one.
        """
        self.play("b1", "b2")
        self.send()
        self.last().answer(OK[:-1])
        self.last().wire.lose(LOST)
        self.assertTrue(self.wire.aborted)
        self.assertEqual(len(self.stage.dials), 1)
        self.assertSettled()

    def test_statusOfTheLast(self) -> None:
        """
        When all have failed the last failure is the answer: 502, or 504 for one in time.
        """
        self.play("b1", "b2")
        self.send()
        self.stage.dials[0].refuse(TimeoutError())
        self.stage.dials[1].refuse()
        self.assertEqual(self.status(), 502)
        self.send()
        self.stage.dials[2].refuse()
        self.stage.dials[3].refuse(TimeoutError())
        self.assertEqual(self.status(), 504)
        codes = [(record.code, record.detail) for record in self.stage.records]
        self.assertEqual(codes[0][0], "connectFailed")
        self.assertEqual(codes[1][0], "connectTimeout")
        self.assertIn("refused", codes[0][1])

    def test_perTryTimeout(self) -> None:
        """
        A slow backend gets its time, then another one its own.
        """
        self.play("b1", "b2", perTryTimeout=5.0)
        self.send()
        self.last()
        self.stage.advance(5.2)
        self.assertEqual(len(self.stage.dials), 2)
        self.last()
        self.stage.advance(4.5)
        self.assertEqual(self.status(), 0)
        self.stage.advance(0.7)
        self.assertEqual(self.status(), 504)
        self.assertSettled()

    def test_withoutPerTryTimeout(self) -> None:
        """
        Without it a request that timed out isn't repeated.
        """
        self.play("b1", "b2", headTimeout=5.0)
        self.send()
        self.last()
        self.stage.advance(5.3)
        self.assertEqual(self.status(), 504)
        self.assertEqual(len(self.stage.dials), 1)

    def test_outcomes(self) -> None:
        """
        The one that failed is to blame, the one that served isn't.
        """
        self.play("b1", "b2")
        self.send()
        self.stage.dials[0].refuse()
        self.last().answer(OK)
        backends = self.stage.pool.backends
        self.assertEqual([backends[name].failures for name in self.tried()], [1, 0])
        self.assertEqual(self.stage.records[0].served, "web/" + self.tried()[1])

    def test_connectsAreNoRepetition(self) -> None:
        """
        However many backends can't be reached: nothing was sent, so all go elsewhere.
        """
        self.play(*MANY, policy=Policy(retries=BudgetSettings(0.2)))
        clients = [self.stage.connect() for _ in range(30)]
        for protocol, _ in clients:
            protocol.dataReceived(GET)
        for dialed in self.stage.dials[:30]:
            dialed.refuse()
        for dialed in self.stage.dials[30:]:
            dialed.accept()
            dialed.answer(OK)
        served = sum(wire.value().startswith(b"HTTP/1.1 200 ") for _, wire in clients)
        self.assertEqual(served, 30)
        self.assertSettled()

    def test_budget(self) -> None:
        """
        When too much is repeated already, nothing more is: a pool in trouble isn't asked twice for
        everything.
        """
        self.play(*MANY, policy=Policy(retries=BudgetSettings(0.2)))
        clients = [self.stage.connect() for _ in range(30)]
        for protocol, _ in clients:
            protocol.dataReceived(GET)
        for dialed in self.stage.dials[:30]:
            dialed.accept().lose(LOST)
        again = len(self.stage.dials) - 30
        self.assertTrue(3 <= again <= 10, again)
        refused = sum(wire.value().startswith(b"HTTP/1.1 502 ") for _, wire in clients)
        self.assertEqual(refused, 30 - again)
        for dialed in self.stage.dials[30:]:
            dialed.accept()
            dialed.answer(OK)
        self.assertSettled()


class StatusTests(TroubleCase):
    """
    Responses that are tried again.
    """

    def test_otherBackendServes(self) -> None:
        """
        The client doesn't see the first answer; the connection it came on is kept.
        """
        self.play("b1", "b2")
        self.send()
        self.last().answer(BAD)
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(len(self.stage.records), 1)
        self.assertEqual(self.stage.records[0].code, "ok")
        self.assertFalse(self.stage.dials[0].wire.disconnecting)
        self.assertEqual(self.stage.pool.backends[self.tried()[0]].failures, 1)
        self.assertSettled()

    def test_longAnswer(self) -> None:
        """
        One whose body is still coming is dropped with its connection.
        """
        self.play("b1", "b2")
        self.send()
        self.last().answer(BAD[:-1])
        self.assertTrue(self.stage.dials[0].wire.aborted)
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertSettled()

    def test_lastOneIsPassedOn(self) -> None:
        """
        When all say so, the client gets what the last one said.
        """
        self.play("b1", "b2")
        self.send()
        for _ in range(2):
            self.last().answer(BAD)
        self.assertEqual(self.status(), 503)
        self.assertEqual(len(self.stage.dials), 2)
        self.assertSettled()

    def test_otherStatuses(self) -> None:
        """
        500 is an answer, and so is 404.
        """
        for status in (b"500", b"404", b"501"):
            self.play("b1", "b2")
            self.send()
            self.last().answer(OK.replace(b"200", status))
            self.assertEqual(self.status(), int(status))
            self.assertEqual(len(self.stage.dials), 1)

    def test_wantedStatuses(self) -> None:
        """
        A user may want others.
        """
        self.play("b1", "b2", retryOn=frozenset((404,)))
        self.send()
        self.last().answer(OK.replace(b"200", b"404"))
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)


class KeepAliveRaceTests(TroubleCase):
    """
    A kept connection that closes just as a request is sent on it.

    @ivar cut: where the answer before that was cut.
    """

    cut = len(OK)

    def kept(self, method: bytes = b"GET") -> Dialed:
        """
        A request on a connection that has served.
        """
        self.send()
        dialed = self.last()
        dialed.answer(OK[: self.cut])
        if self.cut < len(OK):
            dialed.answer(OK[self.cut :])
        self.status()
        self.send(method)
        return dialed

    def test_newConnectionToTheSame(self) -> None:
        """
        It is no failure: a new connection to the same backend serves.
        """
        self.play("b1")
        self.kept().wire.lose()
        self.assertEqual(self.tried(), ["b1", "b1"])
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertEqual(self.stage.pool.backends["b1"].failures, 0)
        self.assertSettled()

    def test_onlyOnce(self) -> None:
        """
        A new connection that closes, too, is a failure.
        """
        self.play("b1")
        self.kept().wire.lose()
        self.last().wire.lose()
        self.assertEqual(self.status(), 502)
        self.assertEqual(self.stage.pool.backends["b1"].failures, 1)
        self.assertSettled()

    def test_notForPost(self) -> None:
        """
        POST may have been acted on.
        """
        self.play("b1", "b2")
        self.stage.pool.replaceBackends([BackendSpec("b1", self.stage.pool.backends["b1"].address)])
        self.kept(b"POST").wire.lose()
        self.assertEqual(self.status(), 502)
        self.assertEqual(len(self.stage.dials), 1)

    def test_notAfterAByte(self) -> None:
        """
        Nor is it that race when a piece of an answer has come: then another backend is tried.
        """
        self.play("b1")
        dialed = self.kept()
        dialed.answer(b"HTTP")
        dialed.wire.lose()
        self.assertEqual(self.status(), 502)
        self.assertEqual(self.stage.pool.backends["b1"].failures, 1)

    def test_newConnectionFails(self) -> None:
        """
        When the backend can't be reached any more another one serves.
        """
        self.play("b1")
        dialed = self.kept()
        spec = [BackendSpec(name, dialed.backend.address) for name in ("b1", "b2")]
        self.stage.pool.replaceBackends(spec)
        dialed.wire.lose()
        self.stage.dials[-1].refuse()
        self.assertEqual(self.tried(), ["b1", "b1", "b2"])
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertSettled()


class KeepAliveRaceAfterPiecesTests(KeepAliveRaceTests):
    """
    The same where the answer before came in pieces.
    """

    cut = len(OK) - 1


class NobodyTests(TroubleCase):
    """
    No backend is to be had.
    """

    def test_nobody(self) -> None:
        """
        503, and the log says why.
        """
        self.play("b1")
        self.stage.pool.replaceBackends([])
        self.send()
        self.assertEqual(self.status(), 503)
        record = self.stage.records[0]
        self.assertEqual(record.code, "noBackend")
        self.assertTrue(record.detail)

    def full(self, timeout: float = 5.0) -> list[Any]:
        """
        Every backend has all it can bear.

        @return: the leases.
        """
        queue = QueueSettings(size=2, timeout=timeout)
        self.play("b1", "b2", policy=Policy(queue=queue), maxConnections=1)
        return [self.stage.pool.acquire(PlainContext("192.0.2.9")) for _ in range(2)]

    def test_waiting(self) -> None:
        """
        Who finds all backends busy waits for the first that is free.
        """
        leases = self.full()
        self.send()
        self.assertEqual(self.stage.dials, [])
        leases[1].release(Outcome.OK)
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        leases[0].release(Outcome.OK)
        self.assertSettled()

    def test_waitingInVain(self) -> None:
        """
        But not for ever: 503, and when to come again.
        """
        leases = self.full()
        self.send()
        self.stage.advance(5.1)
        self.stage.pool.tick()
        answer = self.wire.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 503 "))
        self.assertIn(b"Retry-After: 5\r\n", answer)
        for lease in leases:
            lease.release(Outcome.OK)
        self.assertSettled()

    def test_queueFull(self) -> None:
        """
        When too many wait, who has waited for longest is told so.
        """
        leases = self.full()
        clients = [self.stage.connect() for _ in range(3)]
        for protocol, _ in clients:
            protocol.dataReceived(GET)
        answered = [wire.value()[9:12] for _, wire in clients]
        self.assertEqual(answered, [b"503", b"", b""])
        for lease in leases:
            lease.release(Outcome.OK)

    def test_clientLeavesQueue(self) -> None:
        """
        Who left while waiting gets nothing.
        """
        leases = self.full()
        self.send()
        self.wire.lose(LOST)
        for lease in leases:
            lease.release(Outcome.OK)
        self.assertEqual(self.stage.dials, [])
        self.assertSettled()

    def test_waitingForASecondTry(self) -> None:
        """
        A request whose backend failed waits for another one that is busy, and then is served there.
        """
        leases = self.full()
        leases[0].release(Outcome.OK)
        self.send()
        self.stage.dials[0].refuse(ConnectionLost())
        self.assertEqual(self.status(), 0)
        leases[1].release(Outcome.OK)
        self.assertEqual(len(self.stage.dials), 2)
        self.assertIsNot(self.stage.dials[1].backend, self.stage.dials[0].backend)
        self.last().answer(OK)
        self.assertEqual(self.status(), 200)
        self.assertSettled()
