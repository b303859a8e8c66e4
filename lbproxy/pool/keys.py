"""
By what is a client known? Key extractors, compiled once from what the configuration says.
"""

from __future__ import annotations

from collections.abc import Callable

from lbproxy.pool.context import Context

Key = Callable[[Context], bytes]

#: Keys that take no name.
PLAIN_KEYS = ("clientIP", "path", "serverName", "connectionID")

#: Keys written C{kind:NAME}.
NAMED_KEYS = ("header", "cookie", "query")


def compileKey(text: str) -> Key:
    """
    @param text: C{clientIP}, C{path}, C{serverName}, C{connectionID}, C{header:NAME},
        C{cookie:NAME} or C{query:NAME}.
    @return: a function from a context to the key's bytes, empty where the client has none.
    @raise ValueError: with a message fit for a user.
    """
    kind, colon, name = text.partition(":")
    if colon:
        if kind in NAMED_KEYS and name:
            return _named(kind, name)
    elif kind in _PLAIN:
        return _PLAIN[kind]
    wanted = ", ".join([*PLAIN_KEYS, *(f"{kind}:NAME" for kind in NAMED_KEYS)])
    raise ValueError(f'unknown key "{text}"; one of {wanted}')


def _clientIP(context: Context) -> bytes:
    return context.clientIP.encode("ascii", "replace")


def _path(context: Context) -> bytes:
    return context.path


def _serverName(context: Context) -> bytes:
    return context.serverName.lower().encode("ascii", "replace")


def _connectionID(context: Context) -> bytes:
    return context.connectionID()


_PLAIN: dict[str, Key] = {
    "clientIP": _clientIP,
    "path": _path,
    "serverName": _serverName,
    "connectionID": _connectionID,
}


def _named(kind: str, text: str) -> Key:
    # Header names have no case; the names of cookies and query parameters do.
    name = (text.lower() if kind == "header" else text).encode()

    def header(context: Context) -> bytes:
        return context.header(name) or b""

    def cookie(context: Context) -> bytes:
        return context.cookie(name) or b""

    def query(context: Context) -> bytes:
        return context.query(name) or b""

    return {"header": header, "cookie": cookie, "query": query}[kind]
