"""
Is the header complete? Reads either version as its bytes come in, and never past its end.
"""

from __future__ import annotations

from typing import Final

from lbproxy.wire.proxyprotocol import v1, v2
from lbproxy.wire.proxyprotocol.header import BadProxyHeader, ProxyHeader

#: Bytes after the first 16 of a version 2 header that are taken at most: addresses (216 at most)
#: and TLVs, of which a client's certificate is the only long one.
MAX_LENGTH: Final = 4096


class HeaderReader:
    """
    For one connection.

    @ivar rest: after the header, what came with it but is not its.
    """

    __slots__ = ("_buffer", "_limit", "rest")

    def __init__(self, limit: int = MAX_LENGTH) -> None:
        """
        @param limit: bytes of a version 2 header after its first 16.
        """
        self._limit = limit
        self._buffer = bytearray()
        self.rest = b""

    def feed(self, data: bytes) -> ProxyHeader | None:
        """
        More bytes.

        @return: the header once it is whole; until then L{None}, and all of C{data} was its.
        @raise BadProxyHeader: as soon as it is clear that there is no (acceptable) header.
        """
        buffer = self._buffer
        buffer += data
        end = self._end()
        if not end or end > len(buffer):
            return None
        head = bytes(buffer[:end])
        self.rest = bytes(buffer[end:])
        buffer.clear()
        return v1.parseV1(head) if head.startswith(v1.PREFIX) else v2.decodeV2(head)

    def _end(self) -> int:
        # Where the header ends, 0 while that cannot be known.
        buffer = self._buffer
        if not buffer:
            return 0
        if _startsLike(buffer, v1.PREFIX):
            return v1.lineEnd(buffer)
        if not _startsLike(buffer, v2.SIGNATURE):
            raise BadProxyHeader("no PROXY header")
        if len(buffer) < v2.FIXED:
            if len(buffer) > len(v2.SIGNATURE):
                v2.checkCommand(buffer[len(v2.SIGNATURE)])
            return 0
        end = v2.headerLength(buffer)
        if end > v2.FIXED + self._limit:
            raise BadProxyHeader("too long")
        return end


def _startsLike(buffer: bytearray, wanted: bytes) -> bool:
    return buffer[: len(wanted)] == wanted[: len(buffer)]
