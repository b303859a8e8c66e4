"""
A client's connection in memory, and requests for it: for tests.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.l7.answers import RespondPlan
from lbproxy.l7.factory import HTTPSettings, ServerTimeouts
from lbproxy.l7.matching import Match
from lbproxy.l7.plan import Plan
from lbproxy.l7.replies import Reply
from lbproxy.l7.routing import Route
from tests.l7.doubles import GET, OK, Stage

PUT = GET.replace(b"GET", b"PUT")[:-2] + b"Content-Length: 4\r\n\r\n"
TIMES = ServerTimeouts(requestHead=10, keepAlive=60, body=30, idle=300)


def statuses(sent: bytes) -> list[int]:
    """
    The statuses of the answers in C{sent}.
    """
    return [int(part[:3]) for part in sent.split(b"HTTP/1.1 ")[1:]]


def numbered(count: int) -> bytes:
    """
    Pipelined requests for /0, /1 and so on.
    """
    return b"".join(GET.replace(b"GET /", b"GET /%d" % at) for at in range(count))


class ServerCase(SynchronousTestCase):
    """
    One listener in memory.
    """

    def setUp(self) -> None:
        self.stage = Stage(settings=HTTPSettings(timeouts=TIMES))
        self.protocol, self.wire = self.stage.connect()

    def tearDown(self) -> None:
        """
        Whatever happened, no lease is left behind when all connections are gone.
        """
        stage = self.stage
        stage.factory.abortAll()
        self.assertEqual(stage.pool.active, 0)
        self.assertEqual(stage.factory.active, 0)
        self.assertEqual(len({id(record) for record in stage.records}), len(stage.records))

    def respond(self, body: bytes) -> None:
        """
        Have a listener that answers by itself.
        """
        plan: Plan = RespondPlan(Reply(200, body))
        settings = HTTPSettings(timeouts=TIMES)
        self.stage = Stage(settings=settings, routes=lambda plain: [Route(Match(), plan)])

    def serve(self, number: int = -1, answer: bytes = OK) -> bytes:
        """
        The backend answers.

        @return: what it had been sent.
        """
        dialed = self.stage.dials[number]
        backend = dialed.wire if dialed.accepted else dialed.accept()
        sent = backend.take()
        dialed.answer(answer)
        return sent
