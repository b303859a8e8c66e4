"""
Chunked bodies of requests with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import RequestCase, Trailers, bad, chunked, lines, post


def _chunks() -> list[RequestCase]:
    refused = [
        b"\r\n",
        b"x\r\n",
        b"g\r\n",
        b"-1\r\n",
        b"+1\r\nx\r\n0\r\n\r\n",
        b"0x1\r\nx\r\n0\r\n\r\n",
        b"0X1\r\nx\r\n0\r\n\r\n",
        b" 1\r\nx\r\n0\r\n\r\n",
        b"1 \r\nx\r\n0\r\n\r\n",
        b"1\t\r\nx\r\n0\r\n\r\n",
        b"1 1\r\nx\r\n0\r\n\r\n",
        b"1,\r\nx\r\n0\r\n\r\n",
        b"1\nx\r\n0\r\n\r\n",
        b"1\rx\r\n0\r\n\r\n",
        b"1\r\rx\r\n0\r\n\r\n",
        b"1\r\r\nx\r\n0\r\n\r\n",
        b"1\n\r\nx",
        b"1\r\nxx0\r\n\r\n",
        b"1\r\nx\n0\r\n\r\n",
        b"1\r\nx\r0\r\n\r\n",
        b"1\r\nx0\r\n\r\n",
        b"1\r\n\r\n0\r\n\r\n",
        b"3\r\nab\r\n0\r\n\r\n",
        b"2\r\nabc\r\n0\r\n\r\n",
        b"8000000000000000\r\n",
        b"ffffffffffffffff\r\n",
        b"FFFFFFFFFFFFFFFE\r\n",
        b"10000000000000000\r\n",
        b"00000000000000001\r\nx\r\n0\r\n\r\n",
        b"00000000000000000\r\n\r\n",
        b"f" * 500 + b"\r\n",
        b"1_0\r\n",
        b"1.0\r\n",
        b"1h\r\n",
        b'"1"\r\n',
        b"\x001\r\n",
        b"1\x00\r\n",
        b"\xb2\r\n",
        b"\xef\xbc\x91\r\n",
        b"1;\r\nx\r\n0\r\n\r\n",
        b"1; \r\nx\r\n0\r\n\r\n",
        b"1;;\r\nx\r\n0\r\n\r\n",
        b"1;=a\r\nx\r\n0\r\n\r\n",
        b"1;a=\r\nx\r\n0\r\n\r\n",
        b"1;a b\r\nx\r\n0\r\n\r\n",
        b'1;a="\r\nx\r\n0\r\n\r\n',
        b'1;a="b\r\nx\r\n0\r\n\r\n',
        b'1;a="b"c\r\nx\r\n0\r\n\r\n',
        b'1;a="\\"\r\nx\r\n0\r\n\r\n',
        b"1;a=b \r\nx\r\n0\r\n\r\n",
        b"1;a\nx\r\n0\r\n\r\n",
        b"1;a\rb\r\nx\r\n0\r\n\r\n",
        b'1;a="\n"\r\nx\r\n0\r\n\r\n',
        b'1;a="\r\n"\r\nx\r\n0\r\n\r\n',
        b"1;a=\x00\r\nx\r\n0\r\n\r\n",
        b"1;a=\x7f\r\nx\r\n0\r\n\r\n",
        b"1;\x01\r\nx\r\n0\r\n\r\n",
        b"0\n\n",
        b"0\n\r\n",
        b"0\r\r\n",
        b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
        b"abc=1",
        b"{}",
    ]
    cases = bad("chunk", 400, "badChunk", [chunked(body) for body in refused])
    cases += bad(
        "chunk extension too long",
        400,
        "longChunkExtension",
        [
            chunked(b"1;" + b"a" * 1024 + b"\r\nx\r\n0\r\n\r\n"),
            chunked(b"1;" + b"a" * 5000),
            chunked(b"1;" + b"a" * 1040 + b"\x00"),
            chunked((b"1;" + b"a" * 999 + b"\r\nx\r\n") * 17 + b"0\r\n\r\n"),
            chunked(b"0;" + b"a" * 1024 + b"\r\n\r\n"),
        ],
    )
    good: dict[bytes, bytes] = {
        b"0\r\n\r\n": b"",
        b"00\r\n\r\n": b"",
        b"0000000000000000\r\n\r\n": b"",
        b"0;a\r\n\r\n": b"",
        b"1\r\nx\r\n0\r\n\r\n": b"x",
        b"01\r\nx\r\n0\r\n\r\n": b"x",
        b"0000000000000001\r\nx\r\n0\r\n\r\n": b"x",
        b"a\r\n0123456789\r\n0\r\n\r\n": b"0123456789",
        b"A\r\n0123456789\r\n0\r\n\r\n": b"0123456789",
        b"10\r\n0123456789abcdef\r\n0\r\n\r\n": b"0123456789abcdef",
        b"1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n": b"abc",
        b"2\r\n\r\n\r\n0\r\n\r\n": b"\r\n",
        b"10\r\n\r\n0123456789abcd\r\n0\r\n\r\n": b"\r\n0123456789abcd",
        b"5\r\n0\r\n\r\n\r\n0\r\n\r\n": b"0\r\n\r\n",
        b"1;a\r\nx\r\n0\r\n\r\n": b"x",
        b"1;a=b\r\nx\r\n0\r\n\r\n": b"x",
        b"1;a=b;c;d=e\r\nx\r\n0;f\r\n\r\n": b"x",
        b'1;a="b c;\\"\\\\"\r\nx\r\n0\r\n\r\n': b"x",
        b"1 ; a = b\r\nx\r\n0\r\n\r\n": b"x",
        b"1\t;\ta\t=\tb\r\nx\r\n0\r\n\r\n": b"x",
        b"1;" + b"a" * 1023 + b"\r\nx\r\n0\r\n\r\n": b"x",
        b"0" * 15 + b"1;" + b"a" * 1023 + b"\r\nx\r\n0\r\n\r\n": b"x",
    }
    cases += [
        RequestCase(
            f"chunks {data[:40]!r}", chunked(data + b"GET"), method=b"POST", body=body, rest=b"GET"
        )
        for data, body in good.items()
    ]
    whole = b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"
    cases += [
        RequestCase(f"chunks cut at {at}", chunked(whole[:at]), incomplete=True)
        for at in range(len(whole))
    ]
    return cases


def _trailers() -> list[RequestCase]:
    def trailing(*given: bytes) -> bytes:
        return chunked(b"1\r\nx\r\n0\r\n" + lines(*given))

    malformed = [b"X", b": y", b"X : y", b" X: y", b"X\x00: y", b"X: \x01", b"X(: y", b"\t", b"X y"]
    cases = bad("trailer", 400, "badTrailer", [trailing(line) for line in malformed])
    cases += bad(
        "trailer fold", 400, "badTrailer", [trailing(b"X: y", b" z"), trailing(b"X: y", b"\tz")]
    )
    cases += bad(
        "trailer that frames or routes",
        400,
        "badTrailer",
        [
            trailing(b"Content-Length: 5"),
            trailing(b"Transfer-Encoding: chunked"),
            trailing(b"Host: evil"),
            trailing(b"X: y", b"hOST: evil"),
        ],
    )
    cases += bad(
        "trailer line end",
        400,
        "badLineEnd",
        [
            chunked(b"0\r\n\n"),
            chunked(b"0\r\n\rG"),
            chunked(b"0\r\nX: y\n\r\n"),
            chunked(b"0\r\nX: y\r\n\n"),
            chunked(b"0\r\nX: y\rz\r\n\r\n"),
        ],
    )
    cases += bad(
        "many trailers", 431, "manyTrailers", [trailing(*[b"X: y"] * 101), trailing(*[b"a:"] * 500)]
    )
    cases += bad(
        "long trailers",
        431,
        "longTrailers",
        [trailing(b"X: " + b"y" * 33000), trailing(b"X" * 33000)],
    )
    kept: list[tuple[tuple[bytes, ...], Trailers]] = [
        ((b"X: y",), ((b"X", b"y"),)),
        ((b"grpc-status: 0", b"grpc-message: "), ((b"grpc-status", b"0"), (b"grpc-message", b""))),
        ((b"X:  y  ", b"X: z"), ((b"X", b"y"), (b"X", b"z"))),
        ((b"Digest: a=b", b"ETag: c"), ((b"Digest", b"a=b"), (b"ETag", b"c"))),
    ]
    dropped = [b"Connection", b"Keep-Alive", b"Proxy-Connection", b"TE", b"Trailer", b"Upgrade"]
    dropped += [b"Authorization", b"Cookie", b"Content-Type", b"Content-Encoding", b"Expect"]
    dropped += [b"X-Forwarded-For", b"Forwarded", b"Via", b"Range", b"Cache-Control", b"Set-Cookie"]
    kept += [((name + b": x", b"X: y"), ((b"X", b"y"),)) for name in dropped]
    cases += [
        RequestCase(
            f"trailers {sent!r}", trailing(*sent), method=b"POST", body=b"x", trailers=trailers
        )
        for sent, trailers in kept
    ]
    cases.append(
        RequestCase(
            "trailer named in Connection",
            post(
                b"Transfer-Encoding: chunked",
                b"Connection: x-secret",
                body=b"0\r\nX-Secret: a\r\nX: y\r\n\r\n",
            ),
            method=b"POST",
            trailers=((b"X", b"y"),),
        )
    )
    return cases


CHUNKS: tuple[RequestCase, ...] = tuple(_chunks() + _trailers())
