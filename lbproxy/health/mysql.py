"""
Does MySQL or MariaDB greet, and let a user in?

A server counts connections that end without a login and blocks a host with too many of them
(C{max_connect_errors}, 100 in a row). A C{user} without password ends that.
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from lbproxy.health.conversation import Closed, Conversation, ProbeFailed, Want
from lbproxy.health.wording import quoted
from lbproxy.pool.backend import Backend

# Bytes; greetings, results and errors are all short.
_PACKET_LIMIT = 4096

_PROTOCOL = 10
_OK, _ERROR, _SWITCH = 0x00, 0xFF, 0xFE

# CLIENT_LONG_PASSWORD, CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION, CLIENT_PLUGIN_AUTH
_CAPABILITIES = 0x00000001 | 0x00000200 | 0x00008000 | 0x00080000
_UTF8 = 33
_QUIT = b"\x01\x00\x00\x00\x01"


class MySQLDialogue:
    """
    Reads the greeting; with a user also logs in, without a password, and out.
    """

    def __init__(self, user: str = "") -> None:
        self._user = user.encode()

    def talk(self, backend: Backend) -> Conversation:
        """
        Begin a conversation.
        """
        _, greeting = yield from _packet(b"")
        version = _versionOf(greeting)
        if self._user:
            yield from self._login()
        return f"MySQL {version}"

    def _login(self) -> Generator[Want, bytes, None]:
        response = struct.pack("<IIB23x", _CAPABILITIES, _PACKET_LIMIT, _UTF8)
        # User, empty password, and the one plug-in to which that says the same for every server.
        response += self._user + b"\0\0mysql_native_password\0"
        number, answer = yield from _packet(_framed(1, response))
        if answer[0] == _SWITCH:
            # The account uses another plug-in; an empty password is an empty answer to them all.
            number, answer = yield from _packet(_framed(number + 1, b""))
        if answer[0] == _ERROR:
            raise ProbeFailed(_errorOf(answer))
        if answer[0] != _OK:
            raise ProbeFailed(f"the login was answered by packet type {answer[0]}")
        try:
            yield Want(_QUIT)
        except Closed:
            pass


def _packet(say: bytes) -> Generator[Want, bytes, tuple[int, bytes]]:
    """
    @return: the sequence number and the payload, which is never empty.
    """
    head = yield Want(say, size=4)
    length = int.from_bytes(head[:3], "little")
    if not 0 < length <= _PACKET_LIMIT:
        raise ProbeFailed(f"not MySQL: a packet of {length} bytes, {quoted(head)}")
    return head[3], (yield Want(size=length))


def _framed(number: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "little") + bytes([number & 0xFF]) + payload


def _versionOf(greeting: bytes) -> str:
    if greeting[0] == _ERROR:
        raise ProbeFailed(_errorOf(greeting))
    version, end, rest = greeting[1:].partition(b"\0")
    # A whole greeting goes on with a thread number and 8 bytes of challenge at least.
    if greeting[0] != _PROTOCOL or not end or len(rest) < 13:
        raise ProbeFailed(f"not a MySQL greeting: {quoted(greeting)}")
    # MariaDB pretends to be an old MySQL, for the sake of old replicas.
    return quoted(version.removeprefix(b"5.5.5-")).strip('"')


def _errorOf(packet: bytes) -> str:
    code = int.from_bytes(packet[1:3], "little")
    message = packet[3:]
    if message.startswith(b"#"):
        message = message[6:]
    return f"MySQL error {code}: {quoted(message)}"
