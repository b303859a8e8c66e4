"""
Lengths and codings of requests, and attacks on them, with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import RequestCase, bad, chunked, get, lines, post


def _lengths() -> list[RequestCase]:
    refused = [
        b"",
        b" ",
        b"-1",
        b"+1",
        b"-0",
        b"+0",
        b"1 ",
        b"0x1",
        b"0x10",
        b"1a",
        b"a",
        b"1.0",
        b"1e1",
        b"1_0",
        b"1,000",
        b"1,1",
        b"1, 1",
        b"5, 6",
        b"1,",
        b",1",
        b"1;x",
        b"1 1",
        b"1\t1",
        b'"1"',
        b"\xb2",
        b"\xd9\xa1",
        b"9223372036854775808",
        b"18446744073709551616",
        b"18446744073709551621",
        b"99999999999999999999999999999999",
        b"0" * 20,
        b"9" * 5000,
    ]
    refused.remove(b"1 ")  # trailing whitespace is no part of a value
    cases = bad(
        "Content-Length",
        400,
        "badContentLength",
        [post(b"Content-Length: " + value, body=b"xxxxxxxxxx") for value in refused],
    )
    cases += bad(
        "Content-Length twice",
        400,
        "badContentLength",
        [
            post(b"Content-Length: 1", b"Content-Length: 1", body=b"x"),
            post(b"Content-Length: 1", b"content-length: 2", body=b"xx"),
            post(b"Content-Length: 0", b"X: y", b"Content-Length: 5", body=b"xxxxx"),
            post(b"Content-Length: 5", b"Content-Length:", body=b"xxxxx"),
            post(b"Content-Length: 0", b"Content-Length: 00"),
        ],
    )
    good = {b"0": 0, b"1": 1, b"5": 5, b"05": 5, b"0000000000000000005": 5, b"00": 0, b"10": 10}
    cases += [
        RequestCase(
            f"Content-Length {value!r}",
            post(b"Content-Length: " + value, body=b"x" * length) + b"GET",
            method=b"POST",
            body=b"x" * length,
            rest=b"GET",
        )
        for value, length in good.items()
    ]
    cases.append(
        RequestCase(
            "Content-Length with a body on GET",
            get(b"Content-Length: 3") + b"abc",
            body=b"abc",
        )
    )
    cases.append(RequestCase("no length, no body", post() + b"abc", method=b"POST", rest=b"abc"))
    cases += [
        RequestCase(
            f"cut after {sent} of 5", post(b"Content-Length: 5", body=b"x" * sent), incomplete=True
        )
        for sent in range(5)
    ]
    cases += [
        RequestCase(
            f"huge Content-Length {value!r}",
            post(b"Content-Length: " + value, body=b"x"),
            incomplete=True,
        )
        for value in (b"9223372036854775807", b"4294967296", b"2147483648")
    ]
    return cases


def _codings() -> list[RequestCase]:
    body = b"0\r\n\r\n"
    refused = [
        b"",
        b"chunked, chunked",
        b"chunked,chunked",
        b"chunked,",
        b",chunked",
        b", chunked",
        b"chunked, identity",
        b"chunked, gzip",
        b"identity",
        b"gzip",
        b"deflate",
        b"x",
        b"xchunked",
        b"chunkedx",
        b"x-chunked",
        b"chunk",
        b"chunked;",
        b"chunked;q=1",
        b"chunked; q=0.5",
        b"chunked x",
        b"x chunked",
        b"chunked chunked",
        b'"chunked"',
        b"'chunked'",
        b"chunked\xa0",
        b"\xa0chunked",
        b"chun\xc4\xb8ed",
        b"chunKed.",
        b"[chunked]",
        b"chunked\tidentity",
        b"gzip;q=1, chunked",
        b"gz ip, chunked",
        b"chunked, gzip, chunked",
        b"gzip,, chunked",
    ]
    cases = bad(
        "Transfer-Encoding",
        400,
        "badTransferEncoding",
        [post(b"Transfer-Encoding: " + value, body=body) for value in refused],
    )
    cases += bad(
        "Transfer-Encoding twice",
        400,
        "badTransferEncoding",
        [
            post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=body),
            post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=body),
            post(b"Transfer-Encoding: chunked", b"transfer-encoding:", body=body),
            post(b"Transfer-Encoding:", b"transfer-encoding: chunked", body=body),
        ],
    )
    cases += bad(
        "unknown coding",
        501,
        "unknownCoding",
        [
            post(b"Transfer-Encoding: gzip, chunked", body=body),
            post(b"Transfer-Encoding: identity, chunked", body=body),
            post(b"Transfer-Encoding: identity,chunked", body=body),
            post(b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked", body=body),
            post(b"Transfer-Encoding: x", b"Transfer-Encoding: chunked", body=body),
        ],
    )
    cases += bad(
        "Transfer-Encoding in 1.0",
        400,
        "badTransferEncoding",
        [
            lines(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked") + body,
            lines(b"POST / HTTP/1.0", b"Host: h", b"Transfer-Encoding: identity") + body,
        ],
    )
    cases += bad(
        "both lengths",
        400,
        "bothLengths",
        [
            post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=body),
            post(b"Transfer-Encoding: chunked", b"Content-Length: 5", body=body),
            post(b"Transfer-Encoding: chunked", b"Content-Length: 0", body=body),
            post(b"Transfer-Encoding: chunked", b"Content-Length: x", body=body),
            post(b"Transfer-Encoding: chunked", b"Content-Length:", body=body),
            post(b"Transfer-Encoding: identity", b"Content-Length: 5", body=body),
            post(b"Transfer-Encoding:", b"Content-Length: 5", body=body),
            post(b"transfer-encoding: CHUNKED", b"content-length: 5", body=body),
            lines(b"POST / HTTP/1.0", b"Transfer-Encoding: chunked", b"Content-Length: 5") + body,
        ],
    )
    cases += [
        RequestCase(
            f"Transfer-Encoding {value!r}",
            post(b"Transfer-Encoding:" + value, body=b"3\r\nabc\r\n0\r\n\r\nGET"),
            method=b"POST",
            body=b"abc",
            rest=b"GET",
        )
        for value in (b"chunked", b" chunked ", b"\tchunked\t", b"Chunked", b"CHUNKED", b"cHuNkEd")
    ]
    cases += bad(
        "underscore in a framing field",
        400,
        "badHeader",
        [
            post(b"Content_Length: 5", body=b"abcde"),
            post(b"Content-Length: 0", b"content_length: 5", body=b"abcde"),
            post(b"Transfer_Encoding: chunked", body=b"0\r\n\r\n"),
            post(b"Content-Length: 5", b"TRANSFER_ENCODING: chunked", body=b"0\r\n\r\n"),
        ],
    )
    # Looks like framing, is none.
    cases += [
        RequestCase(f"not framing: {name!r}", get(name + b": 5") + b"abcde", rest=b"abcde")
        for name in (b"X-Content-Length", b"Content-Lengt", b"Content-Length-", b"Transfer-Encodin")
    ]
    return cases


def _smuggling() -> list[RequestCase]:
    """
    Whole attacks as they are found in the wild; what matters is that nothing of them is relayed.
    """
    inner = b"GET /admin HTTP/1.1\r\nHost: h\r\n\r\n"
    cases = bad(
        "CL.TE and TE.CL",
        400,
        "bothLengths",
        [
            post(b"Content-Length: 6", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"5c\r\n" + inner),
        ],
    )
    cases += bad(
        "TE.TE",
        400,
        "badTransferEncoding",
        [
            post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + inner),
            post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", body=b"0\r\n\r\n" + inner),
            post(b"Transfer-Encoding: chunked, x", body=b"0\r\n\r\n" + inner),
        ],
    )
    cases += bad(
        "hidden TE",
        400,
        "badHeader",
        [
            post(b"Content-Length: 6", b"Transfer-Encoding : chunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 6", b" Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 6", b"X: y", b" Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
            post(b"Content-Length: 6", b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 6", b"Transfer-Encoding\x00: chunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 6", b"\x00Transfer-Encoding: chunked", body=b"0\r\n\r\nG"),
        ],
    )
    cases += bad(
        "TE behind a line end",
        400,
        "badLineEnd",
        [
            post(b"Content-Length: 6", b"X: y\nTransfer-Encoding: chunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 6", b"X: y\rTransfer-Encoding: chunked", body=b"0\r\n\r\nG"),
            post(b"Content-Length: 6", b"Transfer-Encoding:\n chunked", body=b"0\r\n\r\nG"),
        ],
    )
    cases += [
        RequestCase("pipelined", get() + inner, rest=inner),
        RequestCase(
            "pipelined after a body",
            post(b"Content-Length: 3", body=b"abc") + inner,
            method=b"POST",
            body=b"abc",
            rest=inner,
        ),
        RequestCase(
            "pipelined after chunks",
            chunked(b"0\r\n\r\n" + inner),
            method=b"POST",
            rest=inner,
        ),
    ]
    return cases


FRAMING: tuple[RequestCase, ...] = tuple(_lengths() + _codings() + _smuggling())
