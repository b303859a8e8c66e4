"""
What can OpenSSL do that pyOpenSSL gives no name to?

pyOpenSSL's own binding is not a public interface, though these few names have not changed in ten
years. Where one is missing, whoever asks goes without: slower, or with OpenSSL's defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL import SSL

try:
    from OpenSSL._util import ffi as _ffi
    from OpenSSL._util import lib as _lib
except ImportError:  # pragma: no cover
    _ffi = _lib = None

_READING = (
    "ERR_clear_error",
    "SSL_ERROR_WANT_READ",
    "SSL_ERROR_WANT_WRITE",
    "SSL_ERROR_ZERO_RETURN",
    "SSL_get_error",
    "SSL_read",
    "SSL_write",
)
_ASKING = (
    "SSL_CTX_set_alpn_select_cb",
    "SSL_CTX_set_tlsext_servername_callback",
    "SSL_TLSEXT_ERR_ALERT_FATAL",
    "SSL_get_servername",
    "SSL_set_SSL_CTX",
    "TLSEXT_NAMETYPE_host_name",
)


def _has(names: tuple[str, ...]) -> bool:
    return _ffi is not None and all(hasattr(_lib, name) for name in names)


#: Reading and writing past pyOpenSSL's wrappers is possible.
HAS_DIRECT = _has(_READING)
#: Answering OpenSSL's questions is, too.
HAS_CALLBACKS = _has(_ASKING)
#: What a callback returns to end the handshake.
ALERT_FATAL: int = _lib.SSL_TLSEXT_ERR_ALERT_FATAL if HAS_CALLBACKS else 2

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


def setServerNameCallback(context: SSL.Context, answer: Callable[..., int]) -> None:
    """
    @param answer: called with C{(SSL *, int *, void *)}.
    """
    callback = ffi.callback("int (*)(SSL *, int *, void *)", answer, error=ALERT_FATAL)
    lib.SSL_CTX_set_tlsext_servername_callback(context._context, callback)
    _keep(context, callback)


def setProtocolCallback(context: SSL.Context, answer: Callable[..., int]) -> None:
    """
    @param answer: called with C{(SSL *, unsigned char **, unsigned char *, unsigned char *,
        unsigned int, void *)}.
    """
    kind = (
        "int (*)(SSL *, unsigned char **, unsigned char *, "
        "const unsigned char *, unsigned int, void *)"
    )
    callback = ffi.callback(kind, answer, error=ALERT_FATAL)
    lib.SSL_CTX_set_alpn_select_cb(context._context, callback, ffi.NULL)
    _keep(context, callback)


def _keep(context: SSL.Context, callback: Any) -> None:
    # OpenSSL has only its address. It may be called as long as the context is in use.
    context.set_app_data((context.get_app_data(), callback))
