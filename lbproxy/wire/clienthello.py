"""
Which name and protocols does a TLS client ask for? Read from its first bytes, nothing decrypted.

L{HelloReader} is fed what arrives and says after each piece what it knows. It keeps every byte it
was given (C{peeked}), so that they can be relayed untouched.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

# Bytes, record headers included. A hello with post-quantum shares is about 2 KiB, and Envoy's
# tls_inspector stops at 16 KiB as well; whoever sends more does not want to be served.
HELLO_LIMIT = 16384

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_RECORD_LIMIT = 16384
_SERVER_NAME = 0x0000
_ALPN = 0x0010
_ENCRYPTED_CLIENT_HELLO = 0xFE0D

# Letters, digits, hyphen (RFC 6066 3 wants a DNS host name), and the underscore some names have.
_hostName = re.compile(rb"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?").fullmatch
# RFC 8701: reserved values which clients send so that nobody gets used to a fixed list.
_GREASE = frozenset(bytes((value, value)) for value in range(0x0A, 0x100, 0x10))


class Verdict(Enum):
    """
    What the bytes so far amount to.
    """

    NEED_MORE = "need more"
    HELLO = "hello"
    NOT_TLS = "not TLS"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class ClientHello:
    """
    What a client said in the clear.

    C{serverName} is lower-case, without a trailing dot, C{""} when the client named nobody. C{alpn}
    is in the client's order, GREASE left out. C{encrypted} says that an Encrypted Client Hello came
    along: then C{serverName} is the outer, public name.
    """

    serverName: str
    alpn: tuple[bytes, ...]
    encrypted: bool


class _Bad(Exception):
    """
    The message breaks its own grammar.
    """


class HelloReader:
    """
    Reads one ClientHello, spread over any number of segments and records.

    After a verdict other than L{Verdict.NEED_MORE} further bytes are only kept.
    """

    __slots__ = ("_message", "_position", "_raw", "hello", "reason", "verdict")

    def __init__(self) -> None:
        self.verdict = Verdict.NEED_MORE
        self.hello: ClientHello | None = None
        self.reason = ""
        self._raw = bytearray()
        self._message = bytearray()
        self._position = 0

    @property
    def peeked(self) -> bytes:
        """
        Every byte fed so far.
        """
        return bytes(self._raw)

    def feed(self, data: bytes) -> Verdict:
        """
        @return: what is known now. With L{Verdict.HELLO}, C{hello} is set; with
            L{Verdict.MALFORMED}, C{reason} says what is wrong.
        """
        self._raw += data
        if self.verdict is not Verdict.NEED_MORE:
            return self.verdict
        try:
            self.verdict = self._advance()
        except _Bad as error:
            self.verdict = Verdict.MALFORMED
            self.reason = str(error)
        if self.verdict is not Verdict.NEED_MORE:
            self._message.clear()
        return self.verdict

    def _advance(self) -> Verdict:
        if self._position == 0 and not _looksLikeTLS(self._raw):
            return Verdict.NOT_TLS
        while (wanted := self._nextRecord()) == 0:
            if self._complete():
                self.hello = _parse(memoryview(self._message))
                return Verdict.HELLO
        if wanted > HELLO_LIMIT:
            raise _Bad("hello over 16 KiB")
        return Verdict.NEED_MORE

    def _nextRecord(self) -> int:
        """
        Take the fragment of the next record.

        @return: 0, or how many bytes there have to be for a whole one.
        """
        raw, start = self._raw, self._position
        if len(raw) < start + 5:
            return start + 5
        if raw[start] != _HANDSHAKE or raw[start + 1] != 3:
            raise _Bad("another record within the hello")
        length = raw[start + 3] << 8 | raw[start + 4]
        # RFC 8446 5.1: no empty handshake fragments, at most 2^14 bytes.
        if not 0 < length <= _RECORD_LIMIT:
            raise _Bad("bad record length")
        end = start + 5 + length
        self._checkStart(self._message[:4] or raw[start + 5 : min(end, start + 9)])
        if len(raw) < end:
            return end
        self._message += raw[start + 5 : end]
        self._position = end
        return 0

    def _checkStart(self, start: bytearray) -> None:
        """
        Refuse at once what can no longer become a hello, instead of waiting for the rest of it.
        """
        if start and start[0] != _CLIENT_HELLO:
            raise _Bad("handshake does not start with a hello")
        if len(start) >= 4 and int.from_bytes(start[1:4], "big") + 4 > HELLO_LIMIT:
            raise _Bad("hello over 16 KiB")

    def _complete(self) -> bool:
        message = self._message
        return len(message) >= 4 and len(message) >= 4 + int.from_bytes(message[1:4], "big")


def _looksLikeTLS(raw: bytearray) -> bool:
    """
    Could this be the start of a TLS record? SSL 2 framing is not TLS to us (RFC 7568 buried it).
    """
    if raw and raw[0] != _HANDSHAKE:
        return False
    if len(raw) > 1 and raw[1] != 3:
        return False
    return len(raw) < 3 or raw[2] <= 4


def _parse(message: memoryview) -> ClientHello:
    """
    @param message: the handshake message with its four byte header; what follows it is ignored.
    """
    body = message[4 : 4 + int.from_bytes(message[1:4], "big")]
    rest = body[34:]  # version and random
    if len(body) < 34:
        raise _Bad("hello too short")
    sessionID, rest = _vector(rest, 1)
    ciphers, rest = _vector(rest, 2)
    compressions, rest = _vector(rest, 1)
    if len(sessionID) > 32 or len(ciphers) < 2 or len(ciphers) & 1 or not compressions:
        raise _Bad("bad session id, ciphers or compressions")
    if not rest:  # TLS 1.2 and older may come without extensions
        return ClientHello("", (), False)
    extensions, rest = _vector(rest, 2)
    if rest:
        raise _Bad("bytes after the extensions")
    return _readExtensions(extensions)


def _readExtensions(extensions: memoryview) -> ClientHello:
    serverName = ""
    alpn: tuple[bytes, ...] = ()
    seen = set()
    while extensions:
        if len(extensions) < 4:
            raise _Bad("cut off extension")
        kind = extensions[0] << 8 | extensions[1]
        value, extensions = _vector(extensions[2:], 2)
        # RFC 8446 4.2: one of each. Two names could be read differently here and by the backend.
        if kind in seen:
            raise _Bad("extension given twice")
        seen.add(kind)
        if kind == _SERVER_NAME:
            serverName = _readServerName(value)
        elif kind == _ALPN:
            alpn = _readProtocols(value)
    return ClientHello(serverName, alpn, _ENCRYPTED_CLIENT_HELLO in seen)


def _readServerName(value: memoryview) -> str:
    names, rest = _vector(value, 2)
    if rest or not names:
        raise _Bad("bad server name list")
    found = ""
    while names:
        kind = names[0]
        name, names = _vector(names[1:], 2)
        if kind != 0:
            continue
        if found:
            raise _Bad("two server names")
        if len(name) > 255 or not _hostName(name):
            raise _Bad("bad server name")
        found = str(name, "ascii").lower().removesuffix(".")
    return found


def _readProtocols(value: memoryview) -> tuple[bytes, ...]:
    protocols, rest = _vector(value, 2)
    if rest or not protocols:
        raise _Bad("bad protocol list")
    found = []
    while protocols:
        protocol, protocols = _vector(protocols, 1)
        if not protocol:
            raise _Bad("empty protocol name")
        found.append(bytes(protocol))
    return tuple(name for name in found if name not in _GREASE)


def _vector(data: memoryview, lengthBytes: int) -> tuple[memoryview, memoryview]:
    """
    Split a length-prefixed vector (RFC 8446 3.4) off.
    """
    if len(data) < lengthBytes:
        raise _Bad("cut off length")
    end = lengthBytes + int.from_bytes(data[:lengthBytes], "big")
    if len(data) < end:
        raise _Bad("length beyond the end")
    return data[lengthBytes:end], data[end:]
