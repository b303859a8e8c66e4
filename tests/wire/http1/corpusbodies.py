"""
Bodies of responses with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import ResponseCase, badResponses, lines, ok


def _framing() -> list[ResponseCase]:
    refused = [b"", b"-1", b"+1", b"0x1", b"1a", b"1.0", b"1_0", b"1,1", b"1, 2", b"1 1", b"\xb2"]
    refused += [b"9223372036854775808", b"18446744073709551616", b"9" * 5000]
    cases = badResponses(
        "Content-Length",
        "badContentLength",
        [ok(b"Content-Length: " + value, body=b"xxxxx") for value in refused]
        + [
            ok(b"Content-Length: 1", b"Content-Length: 2", body=b"xx"),
            ok(b"Content-Length: 0", b"content-length : 5", body=b"xx"),
        ],
    )
    codings = [b"", b"identity", b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked, x"]
    codings += [b"xchunked", b"chunked;q=1", b"chunked,", b",chunked", b'"chunked"', b"x"]
    cases += badResponses(
        "Transfer-Encoding",
        "badTransferEncoding",
        [ok(b"Transfer-Encoding: " + value, body=b"0\r\n\r\n") for value in codings]
        + [
            ok(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
            ok(b"Transfer-Encoding: chunked", line=b"HTTP/1.0 200 OK", body=b"0\r\n\r\n"),
        ],
    )
    cases += badResponses(
        "both lengths",
        "bothLengths",
        [
            ok(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\n"),
            ok(b"Content-Length: 0", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
            ok(b"Content-Length: 5", b"Transfer-Encoding : identity", body=b"hello"),
            ok(b"Content-Length: 5", b"Transfer-Encoding: chunked", line=b"HTTP/1.1 304 X"),
        ],
    )
    cases += [
        ResponseCase("by length", ok(b"Content-Length: 3", body=b"abcX"), body=b"abc", rest=b"X"),
        ResponseCase("by length, zero", ok(b"Content-Length: 0", body=b"X"), rest=b"X"),
        ResponseCase(
            "whitespace before the colon", ok(b"Content-Length : 1", body=b"a"), body=b"a"
        ),
        ResponseCase(
            "by chunks",
            ok(b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\nX: y\r\n\r\nX"),
            body=b"abc",
            trailers=((b"X", b"y"),),
            rest=b"X",
        ),
        ResponseCase("by closing", ok(body=b"abc"), eof=True, body=b"abc"),
        ResponseCase("by closing, empty", ok(), eof=True),
        ResponseCase("by closing, not closed yet", ok(body=b"abc"), incomplete=True),
        ResponseCase(
            "1.0 by closing",
            ok(body=b"abc", line=b"HTTP/1.0 200 OK"),
            eof=True,
            body=b"abc",
            version=10,
            keepAlive=False,
        ),
        ResponseCase("short by length", ok(b"Content-Length: 3", body=b"ab"), incomplete=True),
    ]
    cases += _truncations()
    return cases + _bodiless()


def _truncations() -> list[ResponseCase]:
    """
    The backend closes before the message is whole.
    """
    chunks = b"3;a\r\nabc\r\n0\r\nX: y\r\n\r\n"
    datas = [ok(b"Content-Length: 3", body=b"abc"[:sent]) for sent in range(3)]
    datas += [ok(b"Transfer-Encoding: chunked", body=chunks[:at]) for at in range(len(chunks))]
    return [ResponseCase(f"cut off: {data!r}", data, 502, "shortBody", eof=True) for data in datas]


def _bodiless() -> list[ResponseCase]:
    cases = [
        ResponseCase(
            f"{what} with {field!r}",
            lines(b"HTTP/1.1 %d X" % status, field) + b"X",
            method=method,
            answer=status,
            reason=b"X",
            rest=b"X",
        )
        for what, status, method in (
            ("HEAD", 200, b"HEAD"),
            ("304", 304, b"GET"),
            ("HEAD, 404", 404, b"HEAD"),
        )
        for field in (b"X: y", b"Content-Length: 5", b"Transfer-Encoding: chunked")
    ]
    cases += [
        ResponseCase(
            f"{status} without a body {fields!r}",
            lines(b"HTTP/1.1 %d X" % status, *fields) + b"HTTP",
            answer=status,
            reason=b"X",
            rest=b"HTTP",
        )
        for status in (100, 101, 102, 103, 199, 204)
        for fields in ((), (b"Link: x",), (b"Content-Length: 0",))
    ]
    cases += badResponses(
        "interim with a body",
        "badFraming",
        [
            lines(b"HTTP/1.1 %d X" % status, field) + b"abcde"
            for status in (100, 101, 103)
            for field in (b"Content-Length: 5", b"Transfer-Encoding: chunked")
        ],
    )
    # No body, says RFC 9112 6.3; but as something was announced, the connection isn't used again.
    cases += [
        ResponseCase(
            f"204 with {field!r}",
            lines(b"HTTP/1.1 204 X", field) + b"abcde",
            answer=204,
            reason=b"X",
            keepAlive=False,
            rest=b"abcde",
        )
        for field in (b"Content-Length: 5", b"Transfer-Encoding: chunked")
    ]
    return cases


def _chunks() -> list[ResponseCase]:
    refused = [
        b"x\r\n",
        b"-1\r\n",
        b"0x1\r\nx\r\n0\r\n\r\n",
        b"1 \r\nx\r\n0\r\n\r\n",
        b"1\nx\r\n0\r\n\r\n",
    ]
    refused += [
        b"1\r\nxx0\r\n\r\n",
        b"1\r\nx\n0\r\n\r\n",
        b"8000000000000000\r\n",
        b"\r\n",
        b"0\n\n",
    ]
    refused += [
        b"1;a\nx\r\n0\r\n\r\n",
        b"1;\x00\r\nx",
        b"10000000000000000\r\n",
        b"HTTP/1.1 200 OK\r\n",
    ]
    chunked = b"Transfer-Encoding: chunked"
    cases = badResponses("chunk", "badChunk", [ok(chunked, body=body) for body in refused])
    trailers = [b"X", b": y", b" X: y", b"X: \x00", b"Content-Length: 5", b"Transfer-Encoding: x"]
    cases += badResponses(
        "trailer", "badTrailer", [ok(chunked, body=b"0\r\n" + lines(line)) for line in trailers]
    )
    cases += badResponses(
        "too large",
        "manyTrailers",
        [ok(chunked, body=b"0\r\n" + lines(*[b"X: y"] * 101))],
    )
    cases += badResponses(
        "too large", "longTrailers", [ok(chunked, body=b"0\r\nX: " + b"y" * 33000)]
    )
    cases += badResponses(
        "too large", "longChunkExtension", [ok(chunked, body=b"1;" + b"y" * 3000)]
    )
    return cases


RESPONSE_BODIES: tuple[ResponseCase, ...] = tuple(_framing() + _chunks())
