"""
May this request pass at all? What is asked before a backend is.
"""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from lbproxy.net.ratelimit import RateLimit

if TYPE_CHECKING:
    from lbproxy.l7.exchange import Exchange


class Guard(Protocol):
    """
    One condition.
    """

    def admits(self, exchange: Exchange, proceed: Callable[[], None]) -> bool:
        """
        @param proceed: to be called later, for an answer that takes time.
        @return: true to go on. Otherwise the guard has the exchange: it answered, or will call
            C{proceed} or answer.
        """


class RateGuard:
    """
    429 with Retry-After for those who come too often.
    """

    __slots__ = ("_key", "_limit")

    def __init__(self, limit: RateLimit, key: Callable[[Exchange], object]) -> None:
        self._limit = limit
        self._key = key

    def admits(self, exchange: Exchange, proceed: Callable[[], None]) -> bool:
        wait = self._limit.admit(self._key(exchange))
        if not wait:
            return True
        exchange.code = "rateLimited"
        exchange.fail(429, b"Retry-After: %d\r\n" % max(1, math.ceil(wait)))
        return False


class Passwords(Protocol):
    """
    Knows who has which password.
    """

    def verify(self, user: str, password: str, answer: Callable[[bool], None]) -> None:
        """
        Call C{answer}, at once or later: checking a password is slow by design.
        """


class BasicAuthGuard:
    """
    401 for those who don't name themselves (RFC 7617).
    """

    __slots__ = ("_challenge", "_passwords")

    def __init__(self, passwords: Passwords, realm: str) -> None:
        self._passwords = passwords
        # RFC 7617 2.1: says that names and passwords are UTF-8.
        self._challenge = b'WWW-Authenticate: Basic realm="%b", charset="UTF-8"\r\n' % realm.encode(
            "utf-8"
        )

    def admits(self, exchange: Exchange, proceed: Callable[[], None]) -> bool:
        given = credentials(exchange.header(b"authorization"))
        if given is None:
            self._refuse(exchange)
            return False
        answered: list[bool] = []
        waiting = False

        def answer(right: bool) -> None:
            if not waiting:
                answered.append(right)
            elif exchange.over:
                return
            elif right:
                proceed()
            else:
                self._refuse(exchange)

        self._passwords.verify(*given, answer)
        if not answered:
            waiting = True
            return False
        if not answered[0]:
            self._refuse(exchange)
        return answered[0]

    def _refuse(self, exchange: Exchange) -> None:
        exchange.code = "unauthorized"
        exchange.fail(401, self._challenge)


def credentials(field: bytes | None) -> tuple[str, str] | None:
    """
    The user and password of an Authorization field; L{None} where it is absent or not Basic.
    """
    scheme, _, encoded = (field or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        text = b64decode(encoded.strip(), validate=True).decode("utf-8")
    except ValueError:
        return None
    user, colon, password = text.partition(":")
    return (user, password) if colon else None
