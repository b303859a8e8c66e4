"""
Response heads with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import CONTROLS, SEPARATORS, ResponseCase, badResponses, lines, ok


def _statusLines() -> list[ResponseCase]:
    malformed = [
        b"HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 200\tOK",
        b"HTTP/1.1 20 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 2_0 OK",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1 -20 OK",
        b"HTTP/1.1 0x2 OK",
        b"HTTP/1.1 2.0 OK",
        b"HTTP/1.1 200OK",
        b"HTTP/1.1 OK",
        b"HTTP/1.1 OK 200",
        b"HTTP/1.1 000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 \xb2\xb2\xb2 OK",
        b"HTTP/1.1200 OK",
        b"HTTP/1.12 200 OK",
        b"HTTP/01.1 200 OK",
        b"HTTP/1 .1 200 OK",
        b"HTTP/a.b 200 OK",
        b"HTTP/-1.1 200 OK",
        b"HTTP 1.1 200 OK",
        b"HTTPS/1.1 200 OK",
        b"http/1.1 200 OK",
        b" HTTP/1.1 200 OK",
        b"\tHTTP/1.1 200 OK",
        b"xHTTP/1.1 200 OK",
        b"ICY 200 OK",
        b"200 OK",
        b"Content-Length: 0",
        b"GET / HTTP/1.1",
        b"RTSP/1.0 200 OK",
        b"<html>",
        b"SSH-2.0-OpenSSH_9.0",
        b"220 mail.example ESMTP",
        b"+PONG",
        b"-ERR",
        b"* OK IMAP",
    ]
    cases = badResponses("status line", "badStatusLine", [lines(line) for line in malformed])
    cases += badResponses(
        "not HTTP, known without a line end",
        "badStatusLine",
        [
            b"\x15\x03\x01\x00\x02\x02\x46",
            b"\x00",
            b"HTTQ",
            b"h",
            b"\xff\xfd",
            b"\r\n",
            b"\n",
            b"J\x00",
        ],
    )
    cases += badResponses(
        "empty line first", "badStatusLine", [b"\r\n" + ok(b"Content-Length: 0"), b"\r\n\r\n"]
    )
    versions = [b"0.9", b"1.2", b"1.9", b"2.0", b"3.0", b"0.0", b"9.9"]
    cases += badResponses(
        "version", "badVersion", [lines(b"HTTP/" + v + b" 200 OK") for v in versions]
    )
    cases += badResponses(
        "version of one digit", "badVersion", [lines(b"HTTP/2 200"), lines(b"HTTP/3 200 ")]
    )
    cases += badResponses(
        "control in the reason",
        "badStatusLine",
        [
            lines(b"HTTP/1.1 200 O%bK" % bytes((byte,)))
            for byte in CONTROLS
            if byte not in b"\r\n\t"
        ],
    )
    cases += badResponses(
        "CR or LF in the reason",
        "badLineEnd",
        [lines(b"HTTP/1.1 200 O\rK"), lines(b"HTTP/1.1 200 O\nK"), b"HTTP/1.1 200 OK\n\n"],
    )
    reasons = {
        b" OK": b"OK",
        b" ": b"",
        b"": b"",  # as some servers send it
        b" Not Really OK": b"Not Really OK",
        b"  OK": b" OK",
        b" O\tK": b"O\tK",
        b" \xc3\xa4": b"\xc3\xa4",
        b" 200": b"200",
        b" HTTP/1.1 200 OK": b"HTTP/1.1 200 OK",
    }
    cases += [
        ResponseCase(
            f"reason {text!r}", lines(b"HTTP/1.1 200" + text, b"Content-Length: 0"), reason=reason
        )
        for text, reason in reasons.items()
    ]
    cases += [
        ResponseCase(
            f"status {status}",
            lines(b"HTTP/1.1 %d X" % status, b"Content-Length: 2") + b"ab",
            answer=status,
            reason=b"X",
            body=b"ab",
        )
        for status in (
            200,
            201,
            203,
            205,
            206,
            299,
            300,
            301,
            399,
            400,
            404,
            418,
            499,
            500,
            503,
            599,
        )
    ]
    return cases


def _fields() -> list[ResponseCase]:
    zero = b"Content-Length: 0"
    malformed = [
        b"X",
        b"X y",
        b":",
        b": y",
        b":X: y",
        b"X\xc3\xa4: y",
        b"\xa0X: y",
        b"=: x",
        b"<a>",
    ]
    cases = badResponses("field", "badHeader", [ok(line, zero) for line in malformed])
    cases += badResponses("last field", "badHeader", [ok(zero, line) for line in malformed])
    cases += badResponses(
        "obs-fold",
        "badHeader",
        [
            ok(zero, b"X: y", b" z"),
            ok(zero, b"X: y", b"\tz"),
            ok(zero, b" X: y"),
            ok(b" X: y", zero),
            ok(b"Content-Length:", b" 0"),
            ok(zero, b" "),
        ],
    )
    cases += badResponses(
        "separator in a name", "badHeader", [ok(zero, b"X%bY: z" % bytes((b,))) for b in SEPARATORS]
    )
    cases += badResponses(
        "control in a field",
        "badHeader",
        [
            ok(zero, line % bytes((byte,)))
            for byte in CONTROLS
            if byte not in b"\r\n\t"
            for line in (b"X%bY: z", b"X: y%bz")
        ],
    )
    cases += badResponses(
        "CR or LF in a field",
        "badLineEnd",
        [
            ok(zero, b"X: y\rz"),
            ok(zero, b"X: y\nz"),
            ok(zero, b"X: y\nSet-Cookie: a=b"),
            ok(zero, b"X: y\rSet-Cookie: a=b"),
            ok(zero, b"X\n: y"),
            ok(zero).replace(b"\r\n", b"\n"),
            ok(zero).replace(b"\r\n", b"\r\r\n"),
            ok(zero)[:-2] + b"\n",
            ok(zero)[:-1] + b"X",
        ],
    )
    # RFC 9112 5.1: a proxy removes whitespace before the colon of a response's field.
    good = {
        b"X : y": (b"x", b"y"),
        b"X \t : y": (b"x", b"y"),
        b"X:": (b"x", b""),
        b"X:y": (b"x", b"y"),
        b"X: \t y \t": (b"x", b"y"),
        b"X: \xff": (b"x", b"\xff"),
        b"Set-Cookie: a=b; Path=/": (b"set-cookie", b"a=b; Path=/"),
    }
    cases += [
        ResponseCase(f"field {line!r}", ok(zero, line), fields={name: [value]})
        for line, (name, value) in good.items()
    ]
    cases.append(
        ResponseCase(
            "a field twice",
            ok(zero, b"Set-Cookie: a=1", b"set-cookie: b=2"),
            fields={b"set-cookie": [b"a=1", b"b=2"]},
        )
    )
    return cases


def _connections() -> list[ResponseCase]:
    one, zero = b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK"
    verdicts: list[tuple[bytes, bytes | None, bool]] = [
        (one, None, True),
        (one, b"keep-alive", True),
        (one, b"close", False),
        (one, b"Keep-Alive, Close", False),
        (one, b"close;", False),
        (zero, None, False),
        (zero, b"keep-alive", True),
        (zero, b"Keep-Alive", True),
        (zero, b"keep-alive, close", False),
        (zero, b"close", False),
    ]
    cases = [
        ResponseCase(
            f"{line!r} Connection {value!r}",
            lines(line, b"Content-Length: 0", *([b"Connection: " + value] if value else [])),
            version=11 if line is one else 10,
            keepAlive=keepAlive,
        )
        for line, value, keepAlive in verdicts
    ]
    cases += badResponses(
        "Connection names what is not hop-by-hop",
        "badConnection",
        [ok(b"Content-Length: 0", b"Connection: content-length")],
    )
    return cases


def _sizes() -> list[ResponseCase]:
    cases = badResponses(
        "status line too long",
        "longStatusLine",
        [lines(b"HTTP/1.1 200 " + b"x" * 9000), b"HTTP/1.1 200 " + b"x" * 9000],
    )
    cases += badResponses(
        "fields too long",
        "longHeaders",
        [
            ok(b"X: " + b"y" * 33000),
            ok(*[b"X: " + b"y" * 1000] * 40),
            b"HTTP/1.1 200 OK\r\n" + b"X" * 33000,
        ],
    )
    cases += badResponses("too many fields", "manyHeaders", [ok(*[b"X: y"] * 101)])
    head = ok(b"Content-Length: 0", b"X: y")
    cases += [ResponseCase(f"cut at {at}", head[:at], incomplete=True) for at in range(len(head))]
    cases.append(ResponseCase("most fields", ok(b"Content-Length: 0", *[b"X: y"] * 99)))
    return cases


RESPONSE_HEADS: tuple[ResponseCase, ...] = tuple(
    _statusLines() + _fields() + _connections() + _sizes()
)
