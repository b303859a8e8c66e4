"""
What is said about a TCP connection after its end?
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from lbproxy.errors import Outcome
from lbproxy.net.pipeside import Ending

# Looking up an enum's member takes as long as a call.
_BACKEND_RESET, _CLIENT_RESET, _OK = Ending.BACKEND_RESET, Ending.CLIENT_RESET, Outcome.OK


class Refusal(Enum):
    """
    Why a connection never reached a backend; the codes that L{Ending} does not have.
    """

    NO_ROUTE = "noRoute"
    NO_BACKEND = "noBackend"
    CONNECT_FAILED = "connectFailed"
    CONNECT_TIMEOUT = "connectTimeout"
    HELLO_TIMEOUT = "helloTimeout"
    BAD_HELLO = "badHello"
    TLS_FAILED = "tlsFailed"
    CLIENT_LEFT = "clientLeft"
    MAX_AGE = "maxAge"
    DRAINED = "drained"


class RelayRecord(NamedTuple):
    """
    One connection, after its end. Bytes are counted as they were read; C{duration} is in seconds.

    C{pool} and C{backend} are empty where it did not come to that. C{code} is a value of L{Ending}
    or L{Refusal}, C{detail} says more where there is more to say.
    """

    client: str
    listener: str
    route: str
    pool: str
    backend: str
    bytesUp: int
    bytesDown: int
    duration: float
    code: str
    detail: str


def outcomeOf(ending: Ending) -> Outcome:
    """
    How the use of a backend ended, seen from how the pipe ended. A reset by the backend while
    nothing else had happened is the backend's doing.
    """
    if ending is _BACKEND_RESET:
        return Outcome.RESET
    return Outcome.CLIENT_LEFT if ending is _CLIENT_RESET else _OK
