"""
Promises of L{lbproxy.pool.admission}, through a pool.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.errors import NoBackendAvailable, Outcome
from lbproxy.pool.admission import QueueSettings
from lbproxy.pool.affinity.cookie import CookieAffinity, CookieSettings
from lbproxy.pool.backend import Health
from lbproxy.pool.lease import Lease
from lbproxy.pool.policy import Policy
from lbproxy.pool.pool import Pool
from lbproxy.pool.refusal import Refused
from lbproxy.pool.waiting import Wait
from lbproxy.testing import FakeContext, buildPool, spec

OK = Outcome.OK


class Client:
    """
    Somebody who asks, waits if need be, and remembers what came of it.
    """

    def __init__(self, pool: Pool, context: FakeContext | None = None) -> None:
        self.pool = pool
        self.context = context or FakeContext()
        self.lease: Lease | None = None
        self.refused = ""
        self.waiting: Wait | None = None

    def ask(self) -> Client:
        try:
            self.leaseGranted(self.pool.acquire(self.context))
        except Refused as error:
            if error.mayWait:
                self.waiting = self.pool.wait(self.context, self)
            else:
                self.leaseRefused(error)
        return self

    def leaseGranted(self, lease: Lease) -> None:
        assert self.lease is None and not self.refused
        self.lease = lease

    def leaseRefused(self, error: NoBackendAvailable) -> None:
        assert self.lease is None and not self.refused
        self.refused = error.reason

    def finish(self) -> None:
        assert self.lease is not None
        self.lease.release(OK)

    @property
    def state(self) -> str:
        if self.lease is not None:
            return self.lease.backend.name
        return self.refused or "waits"


class _Building(SynchronousTestCase):
    def build(self, *backends: Any, affinity: Any = None, **queue: Any) -> Pool:
        self.clock = Clock()
        return buildPool(
            *(backends or [spec(name, maxConnections=1) for name in "ab"]),
            seconds=self.clock.seconds,
            affinity=affinity,
            policy=Policy(queue=QueueSettings(**queue)),
        )

    def ask(self, pool: Pool, count: int = 1, clientIP: str = "192.0.2.1") -> list[Client]:
        return [Client(pool, FakeContext(clientIP)).ask() for _ in range(count)]

    def states(self, clients: list[Client]) -> list[str]:
        return [client.state for client in clients]

    def pass_(self, seconds: float, pool: Pool) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
            pool.tick()


class QueueTests(_Building):
    """
    Everybody is full.
    """

    def test_withoutAQueueNobodyWaits(self) -> None:
        """That is the default: refused at once, with the reason."""
        pool = self.build()
        clients = self.ask(pool, 3)
        self.assertEqual(self.states(clients), ["a", "b", "no backend available: 2 full"])

    def test_waitsAndGoesOn(self) -> None:
        """Whoever waited is served by the first backend that has room."""
        pool = self.build(size=5)
        clients = self.ask(pool, 4)
        self.assertEqual(self.states(clients), ["a", "b", "waits", "waits"])
        clients[1].finish()
        self.assertEqual(self.states(clients), ["a", "b", "b", "waits"])
        clients[0].finish()
        self.assertEqual(self.states(clients), ["a", "b", "b", "a"])
        self.assertEqual(pool.active, 2)

    def test_nobodyOvertakes(self) -> None:
        """Whoever comes later waits behind those who do."""
        pool = self.build(spec("a", maxConnections=1), size=5)
        first, second, third = self.ask(pool, 3)
        first.finish()
        self.assertEqual(self.states([second, third]), ["a", "waits"])

    def test_waitsNoLongerThanItsTime(self) -> None:
        """After C{timeout} seconds it is refused, and told when to come again."""
        pool = self.build(size=5, timeout=5)
        clients = self.ask(pool, 3)
        self.pass_(4.9, pool)
        self.assertEqual(clients[2].state, "waits")
        self.pass_(0.2, pool)
        self.assertEqual(clients[2].state, "waited for too long")
        self.assertEqual(pool.admission.expired, 1)
        clients[0].finish()
        self.assertEqual(pool.active, 1)

    def test_isBoundedAndTheOldestGoesFirst(self) -> None:
        """The one who waited for longest makes room for the newest."""
        pool = self.build(size=2)
        clients = self.ask(pool, 5)
        self.assertEqual(self.states(clients), ["a", "b", "the queue is full", "waits", "waits"])
        self.assertEqual(pool.admission.shed, 1)

    def test_isFair(self) -> None:
        """A client with a hundred requests does not make another one wait for all of them."""
        pool = self.build(spec("a", maxConnections=1), size=200)
        holder, *crowd = self.ask(pool, 101, "192.0.2.66")
        (guest,) = self.ask(pool, 1, "192.0.2.7")
        holder.finish()
        self.assertEqual(self.states([crowd[0], guest]), ["a", "waits"])
        crowd[0].finish()
        self.assertEqual(self.states([crowd[1], guest]), ["waits", "a"])

    def test_isFairByWhatIsAsked(self) -> None:
        """A key other than the address can make the difference."""
        pool = self.build(spec("a", maxConnections=1), size=9, fairBy="header:X-User")
        users = [Client(pool, FakeContext(headers={"X-User": user})).ask() for user in "annb"]
        served = []
        for _ in users:
            now = next(u for u in users if u.lease is not None and not u.lease.released)
            served.append(users.index(now))
            now.finish()
        self.assertEqual(served, [0, 1, 3, 2])

    def test_whoeverLeavesIsNotServed(self) -> None:
        """A wait that is cancelled takes nothing and is told nothing."""
        pool = self.build(spec("a", maxConnections=1), size=5)
        first, second, third = self.ask(pool, 3)
        assert second.waiting is not None
        second.waiting.cancel()
        first.finish()
        self.assertEqual(self.states([second, third]), ["waits", "a"])

    def test_aBackendThatComesUpServesThem(self) -> None:
        """Room that appears in any way is used at once."""
        pool = self.build(*[spec(name, maxConnections=1) for name in "ab"], size=5)
        pool.setHealth(pool.backends["b"], Health.DOWN)
        clients = self.ask(pool, 2)
        self.assertEqual(self.states(clients), ["a", "waits"])
        pool.setHealth(pool.backends["b"], Health.UP)
        self.assertEqual(self.states(clients), ["a", "b"])

    def test_aHigherMaximumServesThem(self) -> None:
        """So does a new configuration."""
        pool = self.build(spec("a", maxConnections=1), size=5)
        clients = self.ask(pool, 3)
        pool.replaceBackends([spec("a", maxConnections=2)])
        self.assertEqual(self.states(clients), ["a", "a", "waits"])

    def test_whenAllGoDownTheyWaitOn(self) -> None:
        """They are refused when their time is over, not sent to the dead."""
        pool = self.build(spec("a", maxConnections=1), size=5, timeout=5)
        clients = self.ask(pool, 2)
        pool.setHealth(pool.backends["a"], Health.DOWN)
        clients[0].finish()
        self.assertEqual(clients[1].state, "waits")
        self.pass_(5.2, pool)
        self.assertEqual(clients[1].state, "waited for too long")

    def test_endingAtOnceDoesNotNest(self) -> None:
        """Thousands who finish as soon as they are served go through one after the other."""
        pool = self.build(spec("a", maxConnections=1), size=5_000)
        holder = pool.acquire(FakeContext())
        done: list[Lease] = []

        class Quick:
            def leaseGranted(self, lease: Lease) -> None:
                done.append(lease)
                lease.release(OK)

            def leaseRefused(self, error: NoBackendAvailable) -> None:
                raise AssertionError(error)

        for _ in range(5_000):
            pool.wait(FakeContext(), Quick())
        holder.release(OK)
        self.assertEqual(len(done), 5_000)
        self.assertEqual(pool.active, 0)

    def test_refusesSettingsThatMeanNothing(self) -> None:
        """Numbers are not negative, times more than 0, and the key must be known."""
        bad: list[dict[str, Any]] = [
            {"size": -1},
            {"holdSize": -1},
            {"timeout": 0},
            {"holdTimeout": 0},
            {"fairBy": "body"},
        ]
        for settings in bad:
            with self.assertRaises(ValueError):
                QueueSettings(**settings)


class OwnBackendTests(_Building):
    """
    Clients that belong to a backend which is full.
    """

    def setUp(self) -> None:
        self.pool = self.build(
            affinity=CookieAffinity(CookieSettings(["secret"])), size=9, timeout=5
        )
        self.home = Client(self.pool).ask()
        assert self.home.lease is not None
        self.context = self.home.context
        self.context.keepCookie(self.home.lease.setCookie)

    def test_waitsForItsOwn(self) -> None:
        """It waits though another has room, and is served by its own."""
        again = Client(self.pool, self.context).ask()
        self.assertEqual(again.state, "waits")
        self.home.finish()
        self.assertEqual(again.state, "a")
        assert again.lease is not None
        self.assertIsNone(again.lease.setCookie)

    def test_doesNotStandInTheWay(self) -> None:
        """Those whom anybody may serve go on meanwhile."""
        Client(self.pool, self.context).ask()
        other, late = Client(self.pool).ask(), Client(self.pool).ask()
        self.assertEqual(self.states([other, late]), ["b", "waits"])
        other.finish()
        self.assertEqual(late.state, "b")

    def test_goesElsewhereInTheEnd(self) -> None:
        """When its time is over it moves, with a new cookie, rather than failing."""
        again = Client(self.pool, self.context).ask()
        self.pass_(5.2, self.pool)
        self.assertEqual(again.state, "b")
        assert again.lease is not None
        self.assertIsNotNone(again.lease.setCookie)

    def test_failsWhenThereIsNobodyElseEither(self) -> None:
        """With all full its time being over is the end."""
        Client(self.pool).ask()
        again = Client(self.pool, self.context).ask()
        self.pass_(5.2, self.pool)
        self.assertEqual(again.state, "waited for too long")

    def test_movesWhenItsOwnGoesDown(self) -> None:
        """Waiting for the dead would be in vain."""
        again = Client(self.pool, self.context).ask()
        self.pool.setHealth(self.pool.backends["a"], Health.DOWN)
        self.assertEqual(again.state, "b")


class PauseTests(_Building):
    """
    Hold everything, then go on.
    """

    def test_holdsNewWorkAndLetsOldWorkEnd(self) -> None:
        """A pool without any limit, paused: what runs ends, what comes waits."""
        pool = self.build("a", "b")
        (running,) = self.ask(pool)
        pool.pause()
        held = self.ask(pool, 3)
        self.assertEqual(self.states(held), ["waits"] * 3)
        running.finish()
        self.assertEqual(self.states(held), ["waits"] * 3)
        self.assertEqual(pool.active, 0)

    def test_resumesLittleByLittle(self) -> None:
        """Twenty in two seconds: about one each tenth of a second, none left behind."""
        pool = self.build("a", "b")
        pool.pause()
        held = self.ask(pool, 20)
        pool.resume(over=2)
        self.assertEqual(pool.active, 0)
        self.pass_(1, pool)
        self.assertApproximates(pool.active, 10, 1)
        self.pass_(1.1, pool)
        self.assertEqual(pool.active, 20)
        self.assertNotIn("waits", self.states(held))

    def test_resumesAtOnceIfAsked(self) -> None:
        """With no time to spread over all go on."""
        pool = self.build("a", "b")
        pool.pause()
        held = self.ask(pool, 3)
        pool.resume(over=0)
        self.assertEqual(self.states(held), ["a", "b", "a"])

    def test_theNewGoOnAtOnce(self) -> None:
        """While those who were held are let go, whoever comes is served."""
        pool = self.build("a", "b")
        pool.pause()
        self.ask(pool, 10)
        pool.resume(over=5)
        self.assertNotEqual(self.states(self.ask(pool)), ["waits"])

    def test_isBoundedInCountAndTime(self) -> None:
        """No more than C{holdSize} wait, none longer than C{holdTimeout}."""
        pool = self.build("a", holdSize=2, holdTimeout=3)
        pool.pause()
        held = self.ask(pool, 3)
        self.pass_(3.2, pool)
        late = "waited for too long"
        self.assertEqual(self.states(held), ["the queue is full", late, late])

    def test_canBeRefusedInstead(self) -> None:
        """With no room to wait a paused pool says so."""
        pool = self.build("a", holdSize=0)
        pool.pause()
        self.assertEqual(self.states(self.ask(pool)), ["paused"])

    def test_affinityDoesNotHelp(self) -> None:
        """Clients that belong somewhere are held like all others."""
        pool = self.build("a", affinity=CookieAffinity(CookieSettings(["secret"])))
        context = FakeContext()
        lease = pool.acquire(context)
        context.keepCookie(lease.setCookie)
        pool.pause()
        self.assertEqual(Client(pool, context).ask().state, "waits")

    def test_pausedAgainWhileItResumes(self) -> None:
        """Whoever has not gone on yet is held again."""
        pool = self.build("a")
        pool.pause()
        self.ask(pool, 10)
        pool.resume(over=1)
        self.pass_(0.5, pool)
        pool.pause()
        active = pool.active
        self.pass_(2, pool)
        self.assertEqual(pool.active, active)
        pool.resume(over=0)
        self.assertEqual(pool.active, 10)

    def test_isTold(self) -> None:
        """Observers hear of both, once."""
        pool = self.build("a")
        heard: list[str] = []
        pool.observer = lambda event: heard.append(str(event))
        for _ in range(2):
            pool.pause()
        self.ask(pool, 2)
        for _ in range(2):
            pool.resume(over=0)
        self.assertEqual(heard, ["pool web paused: 0 waiting", "pool web resumed: 2 waiting"])


class WakeTests(_Building):
    """
    A pool that sleeps until somebody comes.
    """

    def test_wakesAndWaits(self) -> None:
        """The first who comes wakes it, and all wait for the first backend that is up."""
        pool = self.build(spec("a"), holdTimeout=30)
        woken: list[float] = []
        pool.admission.wake = lambda: woken.append(self.clock.seconds())
        pool.setHealth(pool.backends["a"], Health.DOWN)
        clients = self.ask(pool, 3)
        self.assertEqual(woken, [0])
        self.assertEqual(self.states(clients), ["waits"] * 3)
        pool.setHealth(pool.backends["a"], Health.UP)
        self.assertEqual(self.states(clients), ["a"] * 3)

    def test_anEmptyPoolCanBeWoken(self) -> None:
        """Its backends may be made by the hook itself."""
        pool = self.build(spec("a"))
        pool.replaceBackends([])
        pool.admission.wake = lambda: pool.replaceBackends([spec("new")])
        self.assertEqual(self.states(self.ask(pool, 2)), ["new", "new"])

    def test_isWokenAgainWhenItDidNotHelp(self) -> None:
        """After the time that anybody waits for it, not sooner."""
        pool = self.build(spec("a"), holdTimeout=30)
        woken: list[float] = []
        pool.admission.wake = lambda: woken.append(self.clock.seconds())
        pool.replaceBackends([])
        for _ in range(4):
            self.ask(pool)
            self.clock.advance(10)
        self.assertEqual(woken, [0, 30])

    def test_aRetryWakesNobody(self) -> None:
        """Those who are there were tried: that is no reason to wake others, or to wait."""
        pool = self.build(spec("a"), size=9)
        pool.admission.wake = self.fail
        error = self.assertRaises(Refused, pool.acquire, FakeContext(), [pool.backends["a"]])
        self.assertFalse(error.mayWait)

    def test_withoutAHookItFails(self) -> None:
        """Nobody can be woken, nobody waits."""
        pool = self.build(spec("a"))
        pool.setHealth(pool.backends["a"], Health.DOWN)
        self.assertEqual(self.states(self.ask(pool)), ["no backend available: 1 down"])
