"""
Hosts, connection options and expectations with their verdicts.
"""

from __future__ import annotations

from tests.wire.http1.corpuscase import RequestCase, bad, get, lines, post


def _hosts() -> list[RequestCase]:
    refused = [
        b"",
        b" ",
        b"a b",
        b"a\tb",
        b"a,b",
        b"a, b",
        b"a;b",
        b"a/b",
        b"/",
        b"http://a",
        b"u@a",
        b"a@b:80",
        b"a#b",
        b"a?b",
        b"a%20b",
        b"a%2eb",
        b"a\\b",
        b'"a"',
        b"<a>",
        b"a:",
        b"a:b",
        b"a:+80",
        b"a:-1",
        b"a:80a",
        b"a:80:80",
        b"a: 80",
        b"a:65536",
        b"a:000080",
        b"a:99999999999999999999",
        b":80",
        b":",
        b"::1",
        b"::1:80",
        b"[::1",
        b"::1]",
        b"[]",
        b"[::1]]",
        b"[[::1]]",
        b"[::1]80",
        b"[::1]:x",
        b"[:::1]",
        b"[::1::2]",
        b"[g::1]",
        b"[1.2.3.4]",
        b"[v7.a]",
        b"[fe80::1%eth0]",
        b"[fe80::1%25eth0]",
        b"[12345::]",
        b".",
        b".a",
        b"a..b",
        b"a...",
        b"a..",
        b"*",
        b"*.a",
        b"a!b",
        b"a$b",
        b"(a)",
        b"\xc3\xa4.example",
        b"\xff",
        b"x" * 300,
    ]
    # An empty port is allowed by RFC 3986 and dropped.
    refused.remove(b"a:")
    cases = bad(
        "Host", 400, "badHost", [lines(b"GET / HTTP/1.1", b"Host: " + host) for host in refused]
    )
    cases += bad(
        "Host in 1.0",
        400,
        "badHost",
        [lines(b"GET / HTTP/1.0", b"Host: " + host) for host in (b"", b"a b", b"a,b", b"u@a")]
        + [lines(b"GET / HTTP/1.0", b"Host: a", b"Host: a")],
    )
    cases += bad(
        "no or many Hosts",
        400,
        "badHost",
        [
            lines(b"GET / HTTP/1.1"),
            lines(b"GET / HTTP/1.1", b"X-Host: a"),
            lines(b"GET / HTTP/1.1", b"Hosts: a"),
            lines(b"GET / HTTP/1.1", b"Host: a", b"Host: b"),
            lines(b"GET / HTTP/1.1", b"Host: a", b"Host: a"),
            lines(b"GET / HTTP/1.1", b"Host: a", b"X: y", b"hOST: a"),
            lines(b"GET / HTTP/1.1", b"Host: a", b"Host:"),
            lines(b"OPTIONS * HTTP/1.1"),
            lines(b"CONNECT a:80 HTTP/1.1"),
        ],
    )
    good = {
        b"a": b"a",
        b"a.": b"a.",
        b"a:": b"a",
        b"a:0": b"a:0",
        b"a:00080": b"a:00080",
        b"a:65535": b"a:65535",
        b"A.Example": b"A.Example",
        b"a_b.example": b"a_b.example",
        b"xn--bcher-kva.example": b"xn--bcher-kva.example",
        b"a-b~c": b"a-b~c",
        b"1.2.3.4": b"1.2.3.4",
        b"1.2.3.4:80": b"1.2.3.4:80",
        b"[::1]": b"[::1]",
        b"[::1]:": b"[::1]",
        b"[::1]:8080": b"[::1]:8080",
        b"[2001:DB8::1]": b"[2001:DB8::1]",
        b"[::ffff:1.2.3.4]:80": b"[::ffff:1.2.3.4]:80",
        b"  a  ": b"a",
        b"\ta\t": b"a",
        b"x" * 63 + b"." + b"y" * 63: b"x" * 63 + b"." + b"y" * 63,
    }
    cases += [
        RequestCase(f"Host {host!r}", lines(b"GET / HTTP/1.1", b"Host:" + host), host=meant)
        for host, meant in good.items()
    ]
    cases.append(
        RequestCase(
            "1.0 without Host", lines(b"GET / HTTP/1.0"), host=b"", version=10, keepAlive=False
        )
    )
    cases.append(
        RequestCase(
            "1.0 with Host",
            lines(b"GET / HTTP/1.0", b"Host: a"),
            host=b"a",
            version=10,
            keepAlive=False,
        )
    )
    return cases


def _connections() -> list[RequestCase]:
    cases = bad(
        "Connection names what is not hop-by-hop",
        400,
        "badConnection",
        [
            get(b"Connection: host"),
            get(b"Connection: close, Host"),
            get(b"Connection: content-length"),
            get(b"Connection: keep-alive", b"connection: Content-Length"),
        ],
    )
    verdicts = {
        b"close": False,
        b"Close": False,
        b"CLOSE": False,
        b"keep-alive, close": False,
        b"close, keep-alive": False,
        b"te,close": False,
        b" , close": False,
        b"x, ,\tclose\t,": False,
        b"keep-alive": True,
        b"Keep-Alive": True,
        b"": True,
        b",": True,
        b"TE": True,
        b"closed": True,
        b"x-close": True,
        b"transfer-encoding": True,
        # What isn't a token may have meant "close".
        b"close;": False,
        b"clo se": False,
        b"keep-alive; timeout=5": False,
        b"\xff": False,
    }
    cases += [
        RequestCase(f"Connection {value!r}", get(b"Connection: " + value), keepAlive=keepAlive)
        for value, keepAlive in verdicts.items()
    ]
    cases.append(
        RequestCase(
            "close in a second Connection",
            get(b"Connection: keep-alive", b"Connection: close"),
            keepAlive=False,
        )
    )
    # RFC 9112 9.3: no persistent connection with a client of HTTP/1.0.
    cases.append(
        RequestCase(
            "keep-alive in 1.0",
            lines(b"GET / HTTP/1.0", b"Host: h", b"Connection: keep-alive"),
            version=10,
            keepAlive=False,
        )
    )
    cases.append(
        RequestCase(
            "Proxy-Connection means nothing", get(b"Proxy-Connection: close"), keepAlive=True
        )
    )
    return cases


def _expectations() -> list[RequestCase]:
    refused = [
        b"",
        b"100",
        b"100-continued",
        b"x",
        b"100-continue, x",
        b"100-continue;q=1",
        b"200-ok",
    ]
    cases = bad(
        "Expect",
        417,
        "badExpect",
        [post(b"Expect: " + value, b"Content-Length: 1", body=b"x") for value in refused],
    )
    cases += [
        RequestCase(
            f"Expect {value!r}",
            post(b"Expect: " + value, b"Content-Length: 1", body=b"x"),
            method=b"POST",
            body=b"x",
        )
        for value in (b"100-continue", b"100-Continue", b"100-CONTINUE")
    ]
    cases.append(
        RequestCase(
            "Expect in 1.0",
            lines(b"POST / HTTP/1.0", b"Host: h", b"Expect: 100-continue", b"Content-Length: 1")
            + b"x",
            method=b"POST",
            version=10,
            keepAlive=False,
            body=b"x",
        )
    )
    return cases


HOSTS: tuple[RequestCase, ...] = tuple(_hosts() + _connections() + _expectations())
