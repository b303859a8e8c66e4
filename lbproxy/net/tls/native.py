"""
What can OpenSSL do that pyOpenSSL gives no name to?

pyOpenSSL's own binding is not a public interface, though these few names have not changed in ten
years. Where one is missing, whoever asks goes without: slower, or with OpenSSL's defaults.
"""

from __future__ import annotations

from typing import Any

from OpenSSL import SSL

try:
    from OpenSSL._util import ffi as _ffi
    from OpenSSL._util import lib as _lib
except ImportError:  # pragma: no cover
    _ffi = _lib = None

_NEEDED = (
    "ERR_clear_error",
    "SSL_ERROR_WANT_READ",
    "SSL_ERROR_WANT_WRITE",
    "SSL_ERROR_ZERO_RETURN",
    "SSL_get_error",
    "SSL_read",
    "SSL_write",
)

#: Reading and writing past pyOpenSSL's wrappers is possible.
HAS_DIRECT = _ffi is not None and all(hasattr(_lib, name) for name in _NEEDED)

ffi: Any = _ffi
lib: Any = _lib


def setGroups(context: SSL.Context, names: bytes) -> bool:
    """
    The groups for key exchange, the best one first, separated by colons.

    @return: L{False} when OpenSSL's default list stays; it has the same ones and a few more.
    """
    try:
        return bool(lib.SSL_CTX_set1_curves_list(context._context, names) == 1)
    except AttributeError:
        return False


def sessionReused(connection: SSL.Connection) -> bool:
    """
    The handshake was an abbreviated one. L{False} also where that cannot be found out.
    """
    try:
        return bool(lib.SSL_session_reused(connection._ssl))
    except AttributeError:
        return False
