"""
Is PostgreSQL ready for clients, and has it the role it should have?

Protocol 3.0 (the manual's "Frontend/Backend Protocol"): a startup packet, then messages of one byte
for the type, four for the length, and the body.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Generator

from lbproxy.health.conversation import Closed, Conversation, ProbeFailed, Want
from lbproxy.health.scram import MECHANISM, SaltedPassword, Scram
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import Backend

# Bytes of one message, and messages in one check: parameters and notices come before what counts.
_MESSAGE_LIMIT = 16384
_MESSAGES = 200

_PROTOCOL = 196608  # 3.0
_TERMINATE = b"X\x00\x00\x00\x04"
_QUERY = b"SELECT pg_catalog.pg_is_in_recovery()\0"
# What a replica is called in PostgreSQL's own manual, too.
_ROLES = {"": "", "primary": "primary", "replica": "replica", "standby": "replica"}

# SQLSTATE classes of a server that takes nobody: shut down or starting up, out of connections or
# memory, broken. Any other refusal of a stranger comes from one that works (pg_isready's view).
_NOT_READY = ("57", "53", "58", "XX")

_OK, _CLEARTEXT, _MD5, _SASL, _SASL_MORE, _SASL_END = 0, 3, 5, 10, 11, 12

_Message = tuple[bytes, bytes]


class PostgresDialogue:
    """
    Without a password and a role: does the server deal with clients? Otherwise: logs in and, if a
    role is wanted, asks for it.
    """

    def __init__(
        self, user: str = "lbproxy", database: str = "", password: str = "", role: str = ""
    ) -> None:
        """
        @param database: empty for the one named like the user.
        @param role: C{"primary"} or C{"replica"}; empty for any.
        @raise ValueError: with a message fit for a user.
        """
        if role not in _ROLES:
            raise ValueError(f'"{role}" is no role of PostgreSQL; wanted "primary" or "replica"')
        if not user or "\0" in user + database + password:
            raise ValueError("PostgreSQL wants a user, and no NUL in its name or the password")
        self._user = user.encode()
        self._password = password.encode()
        self._salted = SaltedPassword(password)
        self._role = _ROLES[role]
        self._startup = _startupPacket(self._user, database.encode())

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        kind, body = yield from _message(self._startup)
        if not self._password and not self._role:
            return _judgeStranger(kind, body)
        yield from self._login(kind, body)
        seen = "PostgreSQL ready"
        if self._role:
            role = yield from _askRole()
            seen = f"PostgreSQL {role}"
        try:
            # Leaving without a word is logged by the server.
            yield Want(_TERMINATE)
        except Closed:
            pass
        if self._role and role != self._role:
            raise ProbeFailed(f"it is {role}, wanted {self._role}")
        return seen

    def _login(self, kind: bytes, body: bytes) -> Generator[Want, bytes, None]:
        """
        From the answer to the startup packet to C{ReadyForQuery}.
        """
        scram = Scram(self._salted)
        for _ in range(_MESSAGES):
            say = b""
            if kind == b"Z":
                return
            if kind == b"R":
                say = self._authenticate(scram, *_requestOf(body))
            elif kind not in (b"S", b"K", b"N", b"v"):
                raise _unwanted(kind, body)
            kind, body = yield from _message(say)
        raise ProbeFailed(f"not ready after {_MESSAGES} messages")

    def _authenticate(self, scram: Scram, request: int, data: bytes) -> bytes:
        """
        @return: what to answer.
        """
        if request == _OK:
            return b""
        if not self._password:
            raise ProbeFailed("the server wants a password")
        if request == _MD5:
            return _framed(b"p", _md5Answer(self._user, self._password, data[:4]) + b"\0")
        if request == _SASL and MECHANISM in data.split(b"\0"):
            first = scram.first()
            return _framed(b"p", MECHANISM + b"\0" + struct.pack(">i", len(first)) + first)
        if request == _SASL_MORE:
            return _framed(b"p", scram.final(data))
        if request == _SASL_END:
            scram.verify(data)
            return b""
        if request == _CLEARTEXT:
            # Whoever sits at that address could ask for it.
            raise ProbeFailed("the server wants the password in clear text")
        raise ProbeFailed(f"the server wants authentication of type {request}")


def _message(say: bytes) -> Generator[Want, bytes, _Message]:
    """
    @return: the type of the next message, and its body.
    """
    head = yield Want(say, size=5)
    length = int.from_bytes(head[1:], "big") - 4
    if not head[:1].isalpha() or not 0 <= length <= _MESSAGE_LIMIT:
        raise ProbeFailed(f"not PostgreSQL: {quoted(head)}")
    return head[:1], (yield Want(size=length)) if length else b""


def _askRole() -> Generator[Want, bytes, str]:
    role = ""
    say = _framed(b"Q", _QUERY)
    for _ in range(_MESSAGES):
        kind, body = yield from _message(say)
        say = b""
        if kind == b"Z" and role:
            return role
        if kind == b"D":
            # One column of one byte: t or f.
            role = {b"t": "replica", b"f": "primary"}.get(body[6:], "")
        elif kind not in (b"T", b"C", b"S", b"N"):
            raise _unwanted(kind, body)
    raise ProbeFailed("no answer to pg_is_in_recovery()")


def _judgeStranger(kind: bytes, body: bytes) -> str:
    if kind == b"R" and len(body) >= 4:
        return "PostgreSQL ready"
    if kind == b"E":
        code, _ = _errorOf(body)
        if len(code) == 5 and not code.startswith(_NOT_READY):
            return "PostgreSQL ready"
    raise _unwanted(kind, body)


def _unwanted(kind: bytes, body: bytes) -> ProbeFailed:
    if kind == b"E":
        code, message = _errorOf(body)
        return ProbeFailed(f"PostgreSQL error {code}: {quoted(message)}")
    return ProbeFailed(f"a message of type {quoted(kind)} where none belongs")


def _errorOf(body: bytes) -> tuple[str, bytes]:
    """
    The SQLSTATE and the message of an ErrorResponse: NUL-ended fields with a letter in front.
    """
    fields = {field[:1]: field[1:] for field in body.split(b"\0") if field}
    code = fields.get(b"C", b"").decode("latin-1")
    return code if code.isascii() and code.isalnum() else "?", fields.get(b"M", b"")


def _requestOf(body: bytes) -> tuple[int, bytes]:
    if len(body) < 4:
        raise ProbeFailed("not PostgreSQL: a cut authentication request")
    return int.from_bytes(body[:4], "big"), body[4:]


def _startupPacket(user: bytes, database: bytes) -> bytes:
    fields = b"user\0" + user + b"\0"
    if database:
        fields += b"database\0" + database + b"\0"
    fields += b"application_name\0lbproxy\0\0"
    return struct.pack(">ii", len(fields) + 8, _PROTOCOL) + fields


def _framed(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


def _md5Answer(user: bytes, password: bytes, salt: bytes) -> bytes:
    return b"md5" + _md5(_md5(password + user) + salt)


def _md5(data: bytes) -> bytes:
    # The protocol's choice, not ours.
    return hashlib.md5(data, usedforsecurity=False).hexdigest().encode()
