"""
How are TLS records read and written? A pyOpenSSL connection that behaves like a socket.

L{TLSSocket} reads and writes the descriptor itself; there is no memory BIO to copy through. To the
transport above it is a socket: C{recv} gives C{b""} after the peer's close_notify, C{send} takes
what fits, both raise L{BlockingIOError} when there is nothing to do now and another L{OSError} when
the connection is dead.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from errno import EAGAIN, ECONNRESET
from typing import Any

from OpenSSL import SSL

from lbproxy.net.tls import native
from lbproxy.net.tls.verify import Verification

# The most plain text that fits into one record (RFC 8446 5.1).
_RECORD = 16384
#: What to ask C{recv} for; also the size of a scratch buffer.
READ_SIZE = 4 * _RECORD
# A record of at least this many bytes is a sign of bulk: then it is worth looking for the next one
# at once. With small ones the look in vain would cost more than it saves.
_BULK = 8192
# Up to this many bytes it is cheaper to copy pieces together than to make a record of each.
_JOIN_LIMIT = 2 * _RECORD

Piece = bytes | memoryview


class PortableTLSSocket(SSL.Connection):
    """
    With pyOpenSSL's public methods only.

    @ivar plain: the socket below.
    @ivar verification: of a client's peer.
    @ivar scratch: where records are read to; shared by all connections of one thread.
    @ivar again: C{recv} has to be called once more, whether or not the descriptor is readable.
    @ivar wantsWrite: the last C{recv} has something to write first (an answer to a KeyUpdate).
    @ivar wantsRead: the last C{send} has something to read first.
    """

    verification: Verification | None = None
    again = False
    wantsWrite = False
    wantsRead = False

    def __init__(self, context: SSL.Context, skt: socket.socket, scratch: Any) -> None:
        super().__init__(context, skt)
        self.plain = skt
        self.scratch = scratch

    @staticmethod
    def makeScratch() -> Any:
        """
        What the connections of one reactor read into; see L{scratch}.
        """
        return None

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        """
        @param bufsiz: at least 16384, so that nothing decrypted stays behind unseen.
        """
        try:
            return super().recv(bufsiz)
        except SSL.ZeroReturnError:
            return b""
        except SSL.Error as e:
            self.wantsWrite = isinstance(e, SSL.WantWriteError)
            raise _portableError(e) from None

    def send(self, buf: Any, flags: int = 0) -> int:
        """
        @return: how many bytes are on their way; the others have to be given again.
        """
        sent, size = 0, len(buf)
        while sent < size:
            try:
                sent += super().send(memoryview(buf)[sent : sent + _RECORD])
            except SSL.Error as e:
                if sent and isinstance(e, SSL.WantWriteError):
                    break
                self.wantsRead = isinstance(e, SSL.WantReadError)
                raise _portableError(e) from None
        return sent

    def sendmsg(self, pieces: Sequence[Piece]) -> int:
        """
        @return: as L{send}.
        """
        if len(pieces) > 1 and sum(map(len, pieces)) <= _JOIN_LIMIT:
            return self.send(b"".join(pieces))
        total = 0
        for piece in pieces:
            try:
                sent = self.send(piece)
            except BlockingIOError:
                if total:
                    break
                raise
            total += sent
            if sent < len(piece):
                break
        return total


class DirectTLSSocket(PortableTLSSocket):
    """
    The same past pyOpenSSL's wrappers. A small request and its answer cost 9 us instead of 14; what
    the kernel and the cryptography need of that is 8.
    """

    @staticmethod
    def makeScratch() -> Any:
        return native.ffi.new("char[]", READ_SIZE)

    def recv(self, bufsiz: int, flags: int | None = None) -> bytes:
        scratch = self.scratch
        size = _read(self._ssl, scratch, _RECORD)
        if size <= 0:
            return self._nothingRead(size)
        if size >= _BULK:
            size = self._readOn(size, bufsiz)
        data: bytes = _buffer(scratch, size)[:]
        return data

    def _readOn(self, size: int, limit: int) -> int:
        """
        @return: how much is in the scratch buffer then.
        """
        limit = min(limit, READ_SIZE) - _RECORD
        while size <= limit:
            more = _read(self._ssl, self.scratch + size, _RECORD)
            if more <= 0:
                # Not a word of it now: what has been read comes first. Whatever else it was (a
                # close_notify, an error) comes out once more at the next recv.
                self.again = _getError(self._ssl, more) != _WANT_READ
                _clearErrors()
                break
            size += more
            if more < _BULK:
                break
        return size

    def _nothingRead(self, result: int) -> bytes:
        error = _getError(self._ssl, result)
        self.again = False
        if error == _ZERO_RETURN:
            return b""
        self.wantsWrite = error == _WANT_WRITE
        raise _asOSError(error)

    def send(self, buf: Any, flags: int = 0) -> int:
        size = len(buf)
        if buf.__class__ is bytes and 0 < size <= _RECORD:
            sent: int = _write(self._ssl, buf, size)
            return sent if sent > 0 else self._nothingSent(sent)
        return self._sendRecords(buf, size)

    def _sendRecords(self, buf: Any, size: int) -> int:
        ssl, sent = self._ssl, 0
        with native.ffi.from_buffer(buf) as start:
            while sent < size:
                # One record at a time (partial writes are on), so that we know how far we came.
                count = _write(ssl, start + sent, size - sent)
                if count > 0:
                    sent += count
                elif sent and _getError(ssl, count) == _WANT_WRITE:
                    break
                else:
                    return self._nothingSent(count)
        return sent

    def _nothingSent(self, result: int) -> int:
        error = _getError(self._ssl, result)
        self.wantsRead = error == _WANT_READ
        raise _asOSError(error)


def _asOSError(error: int) -> OSError:
    if error in (_WANT_READ, _WANT_WRITE):
        return BlockingIOError(EAGAIN, "not now")
    _clearErrors()  # or they would be taken for another connection's
    return ConnectionResetError(ECONNRESET, "ended without close_notify")


def reasonOf(error: SSL.Error) -> str:
    """
    In a few words: C{"no shared cipher"}, C{"the peer left"}.
    """
    if isinstance(error, SSL.SysCallError):
        number = error.args[0]
        return os.strerror(number).lower() if number > 0 else "the peer left"
    if isinstance(error, SSL.ZeroReturnError):
        return "the peer left"
    entries = error.args[0] if error.args else ()
    reasons = [entry[2] for entry in entries if entry[2]] if isinstance(entries, list) else []
    return reasons[0] if reasons else "unknown error"


def _portableError(error: SSL.Error) -> OSError:
    if isinstance(error, SSL.WantReadError | SSL.WantWriteError):
        return BlockingIOError(EAGAIN, "not now")
    return ConnectionResetError(ECONNRESET, reasonOf(error))


if native.HAS_DIRECT:
    _read = native.lib.SSL_read
    _write = native.lib.SSL_write
    _getError = native.lib.SSL_get_error
    _clearErrors = native.lib.ERR_clear_error
    _buffer = native.ffi.buffer
    _WANT_READ: int = native.lib.SSL_ERROR_WANT_READ
    _WANT_WRITE: int = native.lib.SSL_ERROR_WANT_WRITE
    _ZERO_RETURN: int = native.lib.SSL_ERROR_ZERO_RETURN

TLSSocket: type[PortableTLSSocket] = DirectTLSSocket if native.HAS_DIRECT else PortableTLSSocket
