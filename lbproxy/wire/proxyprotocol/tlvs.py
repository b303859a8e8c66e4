"""
What else does version 2 say? Its type-length-value parts.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from lbproxy.wire.proxyprotocol.crc32c import crc32c
from lbproxy.wire.proxyprotocol.header import NO_TLVS, BadProxyHeader, TLSInfo, TLVs

_ALPN: Final = 0x01
_AUTHORITY: Final = 0x02
_CRC32C: Final = 0x03
_NOOP: Final = 0x04
_UNIQUE_ID: Final = 0x05
_SSL: Final = 0x20
_NETNS: Final = 0x30

_SSL_CERTIFICATE: Final = 0x28
_SSL_TEXTS: Final = {
    0x21: "version",
    0x22: "commonName",
    0x23: "cipher",
    0x24: "signatureAlgorithm",
    0x25: "keyAlgorithm",
    0x26: "group",
    0x27: "signatureScheme",
}

_CLIENT_SSL: Final = 1
_CLIENT_CERT_CONN: Final = 2
_CLIENT_CERT_SESS: Final = 4

_MAX_UNIQUE_ID: Final = 128

_HEAD: Final = struct.Struct("!BH")
_SSL_HEAD: Final = struct.Struct("!BI")
_CHECKSUM: Final = struct.Struct("!I")


def parseTLVs(data: bytes, start: int) -> TLVs:
    """
    @param data: a whole header, whose TLVs begin at C{start} and fill the rest.
    @raise BadProxyHeader: they do not fit, contradict each other, or the checksum is wrong.
    """
    if start == len(data):
        return NO_TLVS
    known: dict[int, bytes] = {}
    others: list[tuple[int, bytes]] = []
    for kind, at, value in _walk(data, start):
        if kind == _NOOP:
            continue
        if kind not in _KNOWN:
            others.append((kind, value))
        elif kind in known:
            raise BadProxyHeader(f"TLV {kind:#x} twice")
        else:
            known[kind] = value
            if kind == _CRC32C:
                _verify(data, at, value)
    if len(known.get(_UNIQUE_ID, b"")) > _MAX_UNIQUE_ID:
        raise BadProxyHeader("unique ID too long")
    return TLVs(
        alpn=known.get(_ALPN, b""),
        authority=_text(known.get(_AUTHORITY, b""), "utf-8"),
        uniqueID=known.get(_UNIQUE_ID, b""),
        tls=_parseTLS(known[_SSL]) if _SSL in known else None,
        networkNamespace=_text(known.get(_NETNS, b""), "ascii"),
        others=tuple(others),
    )


_KNOWN: Final = frozenset({_ALPN, _AUTHORITY, _CRC32C, _UNIQUE_ID, _SSL, _NETNS})


def encodeTLVs(tlvs: TLVs, checksum: bool) -> bytes:
    """
    @param checksum: leave room for one, at the end: see L{withChecksum}.
    @raise ValueError: a value is too long.
    """
    if len(tlvs.uniqueID) > _MAX_UNIQUE_ID:
        raise ValueError(f"a unique ID has at most {_MAX_UNIQUE_ID} bytes")
    parts = [
        _optional(_ALPN, tlvs.alpn),
        _optional(_AUTHORITY, tlvs.authority.encode("utf-8")),
        _optional(_UNIQUE_ID, tlvs.uniqueID),
        b"" if tlvs.tls is None else _encoded(_SSL, _encodeTLS(tlvs.tls)),
        _optional(_NETNS, tlvs.networkNamespace.encode("ascii")),
        *(_encoded(kind, value) for kind, value in tlvs.others),
        _encoded(_CRC32C, bytes(4)) if checksum else b"",
    ]
    return b"".join(parts)


def withChecksum(data: bytes) -> bytes:
    """
    A header that ends in the room for its checksum, with it.
    """
    return data[: -_CHECKSUM.size] + _CHECKSUM.pack(crc32c(data))


def _walk(data: bytes, start: int) -> Iterator[tuple[int, int, bytes]]:
    # Type, where the value begins, value.
    end = len(data)
    while start < end:
        if end - start < _HEAD.size:
            raise BadProxyHeader("half a TLV")
        kind, length = _HEAD.unpack_from(data, start)
        start += _HEAD.size
        if length > end - start:
            raise BadProxyHeader("a TLV longer than its header")
        yield kind, start, data[start : start + length]
        start += length


def _verify(data: bytes, at: int, value: bytes) -> None:
    if len(value) != _CHECKSUM.size:
        raise BadProxyHeader("a checksum that is none")
    zeroed = data[:at] + bytes(_CHECKSUM.size) + data[at + _CHECKSUM.size :]
    if crc32c(zeroed) != _CHECKSUM.unpack(value)[0]:
        raise BadProxyHeader("wrong checksum")


def _parseTLS(data: bytes) -> TLSInfo:
    if len(data) < _SSL_HEAD.size:
        raise BadProxyHeader("half an SSL TLV")
    client, verify = _SSL_HEAD.unpack_from(data)
    texts: dict[str, str] = {}
    certificate = b""
    for kind, _, value in _walk(data, _SSL_HEAD.size):
        if kind == _SSL_CERTIFICATE:
            certificate = value
        elif kind in _SSL_TEXTS:
            texts[_SSL_TEXTS[kind]] = _text(value, "utf-8")
    return TLSInfo(
        secure=bool(client & _CLIENT_SSL),
        certificateShown=bool(client & _CLIENT_CERT_CONN),
        certificateInSession=bool(client & _CLIENT_CERT_SESS),
        verify=verify,
        certificate=certificate,
        **texts,
    )


def _encodeTLS(tls: TLSInfo) -> bytes:
    client = (
        (_CLIENT_SSL if tls.secure else 0)
        | (_CLIENT_CERT_CONN if tls.certificateShown else 0)
        | (_CLIENT_CERT_SESS if tls.certificateInSession else 0)
    )
    texts = (_optional(kind, getattr(tls, name).encode()) for kind, name in _SSL_TEXTS.items())
    return b"".join(
        (
            _SSL_HEAD.pack(client, tls.verify),
            *texts,
            _optional(_SSL_CERTIFICATE, tls.certificate),
        )
    )


def _encoded(kind: int, value: bytes) -> bytes:
    if len(value) > 65535:
        raise ValueError(f"{len(value)} bytes are too many for TLV {kind:#x}")
    return _HEAD.pack(kind, len(value)) + value


def _optional(kind: int, value: bytes) -> bytes:
    return _encoded(kind, value) if value else b""


def _text(value: bytes, encoding: str) -> str:
    try:
        return value.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadProxyHeader(f"text that is not {encoding}") from error
