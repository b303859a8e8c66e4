"""
Request lines and hosts with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import CONTROLS, SEPARATORS, TOKEN, RequestCase, bad, lines


def _requestLines() -> list[RequestCase]:
    host = b"Host: h"
    malformed = [
        b"GET /",
        b"GET",
        b"GET  / HTTP/1.1",
        b"GET /  HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 x",
        b"GET / x HTTP/1.1",
        b"GET / http/1.1",
        b"GET / Http/1.1",
        b"GET / HTTP/1",
        b"GET / HTTP/1.",
        b"GET / HTTP/.1",
        b"GET / HTTP/1.10",
        b"GET / HTTP/01.1",
        b"GET / HTTP/1.1.1",
        b"GET / HTTP/-1.1",
        b"GET / HTTP/+1.1",
        b"GET / HTTP/1,1",
        b"GET / HTTP 1.1",
        b"GET / HTTP//1.1",
        b"GET / XHTTP/1.1",
        b"GET / HTTPS/1.1",
        b"GET / HTTP/a.b",
        b"GET / RTSP/1.0",
        b"GET / ICE/1.0",
        b"GET / SIP/2.0",
        b"GET / HTTP/1.1HTTP/1.1",
        b"GET HTTP/1.1",
        b" / HTTP/1.1",
        b"HTTP/1.1 200 OK",
        b"HTTP/1.1 GET /",
        b"GET/ HTTP/1.1",
    ]
    cases = bad("request line", 400, "badRequestLine", [lines(line, host) for line in malformed])
    # Three words, though not the right ones.
    cases += bad("not a request", 400, "badRequestLine", [lines(b"220 mail.example ESMTP")])
    versions = [b"0.9", b"1.2", b"1.3", b"1.9", b"2.0", b"3.0", b"0.0", b"9.9", b"0.1", b"2.1"]
    cases += bad("version", 505, "badVersion", [lines(b"GET / HTTP/" + v, host) for v in versions])
    cases += bad("preface", 505, "badVersion", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"])
    cases += bad(
        "control in the request line",
        400,
        "badRequestLine",
        [
            lines(line % bytes((byte,)), host)
            for byte in CONTROLS
            if byte not in b"\r\n"
            for line in (b"GE%bT / HTTP/1.1", b"GET /%b HTTP/1.1", b"GET / HTTP/1.1%b")
        ],
    )
    cases += bad(
        "high byte in the request line",
        400,
        "badRequestLine",
        [
            lines(line % bytes((byte,)), host)
            for byte in (0x80, 0x85, 0xA0, 0xB0, 0xB1, 0xC3, 0xFF)
            for line in (b"G%bT / HTTP/1.1", b"GET /%b HTTP/1.1", b"GET /?%b HTTP/1.1")
        ],
    )
    cases += bad(
        "tab for a space",
        400,
        "badRequestLine",
        [lines(b"GET\t/ HTTP/1.1", host), lines(b"GET /\tHTTP/1.1", host)],
    )
    return cases


def _methods() -> list[RequestCase]:
    cases = bad(
        "method",
        400,
        "badMethod",
        [lines(b"GE%bT / HTTP/1.1" % bytes((b,)), b"Host: h") for b in SEPARATORS]
        + [lines(b": / HTTP/1.1", b"Host: h"), lines(b"GET: / HTTP/1.1", b"Host: h")],
    )
    cases += bad(
        "long method", 501, "longMethod", [lines(b"M" * n + b" / HTTP/1.1") for n in (33, 64, 500)]
    )
    methods = [b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE"]
    methods += [b"PROPFIND", b"M-SEARCH", b"FOO", b"get", b"UPDATEREDIRECTREF", b"M" * 32, TOKEN]
    cases += [
        RequestCase(f"method {method!r}", lines(method + b" / HTTP/1.1", b"Host: h"), method=method)
        for method in methods
    ]
    return cases


def _targets() -> list[RequestCase]:
    refused = [
        b"*",
        b"x",
        b"example.com",
        b"example.com:80",
        b"?a=b",
        b"\\",
        b"\\evil",
        b"/#fragment",
        b"/a?b#c",
        b"#",
        b"../x",
        b"%2F",
        b"http:",
        b"http:/",
        b"http://",
        b"http:///",
        b"http:///x",
        b"http://?x",
        b"http:/h/",
        b"http:h",
        b"http://h#x",
        b"http://u@h/",
        b"http://u:p@h/",
        b"http://@h/",
        b"http://h:x/",
        b"http://h:65536/",
        b"http://h:-1/",
        b"http://h:80:80/",
        b"http://h\\x/",
        b"http://[::1/",
        b"http://::1/",
        b"http://[::1]x/",
        b"http://[v1.x]/",
        b"http://[fe80::1%25eth0]/",
        b"http://a,b/",
        b"http://a%2eb/",
        b"http://.h/",
        b"http://a..b/",
        b"ftp://h/",
        b"ws://h/",
        b"file:///etc/passwd",
        b"mailto:a@b",
        b"javascript://h/",
        b"httpx://h/",
        b"//h/x#y",
        b"**",
    ]
    cases = bad(
        "target", 400, "badTarget", [lines(b"GET " + t + b" HTTP/1.1", b"Host: h") for t in refused]
    )
    connect = [b"/", b"*", b"h", b"h:", b":80", b"http://h/", b"h:80/", b"u@h:80", b"[::1]", b"h:x"]
    connect += [b"[::1]:", b"h:99999", b"h:80:80", b"::1:80", b"h:80?x"]
    cases += bad(
        "CONNECT",
        400,
        "badTarget",
        [lines(b"CONNECT " + t + b" HTTP/1.1", b"Host: h") for t in connect],
    )
    cases += [
        RequestCase(
            f"CONNECT {target!r}",
            lines(b"CONNECT " + target + b" HTTP/1.1", b"Host: h"),
            method=b"CONNECT",
            target=target,
            path=b"",
            host=target,
        )
        for target in (b"h:443", b"h.example:1", b"[::1]:443", b"127.0.0.1:22")
    ]
    cases.append(
        RequestCase(
            "OPTIONS *",
            lines(b"OPTIONS * HTTP/1.1", b"Host: h"),
            method=b"OPTIONS",
            target=b"*",
            path=b"*",
        )
    )
    return cases + _originForms() + _absoluteForms()


def _originForms() -> list[RequestCase]:
    good: list[tuple[bytes, bytes, bytes | None]] = [
        (b"/", b"/", None),
        (b"/?", b"/", b""),
        (b"/??", b"/", b"?"),
        (b"/a?b?c", b"/a", b"b?c"),
        (b"/a;b=c?d", b"/a;b=c", b"d"),
        (b"//", b"//", None),
        (b"//evil.example/x", b"//evil.example/x", None),
        (b"/http://x/", b"/http://x/", None),
        (b"/../..", b"/../..", None),
        (b"/%00", b"/%00", None),
        (b"/%", b"/%", None),
        (b"/\\", b"/\\", None),
        (b'/"<>^`{|}', b'/"<>^`{|}', None),
        (b"/@:80", b"/@:80", None),
        (b"/*", b"/*", None),
        (b"/a?/../b", b"/a", b"/../b"),
        (b"/a?%zz", b"/a", b"%zz"),
        (b"/" + b"x" * 4000, b"/" + b"x" * 4000, None),
    ]
    return [
        RequestCase(
            f"target {target[:40]!r}",
            lines(b"GET " + target + b" HTTP/1.1", b"Host: h"),
            target=target,
            path=path,
            query=query,
        )
        for target, path, query in good
    ]


def _absoluteForms() -> list[RequestCase]:
    good: list[tuple[bytes, bytes, bytes, bytes | None]] = [
        (b"http://a.example/", b"a.example", b"/", None),
        (b"http://a.example", b"a.example", b"/", None),
        (b"http://a.example?q", b"a.example", b"/", b"q"),
        (b"http://a.example:8080/x?q", b"a.example:8080", b"/x", b"q"),
        (b"http://a.example:/x", b"a.example", b"/x", None),
        (b"HTTP://A.example/x", b"A.example", b"/x", None),
        (b"https://a.example/x", b"a.example", b"/x", None),
        (b"http://[::1]/x", b"[::1]", b"/x", None),
        (b"http://[::1]:80/x", b"[::1]:80", b"/x", None),
        (b"http://127.0.0.1/", b"127.0.0.1", b"/", None),
        (b"http://a.example//b/../c", b"a.example", b"//b/../c", None),
        (b"http://a.example/u@b:c", b"a.example", b"/u@b:c", None),
    ]
    cases = [
        RequestCase(
            f"absolute {target!r}",
            lines(b"GET " + target + b" HTTP/1.1", b"Host: other.example"),
            target=target,
            host=host,
            path=path,
            query=query,
        )
        for target, host, path, query in good
    ]
    cases.append(
        RequestCase(
            "absolute OPTIONS without a path",
            lines(b"OPTIONS http://a.example HTTP/1.1", b"Host: a.example"),
            method=b"OPTIONS",
            target=b"http://a.example",
            path=b"*",
            host=b"a.example",
        )
    )
    cases.append(
        RequestCase(
            "absolute OPTIONS with a query only",
            lines(b"OPTIONS http://a.example?q HTTP/1.1", b"Host: a.example"),
            method=b"OPTIONS",
            target=b"http://a.example?q",
            query=b"q",
            host=b"a.example",
        )
    )
    cases.append(
        RequestCase(
            "absolute OPTIONS with a path",
            lines(b"OPTIONS http://a.example/ HTTP/1.1", b"Host: a.example"),
            method=b"OPTIONS",
            target=b"http://a.example/",
            host=b"a.example",
        )
    )
    cases.append(
        RequestCase(
            "absolute in 1.0 without Host",
            lines(b"GET http://a.example/ HTTP/1.0"),
            target=b"http://a.example/",
            host=b"a.example",
            version=10,
            keepAlive=False,
        )
    )
    cases += bad(
        "absolute with a bad Host",
        400,
        "badHost",
        [
            lines(b"GET http://a.example/ HTTP/1.1"),
            lines(b"GET http://a.example/ HTTP/1.1", b"Host: a b"),
            lines(b"GET http://a.example/ HTTP/1.1", b"Host: a.example", b"Host: a.example"),
        ],
    )
    return cases


REQUEST_LINES: tuple[RequestCase, ...] = tuple(_requestLines() + _methods() + _targets())
