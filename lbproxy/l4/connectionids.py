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
    """

    __slots__ = ("_lengths", "_sessions")

    def __init__(self) -> None:
        self._sessions: dict[bytes, UDPSession] = {}
        self._lengths: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._sessions)

    def learn(self, session: UDPSession, answer: bytes) -> None:
        """
        A backend answered: if it named the ID it chose, remember whose that is.
        """
        header = readLongHeader(answer)
        if header is None or len(header.source) < _SHORTEST:
            return
        known = self._sessions.get(header.source)
        if known is session or len(session.connectionIDs) >= _PER_SESSION:
            return
        if known is None:
            self._lengths[len(header.source)] += 1
        else:
            known.connectionIDs -= {header.source}
        session.connectionIDs |= {header.source}
        self._sessions[header.source] = session

    def find(self, datagram: bytes) -> UDPSession | None:
        """
        The session of the connection that a datagram from an unknown address belongs to.
        """
        header = readLongHeader(datagram)
        if header is not None:
            return self._sessions.get(header.destination)
        for length in self._lengths:
            session = self._sessions.get(shortDestination(datagram, length))
            if session is not None:
                return session
        return None

    def move(self, old: UDPSession, new: UDPSession) -> None:
        """
        The connection goes on in another session.
        """
        for known in old.connectionIDs:
            self._sessions[known] = new
        new.connectionIDs, old.connectionIDs = old.connectionIDs, frozenset()

    def forget(self, session: UDPSession) -> None:
        """
        The session ended.
        """
        for known in session.connectionIDs:
            del self._sessions[known]
            self._lengths[len(known)] -= 1
            if not self._lengths[len(known)]:
                del self._lengths[len(known)]
        session.connectionIDs = frozenset()
