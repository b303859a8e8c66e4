"""
What fields mean for connection and body. The many ways to get them wrong are in the corpus.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.framing import understandRequest, understandResponse
from lbproxy.wire.http1.headers import HeaderBlock


def block(*fields: tuple[bytes, bytes], version: int = 11) -> HeaderBlock:
    """
    A block with these fields, not understood yet.
    """
    return HeaderBlock(version, [(name.lower(), name, value) for name, value in fields])


class RequestFramingTests(SynchronousTestCase):
    """
    L{understandRequest}.
    """

    def understood(self, *fields: tuple[bytes, bytes], version: int = 11) -> HeaderBlock:
        """
        The block of a request with these fields and a Host.
        """
        found = block((b"Host", b"h"), *fields, version=version)
        understandRequest(found)
        return found

    def test_nothingSaid(self) -> None:
        """
        Without fields there is no body, and the connection stays.
        """
        found = self.understood()
        self.assertEqual((found.contentLength, found.chunked, found.keepAlive), (-1, False, True))
        self.assertEqual((found.connection, found.upgrade), (frozenset(), b""))

    def test_lengthAndCoding(self) -> None:
        """
        A body is announced by length or by coding.
        """
        self.assertEqual(self.understood((b"Content-Length", b"0042")).contentLength, 42)
        self.assertTrue(self.understood((b"Transfer-Encoding", b"Chunked")).chunked)

    def test_connectionOptionsOfAllLines(self) -> None:
        """
        Options are collected over several lines, in lower case.
        """
        found = self.understood((b"Connection", b"X-One, , TE"), (b"Connection", b"\tClose"))
        self.assertEqual(found.connection, frozenset((b"x-one", b"te", b"close")))
        self.assertFalse(found.keepAlive)

    def test_upgradeCountsOnlyWhereConnectionNamesIt(self) -> None:
        """
        Upgrade alone, or in HTTP/1.0, asks for nothing.
        """
        upgrade, named = (b"Upgrade", b"websocket"), (b"Connection", b"keep-alive, Upgrade")
        self.assertEqual(self.understood(upgrade).upgrade, b"")
        self.assertEqual(self.understood(upgrade, named).upgrade, b"websocket")
        self.assertEqual(self.understood(upgrade, named, version=10).upgrade, b"")
        self.assertEqual(self.understood(named).upgrade, b"")
        two = self.understood(upgrade, (b"Upgrade", b"x/1"), named)
        self.assertEqual(two.upgrade, b"websocket, x/1")

    def test_expectation(self) -> None:
        """
        100-continue is the one expectation, and only HTTP/1.1 has it.
        """
        field = (b"Expect", b"100-Continue")
        self.assertTrue(self.understood(field).expectContinue)
        self.assertFalse(self.understood(field, version=10).expectContinue)
        self.assertFalse(self.understood().expectContinue)

    def test_hostIsChecked(self) -> None:
        """
        The host that counts is the checked one, without the colon of an empty port.
        """
        found = block((b"Host", b"Shop.example:"))
        understandRequest(found)
        self.assertEqual(found.host, b"Shop.example")
        with self.assertRaises(BadMessage):
            understandRequest(block((b"Host", b"a b")))


class ResponseFramingTests(SynchronousTestCase):
    """
    L{understandResponse}.
    """

    def test_persistenceByVersion(self) -> None:
        """
        HTTP/1.1 connections stay unless closed; those of HTTP/1.0 close unless kept.
        """
        verdicts = []
        for version in (11, 10):
            for value in (b"", b"keep-alive", b"close"):
                found = block((b"Connection", value), version=version)
                understandResponse(found)
                verdicts.append(found.keepAlive)
        self.assertEqual(verdicts, [True, True, False, False, True, False])

    def test_everyFaultIsTheBackends(self) -> None:
        """
        A client is never told that it did what the backend has done.
        """
        faults = [
            [(b"Content-Length", b"x")],
            [(b"Transfer-Encoding", b"gzip, chunked")],
            [(b"Transfer-Encoding", b"chunked"), (b"Content-Length", b"1")],
            [(b"Content-Length", b"1"), (b"Content-Length", b"2")],
            [(b"Connection", b"content-length")],
        ]
        for fields in faults:
            with self.assertRaises(BadMessage) as caught:
                understandResponse(block(*fields))
            self.assertEqual(caught.exception.status, 502)

    def test_hostsMayRepeatInResponses(self) -> None:
        """
        Host means nothing in a response.
        """
        found = block((b"Host", b"a b"), (b"Host", b"c"))
        understandResponse(found)
        self.assertEqual(found.host, b"")
