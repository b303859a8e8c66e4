"""
Which response do these bytes make?
"""

from __future__ import annotations

import re
from functools import lru_cache

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.framing import understandResponse
from lbproxy.wire.http1.grammar import VALUE_BYTES
from lbproxy.wire.http1.headers import HeaderBlock, responseFields
from lbproxy.wire.http1.limits import DEFAULT_LIMITS, HeadLimits
from lbproxy.wire.http1.memo import Memo
from lbproxy.wire.http1.scanner import HeadKind, HeadScanner

# RFC 9112 4 wants a space after the status even without a reason; servers are known to leave it
# out.
_STATUS = rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([" + VALUE_BYTES + rb"]*+))?+"
_statusLine = re.compile(_STATUS + rb"(?=\r\n)").match
_wholeStatusLine = re.compile(_STATUS).fullmatch
_otherVersion = re.compile(rb"HTTP/[0-9](?:\.[0-9])?+ [0-9]{3}(?: |\Z)").match


class ResponseHead:
    """
    One response, understood. Immutable, and shared where the same bytes came again.

    C{status} is from 100 to 999, C{version} 10 or 11, C{keepAlive} whether the backend's connection
    may be used again once the body was read to its end. C{length} is that of the body in bytes,
    where nothing but Content-Length decides (and the request's method, if that is HEAD), else -1.
    """

    __slots__ = ("block", "keepAlive", "length", "reason", "status", "version")

    def __init__(self, status: int, reason: bytes, block: HeaderBlock) -> None:
        self.status = status
        self.reason = reason
        self.block = block
        self.version = block.version
        self.keepAlive = block.keepAlive
        # RFC 9112 6.3: what a length in these speaks of is not here.
        bodiless = status < 200 or status in (204, 304)
        self.length = -1 if bodiless or block.chunked else block.contentLength

    def __repr__(self) -> str:
        return f"<ResponseHead {self.status} {self.reason!r}>"


# Shared by the pools of a process. What one of them takes may be too much for another.
_shared: dict[HeadLimits, Memo[ResponseHead]] = {}


def forgetResponses() -> None:
    """
    Forget the responses seen so far.
    """
    for known in _shared.values():
        known.clear()


def _checkStatusLine(line: bytes) -> None:
    if _wholeStatusLine(line):
        return
    if _otherVersion(line) and not line.startswith((b"HTTP/1.1 ", b"HTTP/1.0 ")):
        raise BadMessage(502, "badVersion", "neither HTTP/1.1 nor HTTP/1.0")
    raise BadMessage(502, "badStatusLine", "not a version, a status and a reason")


@lru_cache(64)
def _responseKind(limits: HeadLimits) -> HeadKind:
    return HeadKind(limits, 502, _checkStatusLine, "StatusLine", prefix=b"HTTP/")


class ResponseReader:
    """
    Cuts response heads off a stream of bytes, interim ones (1xx) like any other.

    Feed it what arrives; once it answers with a head, C{rest} holds what followed, and feeding goes
    on with the next head. After L{BadMessage} the stream is of no use any more.
    """

    __slots__ = ("_countLimit", "_kind", "_known", "_memo", "_room", "_scanner", "limits", "rest")

    def __init__(
        self, limits: HeadLimits = DEFAULT_LIMITS, memo: Memo[ResponseHead] | None = None
    ) -> None:
        """
        @param memo: for readers with these limits only.
        """
        self.limits = limits
        self.rest = b""
        if memo is None and (memo := _shared.get(limits)) is None:
            memo = _shared[limits] = Memo()
        self._memo = memo
        self._known = memo.get
        self._scanner: HeadScanner | None = None
        self._countLimit = limits.count
        # A head no longer than this is within both limits, whatever its parts are.
        self._room = min(limits.line, limits.headers)
        self._kind = _responseKind(limits)

    @property
    def pending(self) -> bool:
        """
        Is a part of a head waiting for its other parts?
        """
        return self._scanner is not None and self._scanner.pending

    def feed(self, data: bytes) -> ResponseHead | None:
        """
        @return: the next head, or L{None} while it is not complete.
        @raise BadMessage: 502, what came can't become a response.
        """
        if self._scanner is None:
            end = data.find(b"\r\n\r\n") + 4
            text = data[:end]
            known = self._known
            head = known(text)
            if head is None and end > 4 and (end <= self._room or self._fits(data, end)):
                head = self._head(text)
            if head is not None:
                self.rest = data[end:]
                return head
            self._scanner = HeadScanner(self._kind)
        return self._scan(self._scanner, data)

    def _fits(self, data: bytes, end: int) -> bool:
        line = data.find(b"\r\n")
        return line <= self.limits.line and end - line - 2 <= self.limits.headers

    def _scan(self, scanner: HeadScanner, data: bytes) -> ResponseHead | None:
        self.rest = b""
        if not scanner.feed(data):
            return None
        self._scanner = None
        self.rest = scanner.rest
        head = self._head(scanner.text)
        assert head is not None, "the scanner passes what the head's grammar refuses"
        return head

    def _head(self, text: bytes) -> ResponseHead | None:
        """
        @return: L{None} where the grammar or the count of fields is not right.
        @raise BadMessage: the fields are well formed, but what they say is refused.
        """
        line = _statusLine(text)
        fields = responseFields.split(text) if line is not None else None
        if line is None or fields is None or len(fields) > self._countLimit:
            return None
        minor, status, reason = line.groups()
        block = HeaderBlock(11 if minor == b"1" else 10, fields)
        understandResponse(block)
        head = ResponseHead(int(status), reason or b"", block)
        _checkBodiless(head)
        self._memo.offer(text, head)
        return head


def _checkBodiless(head: ResponseHead) -> None:
    """
    RFC 9110 8.6, RFC 9112 6.1: no lengths in 1xx and 204. Servers do send C{Content-Length: 0};
    more than that promises bytes that aren't a body.
    """
    block = head.block
    if head.status >= 200 and head.status != 204:
        return
    if block.chunked or block.contentLength > 0:
        if head.status != 204:
            raise BadMessage(502, "badFraming", "an interim response with a body")
        head.keepAlive = False
