"""
What does the request line ask for?
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lbproxy.wire.http1.errors import BadMessage
from lbproxy.wire.http1.grammar import TOKEN_BYTES, checkAuthority

# Bytes. The longest registered method, UPDATEREDIRECTREF, has 17. Also written in _METHOD.
METHOD_LIMIT = 32

_METHOD = rb"([" + TOKEN_BYTES + rb"]{1,32}+)"
# What may stand in a target: visible ASCII but "#", which starts a fragment and never goes over the
# wire (RFC 9112 3.2). More than RFC 3986 allows, because browsers send |, ^, {, } and the like as
# they are.
_QUERY = rb"[\x21\x22\x24-\x7e]*+"
_PATH = rb"/[\x21\x22\x24-\x3e\x40-\x7e]*+"
_PATH_AND_QUERY = rb"(" + _PATH + rb")?+(?:\?(" + _QUERY + rb"))?+"

# The usual request line up to its version: method, target, path, query. CONNECT has no origin-form.
originLine = re.compile(
    rb"(?!CONNECT )" + _METHOD + rb" ((" + _PATH + rb")(?:\?(" + _QUERY + rb"))?+) "
).match
_line = re.compile(rb"([^ ]++) ([^ ]++) ([^ ]++)").fullmatch
_method = re.compile(rb"[" + TOKEN_BYTES + rb"]++").fullmatch
_otherVersion = re.compile(rb"HTTP/[0-9]\.[0-9]").fullmatch
_origin = re.compile(_PATH_AND_QUERY).fullmatch
_absolute = re.compile(rb"[hH][tT][tT][pP][sS]?+://([^/?#]*+)" + _PATH_AND_QUERY).fullmatch


@dataclass(slots=True)
class RequestLine:
    """
    A request line, taken apart. C{host} is the authority the target names, or empty.
    """

    method: bytes
    target: bytes
    form: str
    path: bytes
    query: bytes | None = None
    host: bytes = b""


def parseRequestLine(line: bytes) -> RequestLine:
    """
    @param line: without its CRLF.
    @raise BadMessage: 400; 501 for a method longer than any (RFC 9112 3); 505.
    """
    # RFC 9112 3 wants single spaces; a recipient MAY split on other whitespace, we don't.
    parts = _line(line)
    if parts is None:
        raise BadMessage(400, "badRequestLine", "not a method, a target and a version")
    method, target, version = parts.groups()
    if version != b"HTTP/1.1" and version != b"HTTP/1.0":
        if _otherVersion(version):
            raise BadMessage(505, "badVersion", "neither HTTP/1.1 nor HTTP/1.0")
        raise BadMessage(400, "badRequestLine", "not an HTTP version")
    if not _method(method):
        raise BadMessage(400, "badMethod", "the method is not a token")
    if len(method) > METHOD_LIMIT:
        raise BadMessage(501, "longMethod", f"a method of {len(method)} bytes")
    return _parseTarget(method, target)


def _parseTarget(method: bytes, target: bytes) -> RequestLine:
    if method == b"CONNECT":
        host = checkAuthority(target)
        if host is None or host != target or target.endswith(b"]") or b":" not in target:
            raise BadMessage(400, "badTarget", "CONNECT wants host:port")
        return RequestLine(method, target, "authority", b"", None, host)
    if target == b"*":
        if method != b"OPTIONS":
            raise BadMessage(400, "badTarget", "* is for OPTIONS")
        return RequestLine(method, target, "asterisk", b"*")
    if target.startswith(b"/"):
        found = _origin(target)
        if found is None:
            raise BadMessage(400, "badTarget", "a byte that does not belong in a target")
        path, query = found.groups()
        return RequestLine(method, target, "origin", path, query)
    return _parseAbsolute(method, target)


def _parseAbsolute(method: bytes, target: bytes) -> RequestLine:
    found = _absolute(target)
    if found is None:
        raise BadMessage(400, "badTarget", "neither a path nor an http URI")
    authority, path, query = found.groups()
    host = checkAuthority(authority)
    if host is None:
        raise BadMessage(400, "badTarget", "the URI has no good host")
    if path is None:
        # RFC 9112 3.2.4: OPTIONS without a path or query means the server itself.
        path = b"*" if method == b"OPTIONS" and query is None else b"/"
    return RequestLine(method, target, "absolute", path, query, host)
