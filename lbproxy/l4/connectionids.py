"""
Whose connection is it? QUIC connection IDs that backends chose, and the sessions they belong to.

A client whose address changes (a new NAT binding, Wi-Fi to mobile) goes on with the ID that the
server gave it. Its datagrams must reach the same server, from a socket of their own: the server
sees a new path and validates it, so that nobody can draw an answer by a copied ID alone.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from lbproxy.wire.quic import readLongHeader, shortDestination

if TYPE_CHECKING:
    from lbproxy.l4.udpsession import UDPSession

# Shorter ones are met by chance: a game's datagram must not be taken for somebody's connection.
_SHORTEST: Final = 4

# A server chooses one, and another after a Retry.
_PER_SESSION: Final = 2


class ConnectionIDs:
    """
    A bounded table: at most two IDs per session, forgotten with the session.

    @ivar sessions: by their IDs.
    """

    __slots__ = ("_ids", "_lengths", "sessions")

    def __init__(self) -> None:
        self.sessions: dict[bytes, UDPSession] = {}
        self._ids: dict[UDPSession, frozenset[bytes]] = {}
        self._lengths: Counter[int] = Counter()

    def learn(self, session: UDPSession, answer: bytes) -> None:
        """
        A backend answered: if it named the ID it chose, remember whose that is.
        """
        header = readLongHeader(answer)
        if header is None or len(header.source) < _SHORTEST:
            return
        known = self.sessions.get(header.source)
        ids = self._ids.get(session, frozenset())
        if known is session or len(ids) >= _PER_SESSION:
            return
        if known is None:
            self._lengths[len(header.source)] += 1
        else:
            self._ids[known] -= {header.source}
        self._ids[session] = ids | {header.source}
        self.sessions[header.source] = session

    def find(self, datagram: bytes) -> UDPSession | None:
        """
        The session of the connection that a datagram from an unknown address belongs to.
        """
        header = readLongHeader(datagram)
        if header is not None:
            return self.sessions.get(header.destination)
        for length in self._lengths:
            session = self.sessions.get(shortDestination(datagram, length))
            if session is not None:
                return session
        return None

    def move(self, old: UDPSession, new: UDPSession) -> None:
        """
        The connection goes on in another session.
        """
        ids = self._ids.pop(old, frozenset())
        for known in ids:
            self.sessions[known] = new
        self._ids[new] = ids

    def forget(self, session: UDPSession) -> None:
        """
        The session ended.
        """
        for known in self._ids.pop(session, ()):
            del self.sessions[known]
            self._lengths[len(known)] -= 1
            if not self._lengths[len(known)]:
                del self._lengths[len(known)]
