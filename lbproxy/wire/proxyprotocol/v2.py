"""
What do the bytes of version 2 say, and how are they written?
"""

from __future__ import annotations

import socket
import struct
from typing import Final

from lbproxy.config.address import Address
from lbproxy.wire.proxyprotocol.addresses import UNIX_PATH, inetFamily, packPath, unpackPath
from lbproxy.wire.proxyprotocol.header import LOCAL, BadProxyHeader, ProxyHeader, Transport
from lbproxy.wire.proxyprotocol.tlvs import encodeTLVs, parseTLVs, withChecksum

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"

#: Bytes before the addresses: the signature, version and command, family and transport, length.
FIXED: Final = 16

_FIXED: Final = struct.Struct("!12sBBH")
_VERSION: Final = 2
_LOCAL: Final = 0
_PROXY: Final = 1

_UNSPECIFIED: Final = 0
_INET: Final = 1
_INET6: Final = 2
_UNIX: Final = 3

_ADDRESSES: Final = {_INET: 12, _INET6: 36, _UNIX: 2 * UNIX_PATH}
_PORTS: Final = struct.Struct("!HH")


def headerLength(data: bytes | bytearray) -> int:
    """
    How many bytes the header takes that C{data} begins with.

    @param data: at least L{FIXED} bytes.
    @raise BadProxyHeader: this is no header of version 2.
    """
    signature, command, family, length = _FIXED.unpack_from(data)
    if signature != SIGNATURE:
        raise BadProxyHeader("no signature")
    checkCommand(command)
    # Of a LOCAL connection everything but the length is ignored, the family included.
    if command & 15 == _PROXY:
        if family >> 4 > _UNIX or family & 15 > Transport.DATAGRAM.value:
            raise BadProxyHeader("unknown address family or transport")
        if family & 15 and length < _ADDRESSES.get(family >> 4, 0):
            raise BadProxyHeader("too short for its addresses")
    return FIXED + int(length)


def checkCommand(command: int) -> None:
    """
    @param command: the byte after the signature.
    @raise BadProxyHeader: another version, or nothing that it knows.
    """
    if command >> 4 != _VERSION:
        raise BadProxyHeader("not version 2")
    if command & 15 not in (_LOCAL, _PROXY):
        raise BadProxyHeader("unknown command")


def decodeV2(data: bytes) -> ProxyHeader:
    """
    @param data: a whole header, nothing after it: see L{headerLength}.
    @raise BadProxyHeader: its parts do not fit, or its checksum does not.
    """
    _, command, protocol, _ = _FIXED.unpack_from(data)
    if command & 15 == _LOCAL:
        return LOCAL
    family, transport = protocol >> 4, Transport(protocol & 15)
    if family == _UNSPECIFIED or transport is Transport.UNSPECIFIED:
        # How long the addresses of an unknown family are nobody knows, so where TLVs would begin
        # isn't known either. The connection's own addresses count.
        return LOCAL
    end = FIXED + _ADDRESSES[family]
    source, destination = _unpack(family, data[FIXED:end])
    return ProxyHeader(transport, source, destination, parseTLVs(data, end))


def encodeV2(header: ProxyHeader, *, checksum: bool = False) -> bytes:
    """
    The header; without addresses it says C{LOCAL}.

    @param checksum: add a CRC-32C of it.
    @raise ValueError: some value is longer than a header can say.
    """
    source, destination = header.source, header.destination
    if source is None or destination is None or header.transport is Transport.UNSPECIFIED:
        return _FIXED.pack(SIGNATURE, _VERSION << 4 | _LOCAL, 0, 0)
    family, addresses = _pack(source, destination)
    rest = addresses + encodeTLVs(header.tlvs, checksum)
    if len(rest) > 65535:
        raise ValueError(f"{len(rest)} bytes are too many for a PROXY header")
    command, protocol = _VERSION << 4 | _PROXY, family << 4 | header.transport.value
    data = _FIXED.pack(SIGNATURE, command, protocol, len(rest)) + rest
    return withChecksum(data) if checksum else data


def _unpack(family: int, data: bytes) -> tuple[Address, Address]:
    if family == _UNIX:
        return unpackPath(data[:UNIX_PATH]), unpackPath(data[UNIX_PATH:])
    size, system = (4, socket.AF_INET) if family == _INET else (16, socket.AF_INET6)
    ports = _PORTS.unpack_from(data, 2 * size)
    source, destination = data[:size], data[size : 2 * size]
    return (
        Address(socket.inet_ntop(system, source), ports[0]),
        Address(socket.inet_ntop(system, destination), ports[1]),
    )


def _pack(source: Address, destination: Address) -> tuple[int, bytes]:
    found = inetFamily(source.host, destination.host)
    if found is None:
        return _UNIX, packPath(source) + packPath(destination)
    family, one, other = found
    addresses = one + other + _PORTS.pack(source.port, destination.port)
    return (_INET if family == socket.AF_INET else _INET6), addresses
