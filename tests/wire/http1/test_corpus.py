"""
The verdicts of the corpus hold, however the bytes arrive.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from lbproxy.wire.http1 import RequestHead, ResponseHead
from tests.wire.http1.corpus import REQUESTS, RESPONSES, RequestCase, ResponseCase
from tests.wire.http1.driving import Reading, byteByByte, inPieces, readRequest, readResponse


def _asRequest(case: RequestCase, reading: Reading) -> object:
    """
    What was read, in the words of the case.
    """
    head = reading.head
    if reading.status or not reading.complete:
        return (reading.status, reading.code, not reading.status)
    assert isinstance(head, RequestHead)
    line = (
        head.method,
        head.target,
        head.path,
        head.query,
        head.host,
        head.version,
        head.keepAlive,
    )
    fields = {name: head.block.getAll(name) for name in case.fields}
    return (*line, reading.payload, reading.trailers, reading.rest, fields)


def _wantedOfRequest(case: RequestCase) -> object:
    if case.status or case.incomplete:
        return (case.status, case.code, case.incomplete)
    line = (
        case.method,
        case.target,
        case.path,
        case.query,
        case.host,
        case.version,
        case.keepAlive,
    )
    return (*line, case.body, case.trailers, case.rest, case.fields)


def _asResponse(case: ResponseCase, reading: Reading) -> object:
    head = reading.head
    if reading.status or not reading.complete:
        return (reading.status, reading.code, not reading.status)
    assert isinstance(head, ResponseHead)
    line = (head.status, head.reason, head.version, head.keepAlive)
    fields = {name: head.block.getAll(name) for name in case.fields}
    return (*line, reading.payload, reading.trailers, reading.rest, fields)


def _wantedOfResponse(case: ResponseCase) -> object:
    if case.status or case.incomplete:
        return (case.status, case.code, case.incomplete)
    line = (case.answer, case.reason, case.version, case.keepAlive)
    return (*line, case.body, case.trailers, case.rest, case.fields)


class RequestCorpusTests(SynchronousTestCase):
    """
    Requests.
    """

    def test_wholeRequestsGetTheirVerdicts(self) -> None:
        """
        Each request of the corpus is refused with its status and code, or means what it should.
        """
        for case in REQUESTS:
            reading = readRequest([case.data])
            self.assertEqual(_asRequest(case, reading), _wantedOfRequest(case), case.name)

    def test_slowRequestsGetTheSameVerdicts(self) -> None:
        """
        A client that sends byte by byte learns the same.
        """
        for case in REQUESTS:
            reading = readRequest(byteByByte(case.data))
            self.assertEqual(_asRequest(case, reading), _wantedOfRequest(case), case.name)

    def test_cutRequestsGetTheSameVerdicts(self) -> None:
        """
        A request that arrives in two segments, cut anywhere, is the same request.
        """
        for case in REQUESTS:
            step = len(case.data) // 40 + 1
            for cut in range(1, len(case.data), step):
                reading = readRequest(inPieces(case.data, [cut]))
                self.assertEqual(_asRequest(case, reading), _wantedOfRequest(case), case.name)

    def test_bytesAfterARefusalChangeNothing(self) -> None:
        """
        What a client sends after something bad can't make it good.
        """
        for case in REQUESTS:
            if case.status:
                reading = readRequest([case.data + b"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"])
                self.assertEqual(
                    (reading.status, reading.code), (case.status, case.code), case.name
                )


class ResponseCorpusTests(SynchronousTestCase):
    """
    Responses.
    """

    def test_wholeResponsesGetTheirVerdicts(self) -> None:
        """
        Each response of the corpus is refused with its code, or means what it should.
        """
        for case in RESPONSES:
            reading = readResponse([case.data], case.method, case.eof)
            self.assertEqual(_asResponse(case, reading), _wantedOfResponse(case), case.name)

    def test_slowResponsesGetTheSameVerdicts(self) -> None:
        """
        A backend that sends byte by byte is understood the same.
        """
        for case in RESPONSES:
            reading = readResponse(byteByByte(case.data), case.method, case.eof)
            self.assertEqual(_asResponse(case, reading), _wantedOfResponse(case), case.name)

    def test_cutResponsesGetTheSameVerdicts(self) -> None:
        """
        A response that arrives in two segments, cut anywhere, is the same response.
        """
        for case in RESPONSES:
            step = len(case.data) // 40 + 1
            for cut in range(1, len(case.data), step):
                reading = readResponse(inPieces(case.data, [cut]), case.method, case.eof)
                self.assertEqual(_asResponse(case, reading), _wantedOfResponse(case), case.name)


class CorpusTests(SynchronousTestCase):
    """
    The corpus itself.
    """

    def test_casesAreToldApart(self) -> None:
        """
        No two cases have the same name, so a failure names one.
        """
        for cases in (REQUESTS, RESPONSES):
            self.assertEqual(len({case.name for case in cases}), len(cases))

    def test_codesAreDocumented(self) -> None:
        """
        Every word that the log may show is explained in the documentation.
        """
        page = (Path(__file__).parents[3] / "docs" / "http-strictness.md").read_text()
        codes = {case.code for case in REQUESTS} | {case.code for case in RESPONSES} | {"badPath"}
        codes.discard("")
        self.assertEqual({code for code in codes if f"`{code}`" not in page}, set())
        self.assertGreater(len(codes), 20)
