"""
What does OpenSSL ask a server during a handshake? For which name, and which protocol.

pyOpenSSL's way from OpenSSL to a Python function looks the connection up and takes the protocols
apart; that's a tenth of a handshake's time for answers that are nearly always the same. So where
its binding can be used directly, the answers come from tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from OpenSSL import SSL

from lbproxy.net.tls import native
from lbproxy.net.tls.certificates import NameTable

# Different lists of offered protocols that are remembered. Honest clients have a dozen.
_REMEMBERED = 256


class NoCommonProtocol(Exception):
    """
    The client speaks nothing that the listener does.
    """


def chooseContext(table: NameTable[SSL.Context]) -> None:
    """
    Have the first context of the table, where all connections begin, switch to the one for the name
    that a client asks for. The table must be kept as long as there are connections.
    """
    if native.HAS_CALLBACKS:
        _directContext(table)
    else:
        _portableContext(table)


def chooseProtocol(context: SSL.Context, alpn: Sequence[bytes]) -> None:
    """
    Have a context choose by ALPN the first protocol of C{alpn} that a client offers. A client that
    offers others only gets the alert for that (RFC 7301 3.2).
    """
    if native.HAS_CALLBACKS:
        _directProtocol(context, alpn)
    else:
        _portableProtocol(context, alpn)


def _portableContext(table: NameTable[SSL.Context]) -> None:
    first, find = table.first, table.find

    def switch(connection: SSL.Connection) -> None:
        name = connection.get_servername()
        if name is not None:
            context = find(name.decode("ascii", "replace"))
            if context is not first:
                connection.set_context(context)

    first.set_tlsext_servername_callback(switch)


def _portableProtocol(context: SSL.Context, alpn: Sequence[bytes]) -> None:
    def select(connection: SSL.Connection, offered: list[bytes]) -> bytes:
        chosen = _first(alpn, offered)
        if chosen is None:
            # pyOpenSSL makes an alert of an exception, and raises it again from the handshake.
            raise NoCommonProtocol("no application protocol")
        return chosen

    context.set_alpn_select_callback(select)


def _directContext(table: NameTable[SSL.Context]) -> None:
    first, find = table.first, table.find
    serverName, setContext = native.lib.SSL_get_servername, native.lib.SSL_set_SSL_CTX
    hostName, text = native.lib.TLSEXT_NAMETYPE_host_name, native.ffi.string

    def switch(ssl: Any, alert: Any, argument: Any) -> int:
        name = serverName(ssl, hostName)
        if name:
            context: Any = find(text(name).decode("ascii", "replace"))
            if context is not first:
                setContext(ssl, context._context)
        return 0

    native.setServerNameCallback(first, switch)


def _directProtocol(context: SSL.Context, alpn: Sequence[bytes]) -> None:
    known: dict[bytes, tuple[Any, int] | None] = {}
    names = {name: native.ffi.new("unsigned char[]", name) for name in alpn}
    bytesAt = native.ffi.buffer

    def answer(offered: bytes) -> tuple[Any, int] | None:
        chosen = _first(alpn, _split(offered))
        found = None if chosen is None else (names[chosen], len(chosen))
        if len(known) < _REMEMBERED:
            known[offered] = found
        return found

    def select(ssl: Any, out: Any, outLength: Any, data: Any, length: int, argument: Any) -> int:
        offered = bytesAt(data, length)[:]
        found = known[offered] if offered in known else answer(offered)
        if found is None:
            return native.ALERT_FATAL
        out[0], outLength[0] = found
        return 0

    native.setProtocolCallback(context, select)


def _first(wanted: Sequence[bytes], offered: Sequence[bytes]) -> bytes | None:
    return next((name for name in wanted if name in offered), None)


def _split(offered: bytes) -> list[bytes]:
    """
    The names in a list as it is on the wire, each behind its length; OpenSSL has checked it.
    """
    names = []
    while offered:
        end = 1 + offered[0]
        names.append(offered[1:end])
        offered = offered[end:]
    return names
