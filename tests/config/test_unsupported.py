"""
Tests for L{lbproxy.config.unsupported} and L{lbproxy.config.supported}.
"""

from __future__ import annotations

import re

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.config import unsupported as module
from lbproxy.config.document import readDocument
from lbproxy.config.listener import HTTPListener
from lbproxy.config.shape import keysOf, modelAt
from lbproxy.config.supported import UNSUPPORTED, isSupported
from lbproxy.config.tls import DEFAULT_ALPN, ListenerTLS
from lbproxy.config.unsupported import unsupported
from tests.config.support import LISTENER, POOL, problems


def found(text: str, *lines: str) -> list[str]:
    """
    @return: what C{lines} refuse in C{text}.
    """
    root = readDocument(text, "e.yaml", "/", {}).root
    return [str(problem) for problem in unsupported(root, lines).values()]


class UnsupportedTests(SynchronousTestCase):
    """
    L{unsupported}.
    """

    def test_aKeyIsNamedAtItsPlace(self) -> None:
        """
        The message the user sees, word for word.
        """
        text = "listeners:\n  edge: {protocol: http,\n    http3: true}\n"
        self.assertEqual(
            found(text, "listeners.*.http3"),
            ["e.yaml:3:5: listeners.edge.http3: not yet supported"],
        )

    def test_defaultsDoNoHarm(self) -> None:
        """
        A key that says what would hold without it is accepted, in any spelling.
        """
        lines = "listeners.*.maxAge", "pools.*.retries.on", "pools.*.healthCheck.fastInterval"
        for keys in ("maxAge: 0", "maxAge: 0s", "maxAge: null", ""):
            text = f"listeners: {{a: {{protocol: tcp, {keys}}}}}\n"
            self.assertEqual(found(text, *lines), [])
        text = "pools: {a: {retries: {on: [connect, reset, 502, 503, 504]}}}"
        self.assertEqual(found(text, *lines), [])
        text = "pools: {a: {healthCheck: [{fastInterval: 0ms}]}}"
        self.assertEqual(found(text, *lines), [])
        self.assertEqual(found("pools: {a: {healthCheck: {fastInterval: 0}}}", *lines), [])

    def test_anEmptySectionMayTurnSomethingOn(self) -> None:
        """
        C{{}} is no default where leaving the key out means off.
        """
        text = "pools: {a: {outlierDetection: {}}}"
        self.assertEqual(len(found(text, "pools.*.outlierDetection")), 1)
        text = "pools: {a: {outlierDetection: false}}"
        self.assertEqual(found(text, "pools.*.outlierDetection"), [])

    def test_listsAreLookedThrough(self) -> None:
        """
        A line names a key in every item, or in the only one.
        """
        text = "pools: {a: {backends: [a:1, {zone: x}, {zone: ''}, {zone: y}]}}"
        self.assertEqual(
            [line.split(": ")[1] for line in found(text, "pools.*.backends.zone")],
            ["pools.a.backends[1].zone", "pools.a.backends[3].zone"],
        )

    def test_words(self) -> None:
        """
        A line may refuse one word, alone or in a list.
        """
        lines = "pools.*.balance = maglev", "listeners.*.bind = unix:*"
        self.assertEqual(found("pools: {a: {balance: roundRobin}}", *lines), [])
        self.assertEqual(
            found("pools: {a: {balance: maglev}}", *lines),
            ['e.yaml:1:22: pools.a.balance: "maglev" is not yet supported'],
        )
        text = "listeners: {a: {bind: ['127.0.0.1:1', 'unix:/a']}}"
        self.assertEqual(
            found(text, *lines),
            ['e.yaml:1:39: listeners.a.bind[1]: "unix:/a" is not yet supported'],
        )

    def test_oneProtocolOnly(self) -> None:
        """
        A line may be about the listeners of one protocol.
        """
        text = (
            "listeners: {a: {protocol: http, accessLog: json}, b: {protocol: tcp, accessLog: json}}"
        )
        self.assertEqual(
            [line.split(": ")[1] for line in found(text, "listeners.<tcp>.accessLog")],
            ["listeners.b.accessLog"],
        )

    def test_nothingIsSaidTwice(self) -> None:
        """
        Below a key that is not supported, nothing else is complained of.
        """
        self.patch(module, "UNSUPPORTED", ("pools.*.hedge", "pools.*.hedge.after"))
        pool = POOL.replace("{", "{hedge: {after: soon, unknown: 1}, ")
        self.assertEqual(
            [line.split(": ", 1)[1] for line in problems(LISTENER + pool)],
            ["pools.web.hedge: not yet supported"],
        )

    def test_itHidesNothingElse(self) -> None:
        """
        Other mistakes are shown in the same run.
        """
        self.patch(module, "UNSUPPORTED", ("pools.*.hedge",))
        pool = POOL.replace("{", "{hedge: {after: p95}, balance: rr, ")
        self.assertEqual(len(problems(LISTENER.replace("pool: web", "pool: x") + pool)), 3)


class TableTests(SynchronousTestCase):
    """
    The table itself.
    """

    def test_everyLineNamesAKey(self) -> None:
        """
        A line with a slip of the pen would let a key through that does nothing.
        """
        for line in UNSUPPORTED:
            self.assertTrue(self.exists(line.partition(" = ")[0]), line)

    def exists(self, pattern: str) -> bool:
        steps = re.sub(r"<\w+>", "*", pattern).split(".")
        for protocol in ("http", "tcp", "udp"):
            text = f"listeners: {{'*': {{protocol: {protocol}}}}}"
            root = readDocument(text, "e.yaml", "/", {}).root
            model = modelAt(root, tuple(steps[:-1]))
            if model is not None and steps[-1] in keysOf(model):
                return True
        return False

    def test_isSupported(self) -> None:
        """
        What is not in the table is supported.
        """
        self.assertTrue(isSupported("listeners.*.bind"))
        for line in UNSUPPORTED:
            self.assertFalse(isSupported(line))

    def test_defaultsFollowTheTable(self) -> None:
        """
        What is on by default is off as long as it is not supported.
        """
        self.assertEqual("h2" in DEFAULT_ALPN, isSupported("listeners.*.tls.alpn = h2"))
        http2 = HTTPListener.model_fields["http2"].default
        self.assertEqual(http2 is not None, isSupported("listeners.*.http2"))
        stapling = ListenerTLS.model_fields["ocspStapling"].default
        self.assertEqual(stapling, isSupported("listeners.*.tls.ocspStapling"))
