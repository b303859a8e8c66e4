"""
Tests for L{lbproxy.l7.guards}: may this request pass at all?
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.composite import GuardedPlan
from lbproxy.l7.guards import BasicAuthGuard, Guard, RateGuard, credentials
from lbproxy.l7.matching import Match
from lbproxy.l7.routing import Route
from lbproxy.net.ratelimit import RateLimit
from tests.l7.doubles import GET, LOST, OK, Stage

RIGHT = b"Authorization: Basic " + b64encode(b"joe:right") + b"\r\n"
WRONG = b"Authorization: Basic " + b64encode(b"joe:wrong") + b"\r\n"


class Passwords:
    """
    Knows one password; answers at once, or when told to.
    """

    def __init__(self, later: bool = False) -> None:
        self._later = later
        self.waiting: list[Callable[[], None]] = []

    def verify(self, user: str, password: str, answer: Callable[[bool], None]) -> None:
        """
        joe's is C{right}.
        """
        right = (user, password) == ("joe", "right")
        if self._later:
            self.waiting.append(lambda: answer(right))
        else:
            answer(right)


class GuardCase(SynchronousTestCase):
    """
    A listener whose one route has a guard.
    """

    def guarded(self, guard: Guard) -> None:
        """
        Set the stage.
        """
        self.stage = Stage(routes=lambda plain: [Route(Match(), GuardedPlan([guard], plain))])
        self.protocol, self.wire = self.stage.connect()

    def ask(self, *fields: bytes) -> int:
        """
        @return: the status of the answer; 0 when a backend is asked.
        """
        self.protocol.dataReceived(GET[:-2] + b"".join(fields) + b"\r\n")
        answer = self.wire.take()
        return int(answer[9:12]) if answer else 0


class RateGuardTests(GuardCase):
    """
    Those who come too often.
    """

    def setUp(self) -> None:
        self.clock = Clock()
        limit = RateLimit(2, 60.0, 1, self.clock.seconds)
        self.guarded(RateGuard(limit, lambda exchange: exchange.clientIP))

    def test_tooOften(self) -> None:
        """
        429, and when to come again; then it is let in.
        """
        self.assertEqual(self.ask(), 0)
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(OK)
        self.wire.take()
        self.protocol.dataReceived(GET)
        answer = self.wire.take()
        self.assertTrue(answer.startswith(b"HTTP/1.1 429 Too Many Requests\r\n"))
        self.assertIn(b"Retry-After: 30\r\n", answer)
        self.assertEqual(self.stage.records[-1].code, "rateLimited")
        self.assertFalse(self.wire.disconnecting)
        self.clock.advance(30)
        self.assertEqual(self.ask(), 0)

    def test_retryAfterIsWholeSeconds(self) -> None:
        """
        Part of a second is told as one: coming at the time told is never too early.
        """
        self.ask()
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(OK)
        self.clock.advance(29.5)
        self.wire.take()
        self.protocol.dataReceived(GET)
        self.assertIn(b"Retry-After: 1\r\n", self.wire.take())

    def test_eachByItself(self) -> None:
        """
        One client's haste is not another's.
        """
        self.ask()
        other, wire = self.stage.connect("192.0.2.8")
        other.dataReceived(GET)
        self.assertEqual(wire.value(), b"")


class BasicAuthGuardTests(GuardCase):
    """
    Those who don't name themselves.
    """

    def test_right(self) -> None:
        """
        The right password lets in.
        """
        self.guarded(BasicAuthGuard(Passwords(), "here"))
        self.assertEqual(self.ask(RIGHT), 0)
        self.assertEqual(len(self.stage.dials), 1)

    def test_wrongOrNone(self) -> None:
        """
        401 and what is wanted; no backend hears of it.
        """
        self.guarded(BasicAuthGuard(Passwords(), "here"))
        for fields in ((), (WRONG,), (b"Authorization: Bearer x\r\n",)):
            self.protocol.dataReceived(GET[:-2] + b"".join(fields) + b"\r\n")
            answer = self.wire.take()
            self.assertTrue(answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n"))
            self.assertIn(b'WWW-Authenticate: Basic realm="here", charset="UTF-8"\r\n', answer)
            self.assertEqual(self.stage.records[-1].code, "unauthorized")
        self.assertEqual(self.stage.dials, [])

    def test_lateAnswers(self) -> None:
        """
        Checking takes its time: the request waits, and those behind it, too.
        """
        passwords = Passwords(later=True)
        self.guarded(BasicAuthGuard(passwords, "here"))
        self.assertEqual(self.ask(RIGHT), 0)
        self.protocol.dataReceived(GET[:-2] + WRONG + b"\r\n")
        self.assertEqual((len(passwords.waiting), self.stage.dials), (1, []))
        passwords.waiting[0]()
        self.stage.dials[0].accept()
        self.stage.dials[0].answer(OK)
        self.assertTrue(self.wire.take().startswith(b"HTTP/1.1 200 OK\r\n"))
        passwords.waiting[1]()
        self.assertTrue(self.wire.take().startswith(b"HTTP/1.1 401 Unauthorized\r\n"))

    def test_clientLeavesMeanwhile(self) -> None:
        """
        A client that left is not answered and gets no backend.
        """
        for field in (RIGHT, WRONG):
            passwords = Passwords(later=True)
            self.guarded(BasicAuthGuard(passwords, "here"))
            self.ask(field)
            self.wire.lose(LOST)
            passwords.waiting[0]()
            self.assertEqual(self.stage.dials, [])
            self.assertEqual(self.wire.value(), b"")
            self.assertEqual([record.code for record in self.stage.records], ["clientLeft"])

    def test_bodyMeanwhile(self) -> None:
        """
        A body that comes while the password is checked reaches the backend whole.
        """
        passwords = Passwords(later=True)
        self.guarded(BasicAuthGuard(passwords, "here"))
        put = GET.replace(b"GET", b"PUT")[:-2] + RIGHT + b"Content-Length: 6\r\n\r\nab"
        self.protocol.dataReceived(put)
        self.assertEqual(self.wire.producerState, "paused")
        passwords.waiting[0]()
        backend = self.stage.dials[0].accept()
        self.assertTrue(backend.take().endswith(b"\r\n\r\nab"))
        self.protocol.dataReceived(b"cdef")
        self.assertEqual(backend.take(), b"cdef")


class CredentialsTests(SynchronousTestCase):
    """
    What stands in an Authorization field.
    """

    def test_basic(self) -> None:
        """
        User and password in UTF-8; the password may hold colons, both may be empty.
        """
        for text, expected in (
            ("joe:right", ("joe", "right")),
            ("jö:a:b", ("jö", "a:b")),
            (":", ("", "")),
        ):
            field = b"Basic " + b64encode(text.encode())
            self.assertEqual(credentials(field), expected)
            self.assertEqual(credentials(field.replace(b"Basic ", b"BASIC   ")), expected)

    def test_nonsense(self) -> None:
        """
        What cannot be read names nobody.
        """
        for field in (
            None,
            b"",
            b"Basic",
            b"Basic !!!!",
            b"Basic " + b64encode(b"nocolon"),
            b"Basic " + b64encode(b"\xff:x"),
            b"Basic am9l OnJpZ2h0",
            b"Digest " + b64encode(b"a:b"),
        ):
            self.assertIsNone(credentials(field), field)

    @given(st.binary(max_size=40))
    def test_anything(self, field: bytes) -> None:
        """
        Whatever stands there, nothing breaks.
        """
        credentials(field)
        credentials(b"Basic " + field)

    @given(
        st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])),
        st.text(st.characters(exclude_categories=["Cs"])),
    )
    def test_roundTrip(self, user: str, password: str) -> None:
        """
        Every name and password can be given.
        """
        field = b"Basic " + b64encode(f"{user}:{password}".encode())
        self.assertEqual(credentials(field), (user, password))
