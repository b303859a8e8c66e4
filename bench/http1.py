"""
What does the HTTP/1 codec cost per message? By hand: C{python -m bench.http1}.

"known" heads come from the memo, "new" ones have one line never seen before (as a cookie or a date
is), "strange" ones nothing but such lines: what a hostile client can make us do. The best of many
short runs counts, since the machine does other things as well.
"""

from __future__ import annotations

import itertools
import timeit
from collections.abc import Callable

from lbproxy.wire.cookies import CookieFinder
from lbproxy.wire.http1 import (
    DEFAULT_LIMITS,
    ChunkedBody,
    RequestReader,
    ResponseReader,
    encodeChunk,
    normalizePath,
    responseBody,
)

SMALL = b"GET /hello/world HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n"
_BROWSER_FIELDS = (
    b"Host: shop.example.com",
    b"Connection: keep-alive",
    b"Cache-Control: max-age=0",
    b'sec-ch-ua: "Chromium";v="128", "Not;A=Brand";v="24", "Google Chrome";v="128"',
    b"sec-ch-ua-mobile: ?0",
    b'sec-ch-ua-platform: "Linux"',
    b"DNT: 1",
    b"Upgrade-Insecure-Requests: 1",
    b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)"
    b" Chrome/128.0.0.0 Safari/537.36",
    b"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8",
    b"Sec-Fetch-Site: same-origin",
    b"Sec-Fetch-Mode: navigate",
    b"Sec-Fetch-User: ?1",
    b"Sec-Fetch-Dest: document",
    b"Referer: https://shop.example.com/shop/",
    b"Accept-Encoding: gzip, deflate, br, zstd",
    b"Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    b'If-None-Match: "5f3a-17"',
    b"X-Requested-With: XMLHttpRequest",
)
_BROWSER_LINE = b"GET /shop/cart?item=4711&colour=blue HTTP/1.1\r\n"
_RESPONSE_FIELDS = (
    b"Server: nginx/1.22.1",
    b"Content-Type: text/plain",
    b"Content-Length: 32",
    b"Connection: keep-alive",
)
_PAYLOAD = b"x" * 32
_CHUNKS = (b"4000\r\n" + b"x" * 16384 + b"\r\n") * 4


def _head(line: bytes, fields: tuple[bytes, ...], *more: bytes) -> bytes:
    return line + b"".join(field + b"\r\n" for field in (*fields, *more)) + b"\r\n"


def browser(number: int) -> bytes:
    """
    A browser's request of 20 fields, C{number} in its cookie.
    """
    return _head(_BROWSER_LINE, _BROWSER_FIELDS, b"Cookie: sid=cafe%08d; theme=dark" % number)


def strange(number: int) -> bytes:
    """
    A request of 20 fields none of which was seen before.
    """
    fields = tuple(b"X-%d: some value that goes on %08d" % (index, number) for index in range(19))
    return _head(_BROWSER_LINE, fields, b"Host: h")


def response(number: int) -> bytes:
    """
    A small response of 5 fields, C{number} in its date.
    """
    date = b"Date: Mon, 01 Jan 2024 %08d GMT" % number
    return _head(b"HTTP/1.1 200 OK\r\n", _RESPONSE_FIELDS, date) + _PAYLOAD


def measure(name: str, call: Callable[[], object], number: int = 1000) -> None:
    """
    Print the microseconds of one call.
    """
    best = min(timeit.repeat(call, number=number, repeat=40)) / number
    print(f"{name:44}{best * 1e6:8.2f} us")


def _ever(make: Callable[[int], bytes], feed: Callable[[bytes], object]) -> Callable[[], object]:
    """
    A call that feeds another message each time.
    """
    numbers = itertools.count()
    before, _, after = make(0).partition(b"%08d" % 0)
    assert after, "a message with a number in it"
    return lambda: feed(b"%b%08d%b" % (before, next(numbers), after))


def main() -> None:
    """
    Print the table.
    """
    requests, responses = RequestReader(), ResponseReader()
    page, answer = browser(0), response(0)
    measure("request, small, known", lambda: requests.feed(SMALL))
    measure("request, 20 fields, known", lambda: requests.feed(page))
    measure("request, 20 fields, new", _ever(browser, requests.feed))
    messages = itertools.cycle([strange(number) for number in range(41_000)])
    measure("request, 20 fields, strange", lambda: requests.feed(next(messages)))
    measure("response, 5 fields, known", lambda: responses.feed(answer))
    measure("response, 5 fields, new", _ever(response, responses.feed))
    _measureBodies()
    _measurePaths()


def _measureBodies() -> None:
    head = ResponseReader().feed(response(0))
    assert head is not None
    small = b"5\r\nhello\r\n0\r\n\r\n"
    large = ChunkedBody(DEFAULT_LIMITS, 502, frozenset())

    def byLength() -> None:
        body = responseBody(head, b"GET")
        assert body is not None
        body.feed(_PAYLOAD)

    measure("body by length, 32 bytes", byLength)
    measure(
        "chunked body, 5 bytes", lambda: ChunkedBody(DEFAULT_LIMITS, 502, frozenset()).feed(small)
    )
    measure("64 KiB in four chunks", lambda: large.feed(_CHUNKS))
    measure("encode a chunk of 16 KiB", lambda: encodeChunk(_CHUNKS[6:16390]))


def _measurePaths() -> None:
    cookie = CookieFinder(b"sid")
    measure("path, plain", lambda: normalizePath(b"/shop/cart/items"))
    measure("path, escaped", lambda: normalizePath(b"/files/%E3%81%82%E3%81%84/x%20y"))
    measure("path, dot segments", lambda: normalizePath(b"/a/b/../c"))
    measure("cookie, found", lambda: cookie.find(b"theme=dark; sid=0123456789abcdef; a=b"))


if __name__ == "__main__":
    main()
