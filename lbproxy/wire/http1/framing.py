"""
Where does the message end, and what becomes of the connection after it?

The rules of RFC 9112 6 and 9, read as strictly as honest peers allow: two answers to the question
"how long is this body?" are refused, even where they agree.
"""

from __future__ import annotations

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.grammar import checkAuthority, isToken
from lbproxy.wire.http1.headers import HeaderBlock
from lbproxy.wire.http1.memo import Memo

# Lengths stay below 2**63 so that no peer behind us can overflow on what we relay.
SIZE_LIMIT = 1 << 63

# Naming one of these as hop-by-hop asks a proxy to remove what the message cannot do without (RFC
# 9110 7.6.1).
_NEVER_HOP_BY_HOP = frozenset((b"host", b"content-length"))
_PLAIN_CONNECTION = {
    b"keep-alive": frozenset((b"keep-alive",)),
    b"Keep-Alive": frozenset((b"keep-alive",)),
    b"close": frozenset((b"close",)),
}
_hosts: Memo[bytes] = Memo(256)


def understandRequest(block: HeaderBlock) -> None:
    """
    Fill in what a request's fields mean.

    @raise BadMessage: 400, 417 or 501.
    """
    get = block.get
    if block.has(b"content_length") or block.has(b"transfer_encoding"):
        # Legal names, but behind CGI and WSGI they can't be told from the real ones.
        raise BadMessage(400, "badHeader", "an underscore where a framing field has a hyphen")
    if block.repeats:
        _refuseRepeats(block, 400)
    host = get(b"host")
    if host is not None:
        block.host = _hosts.get(host) or _readHost(host)
    elif block.version == 11:
        raise BadMessage(400, "badHost", "no Host in HTTP/1.1")
    if get(b"connection") is not None:
        _readConnection(block, 400)
    # RFC 9112 9.3: a proxy does not keep a connection of an HTTP/1.0 client open.
    block.keepAlive = block.version == 11 and b"close" not in block.connection
    _readLength(block, 400)
    if block.version == 11 and get(b"expect") is not None:
        _readExpect(block)


def _readHost(host: bytes) -> bytes:
    checked = checkAuthority(host)
    if checked is None:
        raise BadMessage(400, "badHost", "Host is not a host with an optional port")
    _hosts.offer(host, checked)
    return checked


def understandResponse(block: HeaderBlock) -> None:
    """
    Fill in what a response's fields mean.

    @raise BadMessage: 502.
    """
    get = block.get
    if block.repeats:
        _refuseRepeats(block, 502)
    block.keepAlive = block.version == 11
    if get(b"connection") is not None:
        _readConnection(block, 502)
        options = block.connection
        block.keepAlive = b"close" not in options and (
            block.version == 11 or b"keep-alive" in options
        )
    _readLength(block, 502)


def _refuseRepeats(block: HeaderBlock, status: int) -> None:
    lengths = block.getAll(b"content-length")
    # RFC 9112 6.3 (5) lets equal ones of a response pass; a request that has them is an attempt.
    if len(lengths) > 1 and (status == 400 or len(set(lengths)) > 1):
        raise BadMessage(status, "badContentLength", "more than one Content-Length")
    if status == 400 and len(block.getAll(b"host")) > 1:
        raise BadMessage(status, "badHost", "more than one Host")


def _joined(block: HeaderBlock, lower: bytes) -> bytes:
    """
    RFC 9110 5.3: several lines of a list field are one list.
    """
    if block.repeats:
        return b", ".join(block.getAll(lower))
    return block.get(lower) or b""


def _readConnection(block: HeaderBlock, status: int) -> None:
    value = _joined(block, b"connection")
    plain = _PLAIN_CONNECTION.get(value)
    if plain is not None:
        block.connection = plain
        return
    given = {option.strip(b" \t") for option in value.lower().split(b",")}
    given.discard(b"")
    options = frozenset(filter(isToken, given))
    if len(options) != len(given):
        # What isn't a token names no field. That it may have meant "close" is all that matters.
        options |= {b"close"}
    if not options.isdisjoint(_NEVER_HOP_BY_HOP):
        raise BadMessage(status, "badConnection", "names a field that is not hop-by-hop")
    block.connection = options
    # RFC 9110 7.8: Upgrade counts only where Connection names it, and never in HTTP/1.0.
    if b"upgrade" in options and block.version == 11:
        block.upgrade = _joined(block, b"upgrade")


def _readLength(block: HeaderBlock, status: int) -> None:
    length = block.get(b"content-length")
    if block.get(b"transfer-encoding") is not None:
        if length is not None:
            raise BadMessage(
                status, "bothLengths", "Content-Length and Transfer-Encoding in one message"
            )
        _readCoding(block, status)
    elif length is not None:
        # On bytes, isdigit knows the ten ASCII digits and nothing else.
        if not length.isdigit() or len(length) > 19 or (number := int(length)) >= SIZE_LIMIT:
            raise BadMessage(status, "badContentLength", "Content-Length is not a sane number")
        block.contentLength = number


def _readCoding(block: HeaderBlock, status: int) -> None:
    value = _joined(block, b"transfer-encoding").lower()
    if block.version == 10:
        raise BadMessage(status, "badTransferEncoding", "Transfer-Encoding in HTTP/1.0")
    if value == b"chunked":
        block.chunked = True
        return
    codings = [coding.strip(b" \t") for coding in value.split(b",")]
    # RFC 9112 6.3: a last coding other than chunked leaves a request without an end: 400. Codings
    # before a last chunked could be framed but not understood: 501 (6.1).
    known = codings.pop() == b"chunked" and b"chunked" not in codings and all(map(isToken, codings))
    if known and status == 400:
        raise BadMessage(501, "unknownCoding", "a transfer coding other than chunked")
    raise BadMessage(status, "badTransferEncoding", "Transfer-Encoding is not exactly chunked")


def _readExpect(block: HeaderBlock) -> None:
    value = _joined(block, b"expect").lower()
    # RFC 9110 10.1.1 knows one expectation; a repeated one says nothing new.
    if {part.strip(b" \t") for part in value.split(b",")} != {b"100-continue"}:
        raise BadMessage(417, "badExpect", "an expectation other than 100-continue")
    block.expectContinue = True
