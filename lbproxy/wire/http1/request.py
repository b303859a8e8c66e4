"""
Which request do these bytes make?
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from lbproxy.wire.http1.framing import understandRequest
from lbproxy.wire.http1.headers import HeaderBlock, requestFields
from lbproxy.wire.http1.limits import DEFAULT_LIMITS, HeadLimits
from lbproxy.wire.http1.memo import Memo
from lbproxy.wire.http1.scanner import HeadKind, HeadScanner
from lbproxy.wire.http1.target import RequestLine, originLine, parseRequestLine

_VERSIONS = {b"HTTP/1.1\r\n": 11, b"HTTP/1.0\r\n": 10}
# The methods whose way can be limited (RFC 9110 7.6.2).
LIMITED_HOPS = frozenset((b"OPTIONS", b"TRACE"))
# Looking for a byte as a number: as a bytes object, CPython 3.11 makes and drops a TypeError first.
_PERCENT, _DOT = b"%."

# Shared by the listeners of a process, as their clients are.
sharedBlocks: Memo[HeaderBlock] = Memo()
# Bytes of the heads that are known as a whole. Short ones come again and again, from programs;
# those of browsers differ in a path or a cookie each time, and their blocks are known.
_WHOLE = 512
# Bytes; no block larger than that is kept.
_LOOKED_UP = 4096
_shared: dict[HeadLimits, Memo[RequestHead]] = {}


class RequestHead:
    """
    One request, understood.

    C{method} and C{target} are as they came; C{version} is 10 or 11; C{form} is C{"origin"},
    C{"absolute"}, C{"asterisk"} or C{"authority"}; C{path} is raw, without the query, C{query} raw
    without the question mark (L{None} without one); C{host} is the authority that counts: that of
    an absolute target, else Host. C{keepAlive} says whether the client's connection may serve
    another request. C{plain} stands for what most requests are: of origin form, without a body,
    with a path that means what it says, and with a method whose hops nobody counts.

    C{line} is at the disposal of the access log: what it made of the request line, empty at first.
    """

    __slots__ = (
        "block",
        "form",
        "host",
        "keepAlive",
        "line",
        "method",
        "path",
        "plain",
        "query",
        "target",
        "version",
    )

    def __init__(
        self,
        method: bytes,
        target: bytes,
        form: str,
        path: bytes,
        query: bytes | None,
        host: bytes,
        block: HeaderBlock,
    ) -> None:
        self.method = method
        self.target = target
        self.form = form
        self.path = path
        self.query = query
        self.host = host
        self.block = block
        self.version = block.version
        self.keepAlive = block.keepAlive
        self.line = b""
        self.plain = (
            form == "origin"
            and block.contentLength <= 0
            and not block.chunked
            and _PERCENT not in path
            and (_DOT not in path or path.find(b"..") < 0)
            and method not in LIMITED_HOPS
        )

    @property
    def hasBody(self) -> bool:
        """
        Does a body follow?
        """
        return self.block.chunked or self.block.contentLength > 0

    @property
    def scheme(self) -> bytes:
        """
        What an absolute target says, lower-case; empty for the other forms.
        """
        return self.target.partition(b":")[0].lower() if self.form == "absolute" else b""

    def __repr__(self) -> str:
        return f"<RequestHead {self.method!r} {self.target!r} host={self.host!r}>"


def forgetRequests() -> None:
    """
    Forget the requests seen so far.
    """
    sharedBlocks.clear()
    for known in _shared.values():
        known.clear()


@lru_cache(64)
def _requestKind(limits: HeadLimits) -> HeadKind:
    return HeadKind(
        limits,
        400,
        parseRequestLine,
        "RequestLine",
        longLineStatus=414,
        longFieldsStatus=431,
        leadingLine=True,
    )


def _wholeHeads(limits: HeadLimits, blocks: Memo[HeaderBlock]) -> Memo[RequestHead]:
    if blocks is not sharedBlocks:
        return Memo(16, _WHOLE)
    # What one listener takes may be too much for another.
    known = _shared.get(limits)
    if known is None:
        known = _shared[limits] = Memo(size=_WHOLE)
    return known


def _nothing(data: bytes) -> RequestHead | None:
    return None


class RequestReader:
    """
    Cuts request heads off a stream of bytes.

    Feed it what arrives; once it answers with a head, C{rest} holds what followed, and feeding goes
    on with the next head. After L{BadMessage} the stream is of no use any more.

    C{known} is a shorter way, for who is in a hurry: called with what arrived, it gives the head if
    that is all of a request that was read before, else L{None}: then the bytes are to be fed.
    """

    __slots__ = (
        "_countLimit",
        "_fieldRoom",
        "_heads",
        "_kind",
        "_lineRoom",
        "_lookedUp",
        "_memo",
        "_scanner",
        "known",
        "limits",
        "rest",
    )

    def __init__(
        self, limits: HeadLimits = DEFAULT_LIMITS, memo: Memo[HeaderBlock] = sharedBlocks
    ) -> None:
        self.limits = limits
        self.rest = b""
        self._memo = memo
        self._scanner: HeadScanner | None = None
        self._countLimit = limits.count
        # Where the version may start, and how long the head may be from there on.
        self._lineRoom = limits.line - len(b"HTTP/1.1")
        self._fieldRoom = limits.headers + len(b"HTTP/1.1\r\n")
        self._lookedUp = min(self._fieldRoom, _LOOKED_UP)
        self._kind = _requestKind(limits)
        self._heads = _wholeHeads(limits, memo)
        self.known: Callable[[bytes], RequestHead | None] = self._heads.get

    @property
    def pending(self) -> bool:
        """
        Is a part of a head waiting for its other parts?
        """
        return self._scanner is not None and self._scanner.pending

    def feed(self, data: bytes) -> RequestHead | None:
        """
        @return: the next head, or L{None} while it is not complete.
        @raise BadMessage: what came can't become a request.
        """
        if self._scanner is None:
            known = self.known
            head = known(data)
            if head is not None:
                self.rest = b""
                return head
            line = originLine(data)
            if line is not None and (block := self._blockAfter(data, line.end())) is not None:
                method, target, path, query = line.groups()
                head = RequestHead(method, target, "origin", path, query, block.host, block)
                if len(data) <= _WHOLE and not self.rest:
                    self._heads.offer(data, head)
                return head
            self._scanner = HeadScanner(self._kind)
            self.known = _nothing  # what comes next isn't a whole request
        return self._scan(self._scanner, data)

    def _blockAfter(self, data: bytes, start: int) -> HeaderBlock | None:
        """
        @param start: where the version is.
        @return: L{None} if this takes a closer look.
        """
        if start > self._lineRoom:
            return None
        if len(data) - start <= self._lookedUp and data.endswith(b"\r\n\r\n"):
            # Mostly this is one head and nothing else, and seen before. It is only looked up, not
            # read: a client that sends a thousand at once would have us read it all for each.
            block = self._memo.get(data[start:])
            if block is not None and len(block.fields) <= self._countLimit:
                self.rest = b""
                return block
        end = data.find(b"\r\n\r\n", start) + 4
        if not 4 < end <= start + self._fieldRoom:
            return None
        block = self._block(data[start:end])
        if block is not None:
            self.rest = data[end:]
        return block

    def _scan(self, scanner: HeadScanner, data: bytes) -> RequestHead | None:
        self.rest = b""
        if not scanner.feed(data):
            return None
        self._scanner = None
        self.known = self._heads.get
        self.rest = scanner.rest
        line: RequestLine = scanner.startLine
        text = scanner.text
        block = self._block(text[text.index(b"\r\n") - 8 :])
        assert block is not None, "the scanner passes what the block's grammar refuses"
        return RequestHead(
            line.method,
            line.target,
            line.form,
            line.path,
            line.query,
            line.host or block.host,
            block,
        )

    def _block(self, text: bytes) -> HeaderBlock | None:
        """
        @param text: the head from its version on.
        @return: L{None} where the grammar or the count of fields is not right.
        @raise BadMessage: the fields are well formed, but what they say is refused.
        """
        block = self._memo.get(text)
        if block is not None:
            return block if len(block.fields) <= self._countLimit else None
        version = _VERSIONS.get(text[:10])
        fields = requestFields.split(text) if version is not None else None
        if version is None or fields is None or len(fields) > self._countLimit:
            return None
        block = HeaderBlock(version, fields)
        understandRequest(block)
        self._memo.offer(text, block)
        return block
