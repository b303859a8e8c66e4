"""
Who is the client behind this proxy? Datagrams with a PROXY header in front, as trusted peers send.

Every datagram has its own header, parsed anew: with UDP the next may be another client's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from lbproxy.net.udp import Asked, ClientAddress
from lbproxy.net.udp.address import clientText
from lbproxy.wire.proxyprotocol import (
    MAX_LENGTH,
    BadProxyHeader,
    ProxyHeader,
    Transport,
    decodeV2,
    headerLength,
)

if TYPE_CHECKING:
    from lbproxy.l4.udprelay import UDPRelay

_FIXED: Final = 16

# Clients that are behind one proxy at a time; over it all are parsed anew, once.
_MEMO: Final = 16_384


class ProxiedDatagrams:
    """
    Stands between the port and the relay. Version 2 only: version 1 has no word for UDP.
    """

    __slots__ = ("_memo", "_relay", "_required", "_trusted")

    def __init__(
        self, relay: UDPRelay, trusted: Callable[[str], bool], required: bool = True
    ) -> None:
        """
        @param trusted: must (and may) this peer (numeric text) send headers?
        @param required: others are not served; otherwise they are, as clients of ours.
        """
        self._relay = relay
        self._trusted = trusted
        self._required = required
        self._memo: dict[bytes, ProxyHeader] = {}

    def datagramReceived(self, data: bytes, peer: ClientAddress, asked: Asked) -> None:
        """
        A datagram from whomever.
        """
        relay = self._relay
        if not self._trusted(clientText(peer[0])):
            if self._required:
                relay.denied += 1
            else:
                relay.datagramReceived(data, peer, asked)
            return
        try:
            header, end = self._read(data)
        except BadProxyHeader:
            relay.malformed += 1
            return
        if header.source is None:
            relay.datagramReceived(data[end:], peer, asked)
            return
        # Two clients differ in the addresses; TLVs may differ from one datagram to the next.
        key = (peer, asked, header.source, header.destination)
        relay.forwardedReceived(data[end:], key, peer, asked, header)

    def _read(self, data: bytes) -> tuple[ProxyHeader, int]:
        if len(data) < _FIXED:
            raise BadProxyHeader("no PROXY header")
        end = headerLength(data)
        if end > len(data) or end > _FIXED + MAX_LENGTH:
            raise BadProxyHeader("longer than its datagram")
        raw = data[:end]
        header = self._memo.get(raw)
        if header is None:
            header = decodeV2(raw)
            if header.transport is Transport.STREAM:
                raise BadProxyHeader("a stream's header on a datagram")
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            self._memo[raw] = header
        return header, end
