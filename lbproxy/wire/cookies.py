"""
Which value does a cookie have, and how is one set (RFC 6265)?
"""

from __future__ import annotations

import re

# RFC 6265 4.1.1: no control characters, whitespace, double quotes, commas, semicolons, backslashes.
_OCTETS = rb"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*+"
_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_isName = re.compile(_NAME).fullmatch
_isValue = re.compile(_OCTETS).fullmatch
_isAttribute = re.compile(rb"[\x20-\x3a\x3c-\x7e]*+").fullmatch
_SAME_SITE = ("", "Strict", "Lax", "None")


class CookieFinder:
    """
    Finds one cookie in Cookie fields.
    """

    __slots__ = ("_search", "_start", "name")

    def __init__(self, name: bytes) -> None:
        """
        @raise ValueError: C{name} can't name a cookie.
        """
        if not _isName(name):
            raise ValueError(f"not a cookie name: {name!r}")
        self.name = name
        self._start = name + b"="
        # The value ends where the pair does; one with other bytes in it is nobody's cookie.
        self._search = re.compile(
            rb"(?:\A|;)[ \t]*+"
            + re.escape(name)
            + rb'=(?:"('
            + _OCTETS
            + rb')"|('
            + _OCTETS
            + rb"))"
            rb"[ \t]*+(?:;|\Z)"
        ).search

    def find(self, field: bytes | None) -> bytes | None:
        """
        @param field: a Cookie field's value, or L{None}.
        @return: the first good value of the cookie, without quotes; L{None} if there is none.
        """
        if field is None or self._start not in field:
            return None
        found = self._search(field)
        return None if found is None else found.group(found.lastindex or 0)


def setCookie(
    name: bytes,
    value: bytes,
    *,
    path: bytes = b"/",
    domain: bytes = b"",
    maxAge: int | None = None,
    secure: bool = False,
    httpOnly: bool = True,
    sameSite: str = "Lax",
) -> bytes:
    """
    @param maxAge: seconds; L{None} makes a cookie of the browser's session.
    @param sameSite: C{"Strict"}, C{"Lax"}, C{"None"}, or C{""} to leave it to the browser.
    @return: the value of a Set-Cookie field.
    @raise ValueError: a part that would be read as something else.
    """
    if not _isName(name) or not _isValue(value):
        raise ValueError(f"not a cookie: {name!r}={value!r}")
    if not _isAttribute(path) or not _isAttribute(domain) or sameSite not in _SAME_SITE:
        raise ValueError(f"not cookie attributes: {path!r}, {domain!r}, {sameSite!r}")
    parts = [name + b"=" + value]
    if path:
        parts.append(b"Path=" + path)
    if domain:
        parts.append(b"Domain=" + domain)
    if maxAge is not None:
        parts.append(b"Max-Age=%d" % maxAge)
    if secure:
        parts.append(b"Secure")
    if httpOnly:
        parts.append(b"HttpOnly")
    if sameSite:
        parts.append(b"SameSite=" + sameSite.encode())
    return b"; ".join(parts)
