"""
Is Redis ready, and has it the role it should have?
"""

from __future__ import annotations

from lbproxy.health.conversation import Conversation, ProbeFailed, line
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import Backend

_ROLES = ("", "master", "replica")

# What a replica has called itself since Redis 2.8.
_WIRE_ROLES = {b"master": "master", b"slave": "replica", b"sentinel": "sentinel"}


class RedisDialogue:
    """
    C{AUTH} if there is a password, then C{PING}, then C{ROLE} if one role is wanted.
    """

    def __init__(self, username: str = "", password: str = "", role: str = "") -> None:
        """
        @param username: since Redis 6; empty for the default user.
        @param role: C{"master"} or C{"replica"}; empty for any.
        @raise ValueError: with a message fit for a user.
        """
        if role not in _ROLES:
            raise ValueError(f'"{role}" is no role of Redis; wanted "master" or "replica"')
        if username and not password:
            raise ValueError("a Redis username needs a password")
        words = [word.encode() for word in ("AUTH", username, password) if word]
        self._auth = command(*words) if password else b""
        self._role = role

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        if self._auth:
            answer = yield from line(self._auth)
            if answer != b"+OK":
                raise ProbeFailed(f"AUTH answered {quoted(answer)}")
        # LOADING, NOAUTH, MASTERDOWN and the like come as "-LOADING Redis is loading ...".
        answer = yield from line(command(b"PING"))
        if answer != b"+PONG":
            raise ProbeFailed(f"PING answered {quoted(answer)}")
        if not self._role:
            return "PONG"
        # An array whose first element is a bulk string: *3 $6 master ...
        array = yield from line(command(b"ROLE"))
        if not array.startswith(b"*"):
            raise ProbeFailed(f"ROLE answered {quoted(array)}")
        yield from line()
        found = yield from line()
        role = _WIRE_ROLES.get(found, quoted(found))
        if role != self._role:
            raise ProbeFailed(f"it is {role}, wanted {self._role}")
        return f"PONG, {role}"


def command(*words: bytes) -> bytes:
    """
    A command as Redis wants it: an array of bulk strings, which no word can break out of.
    """
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
