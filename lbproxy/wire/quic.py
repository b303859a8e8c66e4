"""
Which QUIC connection is this datagram of? The connection IDs, which are all a relay can read.

Everything else in QUIC is encrypted. Packets that set up a connection have a long header that names
both IDs with their lengths; those that follow have a short one with the receiver's ID only, without
its length: only who saw the ID being chosen can find its end (RFC 8999; RFC 9000, 17.2 and 17.3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_LONG: Final = 0x80

#: Longer IDs exist in no version that is in use (RFC 9000 17.2).
MAX_CONNECTION_ID: Final = 20

# QUIC 1 (RFC 9000) and 2 (RFC 9369). Other protocols' datagrams may look like a long header of some
# unknown version; these four bytes at this place nobody sends by chance.
_VERSIONS: Final = frozenset({b"\x00\x00\x00\x01", b"\x6b\x33\x43\xcf"})


@dataclass(frozen=True, slots=True)
class LongHeader:
    """
    @ivar destination: the receiver's connection ID. In a client's first packets it is one that the
        client made up; later the one that the server chose.
    @ivar source: the sender's.
    """

    destination: bytes
    source: bytes


def readLongHeader(datagram: bytes) -> LongHeader | None:
    """
    @return: the IDs, or L{None} when this is no (whole) QUIC packet with a long header.
    """
    if len(datagram) < 7 or not datagram[0] & _LONG or datagram[1:5] not in _VERSIONS:
        return None
    middle = 6 + datagram[5]
    if datagram[5] > MAX_CONNECTION_ID or len(datagram) <= middle:
        return None
    end = middle + 1 + datagram[middle]
    if datagram[middle] > MAX_CONNECTION_ID or len(datagram) < end:
        return None
    return LongHeader(datagram[6:middle], datagram[middle + 1 : end])


def shortDestination(datagram: bytes, length: int) -> bytes:
    """
    What is the receiver's ID if this is a packet with a short header and IDs have C{length} bytes.

    @return: empty when it cannot be one.
    """
    # The fixed bit (0x40) is not looked at: peers may agree to grease it (RFC 9287).
    if not datagram or datagram[0] & _LONG or len(datagram) <= length:
        return b""
    return datagram[1 : 1 + length]
