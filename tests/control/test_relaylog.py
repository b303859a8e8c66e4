"""
Tests for L{lbproxy.control.relaylog}.
"""

from __future__ import annotations

import json
import os
import time
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.control.relaylog import RelayLog


class Sample(NamedTuple):
    client: str
    pool: str
    bytesUp: int
    duration: float
    detail: str


class Lines:
    """
    A sink that keeps its lines.
    """

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)


class RelayLogTests(SynchronousTestCase):
    """
    A line for each relay.
    """

    def setUp(self) -> None:
        os.environ["TZ"] = "UTC"
        time.tzset()
        self.sink = Lines()
        self.now = 784111777.25

    def test_pairs(self) -> None:
        """
        Pairs behind a timestamp; texts that aren't one word are quoted, and nothing ends the line.
        """
        log = RelayLog(self.sink, now=lambda: self.now)
        log(Sample("192.0.2.7", "web", 5, 1.23456, ""))
        self.now += 1
        log(Sample("::1", "w b", 0, 0.0, 'a "quoted"\nline'))
        self.assertEqual(
            self.sink.lines,
            [
                b"1994-11-06T08:49:37+0000 client=192.0.2.7 pool=web bytesUp=5 duration=1.235"
                b' detail=""\n',
                b'1994-11-06T08:49:38+0000 client=::1 pool="w b" bytesUp=0 duration=0.000'
                b' detail="a \\"quoted\\"\\nline"\n',
            ],
        )

    def test_repeatedTexts(self) -> None:
        """
        What is the same as before reads the same; what is not, reads as it is, however many
        different texts there have been.
        """
        log = RelayLog(self.sink, now=lambda: self.now)
        clients = [f"10.0.{n // 256}.{n % 256}" for n in range(6000)]
        for client in (*clients, clients[0], "x" * 1000):
            log(Sample(client, "web", len(client), 0.5, "a b"))
        for client, line in zip((*clients, clients[0]), self.sink.lines, strict=False):
            self.assertEqual(
                line.decode(),
                f"1994-11-06T08:49:37+0000 client={client} pool=web bytesUp={len(client)}"
                f' duration=0.500 detail="a b"\n',
            )
        self.assertIn(b"client=" + b"x" * 1000 + b" ", self.sink.lines[-1])
        self.assertTrue(0 < len(log._first) < 5000)
        self.assertEqual(len(log._last), 1)

    def test_json(self) -> None:
        """
        The same as JSON, one object per line.
        """
        log = RelayLog(self.sink, True, lambda: self.now)
        log(Sample("192.0.2.7", "web", 5, 1.5, "x\ny"))
        (line,) = self.sink.lines
        self.assertEqual(line.count(b"\n"), 1)
        self.assertEqual(
            json.loads(line),
            {
                "time": 784111777.25,
                "client": "192.0.2.7",
                "pool": "web",
                "bytesUp": 5,
                "duration": 1.5,
                "detail": "x\ny",
            },
        )
