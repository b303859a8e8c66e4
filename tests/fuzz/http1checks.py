"""
What must hold for any bytes that reach the HTTP/1 codec.
"""

from __future__ import annotations

from lbproxy.wire.http1 import BadMessage, normalizePath
from tests.wire.http1.driving import (
    Reading,
    byteByByte,
    inPieces,
    readRequest,
    readResponse,
    writeRequest,
    writeResponse,
)

_METHODS = (b"GET", b"HEAD")


def check(data: bytes) -> None:
    """
    @param data: three bytes that choose what is tried (kind, two cuts), then what the peer sends.
    """
    if len(data) < 3:
        return
    choice, first, second, message = data[0], data[1], data[2], data[3:]
    pieces = inPieces(message, (first, first + second))
    if choice & 1:
        _checkRequest(message, pieces)
    else:
        _checkResponse(message, pieces, _METHODS[choice >> 1 & 1], bool(choice & 4))
    try:
        normalizePath(b"/" + message)
    except BadMessage as error:
        assert error.code == "badPath"


def _checkRequest(message: bytes, pieces: list[bytes]) -> None:
    reading = readRequest([message])
    assert reading.meaning() == readRequest(pieces).meaning()
    assert reading.meaning() == readRequest(byteByByte(message)).meaning()
    if _isWhole(reading):
        assert readRequest([writeRequest(reading)]).meaning() == reading.meaning()


def _checkResponse(message: bytes, pieces: list[bytes], method: bytes, eof: bool) -> None:
    reading = readResponse([message], method, eof)
    assert reading.meaning() == readResponse(pieces, method, eof).meaning()
    assert reading.meaning() == readResponse(byteByByte(message), method, eof).meaning()
    if _isWhole(reading):
        again = readResponse([writeResponse(reading)], method, eof)
        assert again.meaning() == reading.meaning()


def _isWhole(reading: Reading) -> bool:
    reading.rest = b""
    return reading.complete and not reading.status
