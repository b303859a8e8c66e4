"""
What does a cookie header say, and how is one cookie of it changed? Pure functions on bytes.

They change one cookie and leave every other byte as it was: what others have set is theirs. A
browser may send several cookies of one name (for several paths); all of them are ours.
"""

from __future__ import annotations

from collections.abc import Callable


def withoutCookie(header: bytes, name: bytes) -> bytes:
    """
    A C{Cookie} header without any cookie called C{name}; empty if nothing is left.
    """
    return _mapped(header, name, lambda value: None)


def withoutPrefix(header: bytes, name: bytes, separator: bytes) -> bytes:
    """
    A C{Cookie} header in which the values of C{name} begin after the first C{separator}.
    """

    def cut(value: bytes) -> bytes:
        _, found, rest = value.partition(separator)
        return rest if found else value

    return _mapped(header, name, cut)


def cookieSet(setCookie: bytes) -> bytes:
    """
    Which cookie a C{Set-Cookie} value sets.
    """
    name, equals, _ = setCookie.partition(b";")[0].partition(b"=")
    return name.strip() if equals else b""


def valueSet(setCookie: bytes) -> bytes:
    """
    To which value a C{Set-Cookie} value sets its cookie.
    """
    return setCookie.partition(b";")[0].partition(b"=")[2].strip()


def withValue(setCookie: bytes, value: bytes) -> bytes:
    """
    The C{Set-Cookie} value with another value and the same attributes.
    """
    pair, semicolon, attributes = setCookie.partition(b";")
    return pair.partition(b"=")[0] + b"=" + value + semicolon + attributes


def _mapped(header: bytes, name: bytes, change: Callable[[bytes], bytes | None]) -> bytes:
    if name not in header:
        return header
    pairs = []
    changed = False
    for pair in header.split(b";"):
        key, equals, value = pair.partition(b"=")
        if not equals or key.strip() != name:
            pairs.append(pair)
            continue
        changed = True
        new = change(value)
        if new is not None:
            pairs.append(key + b"=" + new)
    return b";".join(pairs).strip(b" \t") if changed else header
