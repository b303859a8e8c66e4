"""
What holds for any bytes, found by Hypothesis.
"""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import (
    BadMessage,
    HeadLimits,
    RequestReader,
    canonicalPath,
    encodeChunk,
    encodeFields,
    encodeTrailers,
    normalizePath,
)
from lbproxy.wire.http1.grammar import isFieldValue, isToken
from tests.wire.http1.corpus import REQUESTS, RESPONSES
from tests.wire.http1.driving import (
    byteByByte,
    headMeaning,
    inPieces,
    readRequest,
    readResponse,
    writeRequest,
    writeResponse,
)

# Bytes that mean something to some parser.
_SPICE = [b"\r\n", b"\r", b"\n", b" ", b"\t", b":", b",", b";", b"\x00", b"\x0b", b"\x7f", b"\x80"]
_SPICE += [
    b"0",
    b"1",
    b"f",
    b"chunked",
    b"Host: h\r\n",
    b"Content-Length: 3\r\n",
    b"\r\n\r\n",
    b"%",
]
_SPICE += [
    b"Transfer-Encoding: chunked\r\n",
    b"Connection: close\r\n",
    b"/",
    b".",
    b"#",
    b"?",
    b"[",
]
# Small limits are reached by small messages.
_limits = st.builds(
    HeadLimits,
    line=st.sampled_from([20, 60, 8192]),
    headers=st.sampled_from([30, 120, 32768]),
    count=st.sampled_from([1, 4, 100]),
)
_cuts = st.lists(st.integers(1, 400), max_size=5)


def mutated(datas: list[bytes]) -> st.SearchStrategy[bytes]:
    """
    Messages of the corpus with a few changes.
    """
    edit = st.tuples(st.integers(0, 400), st.integers(0, 6), st.sampled_from(_SPICE))
    return st.builds(_edited, st.sampled_from(datas), st.lists(edit, max_size=3))


def _edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for place, removed, inserted in edits:
        at = place % (len(data) + 1)
        data = data[:at] + inserted + data[at + removed :]
    return data


def _small(cases: list[bytes]) -> list[bytes]:
    return [data for data in cases if len(data) < 1000]


_requests = mutated(_small([case.data for case in REQUESTS]))
_responses = mutated(_small([case.data for case in RESPONSES]))
# Made of what may stand in them: bytes of all kinds would be thrown away more often than not.
_TOKEN_BYTES = [number for number in range(256) if isToken(bytes([number]))]
_VALUE_BYTES = [number for number in range(256) if isFieldValue(b"a%ca" % number)]
_tokens = st.lists(st.sampled_from(_TOKEN_BYTES), min_size=1, max_size=20).map(bytes)
_tokens |= st.sampled_from([b"X", b"Accept", b"x-y", b"!#$%&'*+-.^_`|~"])
_values = st.lists(st.sampled_from(_VALUE_BYTES), max_size=40).map(bytes).map(bytes.strip)
_MEANINGFUL = (
    b"host",
    b"content-length",
    b"transfer-encoding",
    b"connection",
    b"expect",
    b"upgrade",
)
_names = _tokens.filter(lambda name: name.lower() not in _MEANINGFUL)


class FragmentationTests(SynchronousTestCase):
    """
    It never matters how bytes are cut.
    """

    def check(
        self, data: bytes, cuts: list[int], read: Callable[[list[bytes]], tuple[object, ...]]
    ) -> None:
        """
        Whole, cut and byte by byte are understood alike.
        """
        whole = read([data])
        self.assertEqual(read(inPieces(data, cuts)), whole)
        self.assertEqual(read(byteByByte(data)), whole)

    @settings(max_examples=150, deadline=None)
    @given(_requests | st.binary(max_size=200), _cuts, _limits)
    def test_requests(self, data: bytes, cuts: list[int], limits: HeadLimits) -> None:
        """
        Any bytes mean the same request, or are refused with the same status and code.
        """
        self.check(data, cuts, lambda pieces: readRequest(pieces, limits).meaning())

    @settings(max_examples=150, deadline=None)
    @given(
        _responses | st.binary(max_size=200),
        _cuts,
        _limits,
        st.booleans(),
        st.sampled_from([b"GET", b"HEAD"]),
    )
    def test_responses(
        self, data: bytes, cuts: list[int], limits: HeadLimits, eof: bool, method: bytes
    ) -> None:
        """
        Any bytes mean the same response, or are refused with the same code.
        """
        self.check(data, cuts, lambda pieces: readResponse(pieces, method, eof, limits).meaning())


class RewritingTests(SynchronousTestCase):
    """
    What was understood has one form, and that form is understood alike.
    """

    @settings(max_examples=150, deadline=None)
    @given(_requests)
    def test_acceptedRequestsReadBack(self, data: bytes) -> None:
        """
        A request written anew is the request that we read.
        """
        reading = readRequest([data])
        if reading.complete and not reading.status:
            reading.rest = b""
            again = readRequest([writeRequest(reading)])
            self.assertEqual(again.meaning(), reading.meaning())

    @settings(max_examples=150, deadline=None)
    @given(_responses, st.sampled_from([b"GET", b"HEAD"]))
    def test_acceptedResponsesReadBack(self, data: bytes, method: bytes) -> None:
        """
        A response written anew is the response that we read.
        """
        reading = readResponse([data], method, eof=True)
        if reading.complete and not reading.status:
            reading.rest = b""
            again = readResponse([writeResponse(reading)], method, eof=True)
            self.assertEqual(again.meaning(), reading.meaning())

    @settings(max_examples=150, deadline=None)
    @given(_requests | _responses)
    def test_nothingAcceptedEndsALine(self, data: bytes) -> None:
        """
        No part of an accepted message could start a line of its own somewhere else.
        """
        for reading in (readRequest([data]), readResponse([data])):
            if reading.head is None or reading.status:
                continue
            for _, name, value in reading.head.block.fields:
                self.assertTrue(isToken(name) and isFieldValue(value))
                self.assertEqual(value, value.strip())
            for name, value in reading.trailers:
                self.assertTrue(isToken(name) and isFieldValue(value))

    @settings(max_examples=100, deadline=None)
    @given(_requests)
    def test_memoryChangesNothing(self, data: bytes) -> None:
        """
        A head that was seen before is understood as it was the first time.
        """
        meanings: list[object] = []
        for _ in range(4):
            reader = RequestReader()
            try:
                head = reader.feed(data)
            except BadMessage as error:
                meanings.append((error.status, error.code))
            else:
                meanings.append((head and headMeaning(head), reader.rest))
        self.assertEqual(meanings, meanings[:1] * 4)


class RoundTripTests(SynchronousTestCase):
    """
    What is written well is read as it was meant.
    """

    @settings(max_examples=100, deadline=None)
    @given(
        _tokens.filter(lambda method: method != b"CONNECT"),
        st.lists(st.tuples(_names, _values), max_size=12),
        st.lists(st.binary(max_size=50), max_size=4),
        st.lists(st.tuples(st.sampled_from([b"X", b"Digest"]), _values), max_size=2),
    )
    def test_requests(
        self,
        method: bytes,
        fields: list[tuple[bytes, bytes]],
        pieces: list[bytes],
        trailers: list[tuple[bytes, bytes]],
    ) -> None:
        """
        Fields, body and trailers arrive as they were sent.
        """
        framing = [(b"Host", b"h"), (b"Transfer-Encoding", b"chunked")]
        head = b"%b /x HTTP/1.1\r\n%b\r\n" % (method, encodeFields(fields + framing))
        body = b"".join(map(encodeChunk, pieces)) + encodeTrailers(trailers)
        reading = readRequest([head + body])
        assert reading.head is not None
        read = [(name, value) for _, name, value in reading.head.block.fields]
        self.assertEqual(read, fields + framing)
        self.assertEqual((reading.payload, reading.trailers), (b"".join(pieces), tuple(trailers)))
        self.assertTrue(reading.complete)


class PathTests(SynchronousTestCase):
    """
    L{normalizePath} for any path.
    """

    _parts = st.sampled_from(
        [
            b"/",
            b"a",
            b".",
            b"..",
            b"%2e",
            b"%2F",
            b"%5c",
            b"\\",
            b"//",
            b";",
            b"%",
            b"%25",
            b"2f",
            b"%c3",
        ]
    )

    @settings(max_examples=150, deadline=None)
    @given(st.lists(_parts, max_size=12).map(lambda parts: b"/" + b"".join(parts)))
    def test_noDotSegmentsStay(self, raw: bytes) -> None:
        """
        Neither reading of an accepted path holds a dot segment or leaves the root, and the path
        that stays encoded means the same.
        """
        try:
            form = normalizePath(raw)
        except BadMessage as error:
            self.assertEqual((error.status, error.code), (400, "badPath"))
            return
        for reading in (form.decoded, form.ambiguous or b"/"):
            self.assertTrue(reading.startswith(b"/"))
            self.assertFalse({b".", b".."} & set(reading.split(b"/")), reading)
        again = normalizePath(canonicalPath(raw))
        self.assertEqual(again.decoded, form.decoded)
