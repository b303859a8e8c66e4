"""
Field lines, line ends and sizes of requests with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import CONTROLS, SEPARATORS, TOKEN, RequestCase, bad, get, lines


def _fields() -> list[RequestCase]:
    malformed = [
        b"X",
        b"X y",
        b":",
        b": y",
        b":X: y",
        b"X : y",
        b"X\t: y",
        b" X: y",
        b"\tX: y",
        b"X\xc3\xa4: y",
        b"\xa0X: y",
        b"Host : h",
        b"Content-Length : 0",
        b"Transfer-Encoding : chunked",
        b" ",
        b"\t",
        b" : ",
        b"=: x",
    ]
    cases = bad("field", 400, "badHeader", [get(line) for line in malformed])
    cases += bad(
        "first field",
        400,
        "badHeader",
        [lines(b"GET / HTTP/1.1", line, b"Host: h") for line in malformed],
    )
    cases += bad(
        "separator in a name", 400, "badHeader", [get(b"X%bY: z" % bytes((b,))) for b in SEPARATORS]
    )
    cases += bad(
        "control in a field",
        400,
        "badHeader",
        [
            get(line % bytes((byte,)))
            for byte in CONTROLS
            if byte not in b"\r\n\t"
            for line in (b"X%bY: z", b"X: y%bz", b"X: y%b", b"X:%by")
        ],
    )
    cases += bad(
        "obs-fold",
        400,
        "badHeader",
        [
            get(b"X: y", b" z"),
            get(b"X: y", b"\tz"),
            get(b"X:", b" y"),
            get(b"X: y", b" "),
            lines(b"GET / HTTP/1.1", b"Host:", b" h"),
            lines(b"GET / HTTP/1.1", b" Host: h"),
            get(b"Transfer-Encoding:", b" chunked"),
            get(b"Content-Length: 1", b" 0"),
        ],
    )
    good: dict[bytes, tuple[bytes, bytes]] = {
        b"X:": (b"x", b""),
        b"X: ": (b"x", b""),
        b"X:\t \t": (b"x", b""),
        b"X:y": (b"x", b"y"),
        b"X:  y": (b"x", b"y"),
        b"X: y \t": (b"x", b"y"),
        b"X: y z": (b"x", b"y z"),
        b"X: y\tz": (b"x", b"y\tz"),
        b"X: :": (b"x", b":"),
        b"X: y: z": (b"x", b"y: z"),
        b"X: \xc3\xa4\xff\x80": (b"x", b"\xc3\xa4\xff\x80"),
        b"X: \xa0": (b"x", b"\xa0"),
        b'X: "(),/:;<=>?@[\\]{}"': (b"x", b'"(),/:;<=>?@[\\]{}"'),
        TOKEN + b": y": (TOKEN.lower(), b"y"),
        b"0: y": (b"0", b"y"),
        b"x_y: z": (b"x_y", b"z"),
        b"X: " + b"y" * 5000: (b"x", b"y" * 5000),
    }
    cases += [
        RequestCase(f"field {line[:40]!r}", get(line), fields={name: [value]})
        for line, (name, value) in good.items()
    ]
    cases.append(
        RequestCase("a field twice", get(b"X: 1", b"x: 2", b"X:"), fields={b"x": [b"1", b"2", b""]})
    )
    return cases


def _lineEnds() -> list[RequestCase]:
    head = b"GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n"
    crlfs = [at for at in range(len(head)) if head.startswith(b"\r\n", at)]
    bareLF = [head[:at] + head[at + 1 :] for at in crlfs]
    bareCR = [head[: at + 1] + head[at + 2 :] for at in crlfs]
    doubled = [head[:at] + b"\r" + head[at:] for at in crlfs]
    cases = bad("bare LF for a line end", 400, "badLineEnd", bareLF)
    cases += bad("all bare LF", 400, "badLineEnd", [head.replace(b"\r\n", b"\n")])
    # After the very last CR nothing follows which could show that it is bare, so something is
    # added.
    cases += bad("bare CR for a line end", 400, "badLineEnd", [data + b"G" for data in bareCR])
    cases += bad("all bare CR", 400, "badLineEnd", [head.replace(b"\r\n", b"\r")])
    cases += bad("CR CR LF", 400, "badLineEnd", doubled)
    cases += bad(
        "CR or LF inside",
        400,
        "badLineEnd",
        [
            get(b"X: y\rz"),
            get(b"X: y\nz"),
            get(b"X: y\n z"),
            get(b"X: y\r z"),
            get(b"X: y\rContent-Length: 5"),
            get(b"X: y\nContent-Length: 5"),
            get(b"X\n: y"),
            get(b"X\r: y"),
            get(b"X:\n y"),
            get(b"X:\ry"),
            b"GET /\n HTTP/1.1\r\nHost: h\r\n\r\n",
            b"GET /\r HTTP/1.1\r\nHost: h\r\n\r\n",
            b"G\rET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"\rGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"\n",
            b"\r\r",
            b"\r\n\n",
        ],
    )
    cases += bad(
        "more than one empty line first",
        400,
        "badRequestLine",
        [b"\r\n\r\n" + head, b"\r\n\r\n\r\n" + head, b"\r\n\r\n"],
    )
    cases.append(
        RequestCase("one empty line first", b"\r\n" + head, fields={b"x": [b"y"]}),
    )
    return cases


def _sizes() -> list[RequestCase]:
    def line(length: int) -> bytes:
        return b"GET /" + b"x" * (length - 14) + b" HTTP/1.1"

    cases = bad(
        "request line too long",
        414,
        "longRequestLine",
        [
            lines(line(8193), b"Host: h"),
            lines(line(9000), b"Host: h"),
            b"GET /" + b"x" * 9000,
            b"G" * 9000,
            line(100000),
        ],
    )
    cases += bad(
        "fields too long",
        431,
        "longHeaders",
        [
            get(b"X: " + b"y" * 32768),
            get(b"X: " + b"y" * (32768 - 15)),
            get(*[b"X: " + b"y" * 1000] * 40),
            b"GET / HTTP/1.1\r\n" + b"X" * 33000,
            b"GET / HTTP/1.1\r\nX:" + b" " * 33000,
        ],
    )
    cases += bad(
        "too many fields", 431, "manyHeaders", [get(*[b"X: y"] * 100), get(*[b"X: y"] * 1000)]
    )
    cases += [
        RequestCase(
            "longest request line",
            lines(line(8192), b"Host: h"),
            target=line(8192)[4:-9],
            path=line(8192)[4:-9],
        ),
        RequestCase("largest fields", get(b"X: " + b"y" * (32768 - 16))),
        RequestCase("most fields", get(*[b"X: y"] * 99)),
    ]
    return cases


def _garbage() -> list[RequestCase]:
    cases = bad(
        "not HTTP at all",
        400,
        "badRequestLine",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x00",
            b"\x04\x01\x00\x50",
            b"\x05\x01\x00",
            b"\x80\x2e\x01\x00",
            b"\xff" * 10,
            b"\r\n\r\n\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
            b"SSH-2.0-OpenSSH_9.0\r\n",
            b'{"a": 1}\r\n',
            b"<xml/>\r\n",
            b"EHLO example.com\r\n",
            b"\x1b[2J",
        ],
    )
    head = get(b"X: y")
    cases += [RequestCase(f"cut at {at}", head[:at], incomplete=True) for at in range(len(head))]
    return cases


FIELDS: tuple[RequestCase, ...] = tuple(_fields() + _lineEnds() + _sizes() + _garbage())
