"""
What does a query say of one parameter?
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

# Parameters looked at; what is further right is not there for us (a bound on work per request).
_MAX_PARAMETERS = 256


def queryValue(query: bytes | None, name: bytes) -> bytes | None:
    """
    The first value of C{name}, decoded once, plus signs read as spaces (HTML's form encoding).

    @param query: raw, without the question mark.
    @return: empty for a parameter without a value, L{None} where there is no such parameter.
    """
    if not query:
        return None
    for pair in query.split(b"&", _MAX_PARAMETERS)[:_MAX_PARAMETERS]:
        key, _, value = pair.partition(b"=")
        if key == name or _decode(key) == name:
            return _decode(value)
    return None


def _decode(text: bytes) -> bytes:
    if b"%" not in text and b"+" not in text:
        return text
    return unquote_to_bytes(text.replace(b"+", b" "))
