"""
Is a response worth compressing, and how does it get smaller on its way?
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from lbproxy.wire.http1 import HeaderBlock, RequestHead, ResponseHead

# Media types that are text, whatever their name. What is compressed already only costs time.
_TYPES = frozenset(
    (
        b"application/javascript",
        b"application/json",
        b"application/ld+json",
        b"application/manifest+json",
        b"application/wasm",
        b"application/xhtml+xml",
        b"application/xml",
        b"image/svg+xml",
    )
)
# Bytes below which a coding gains nothing (one segment carries it either way).
_MIN_SIZE = 1024
_GZIP_WINDOW = 31


class Compressor(Protocol):
    """
    A coding at work. Each piece goes out at once: a stream stays a stream.
    """

    def encode(self, payload: bytes, done: bool) -> bytes: ...


class _Gzip:
    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(5, zlib.DEFLATED, _GZIP_WINDOW)

    def encode(self, payload: bytes, done: bool) -> bytes:
        data = self._stream.compress(payload)
        return data + self._stream.flush(zlib.Z_FINISH if done else zlib.Z_SYNC_FLUSH)


class _Brotli:
    __slots__ = ("_stream",)

    def __init__(self) -> None:
        # Quality 4 and a window of 256 KiB: gzip's speed and a bounded share of memory.
        self._stream = import_module("brotli").Compressor(quality=4, lgwin=18)

    def encode(self, payload: bytes, done: bool) -> bytes:
        data: bytes = self._stream.process(payload)
        rest: bytes = self._stream.finish() if done else self._stream.flush()
        return data + rest


class _Zstandard:
    __slots__ = ("_flush", "_stream", "_whole")

    def __init__(self) -> None:
        module = import_module("zstandard")
        # RFC 9659: browsers refuse windows over 8 MiB; 256 KiB is plenty for text.
        parameters = module.ZstdCompressionParameters.from_level(3, window_log=18)
        self._stream = module.ZstdCompressor(compression_params=parameters).compressobj()
        self._flush = module.COMPRESSOBJ_FLUSH_BLOCK
        self._whole = module.COMPRESSOBJ_FLUSH_FINISH

    def encode(self, payload: bytes, done: bool) -> bytes:
        data: bytes = self._stream.compress(payload)
        rest: bytes = self._stream.flush(self._whole if done else self._flush)
        return data + rest


def _present(module: str) -> bool:
    try:
        import_module(module)
    except ImportError:
        return False
    return True


class Compression:
    """
    What a route compresses: the codings this machine has, best first.
    """

    __slots__ = ("_codings",)

    def __init__(self) -> None:
        known: list[tuple[bytes, Callable[[], Compressor], str]] = [
            (b"zstd", _Zstandard, "zstandard"),
            (b"br", _Brotli, "brotli"),
            (b"gzip", _Gzip, "zlib"),
        ]
        self._codings = {name: make for name, make, module in known if _present(module)}

    def choose(self, request: RequestHead) -> tuple[bytes, Compressor] | None:
        """
        The coding that this client likes best with its stream, or L{None} to leave the body as it
        is.
        """
        accepted = acceptedCodings(request.block)
        best = max(self._codings, key=lambda name: accepted.get(name, accepted.get(b"*", 0.0)))
        if accepted.get(best, accepted.get(b"*", 0.0)) <= 0:
            return None
        return best, self._codings[best]()


def compressible(request: RequestHead, response: ResponseHead) -> bool:
    """
    Whether a coding may be applied at all, whoever asks.
    """
    block = response.block
    if request.version != 11 or response.status in (204, 206, 304) or response.status < 200:
        return False
    if block.has(b"content-encoding"):
        return False
    if b"no-transform" in b",".join(block.getAll(b"cache-control")).lower():
        return False
    if 0 <= block.contentLength < _MIN_SIZE:
        return False
    kind = (block.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    return kind in _TYPES or (kind.startswith(b"text/") and kind != b"text/event-stream")


def acceptedCodings(block: HeaderBlock) -> dict[bytes, float]:
    """
    The codings of Accept-Encoding with their weights (RFC 9110 12.5.3).
    """
    accepted = {}
    for item in b",".join(block.getAll(b"accept-encoding")).split(b","):
        name, _, parameter = item.partition(b";")
        accepted[name.strip().lower()] = _weight(parameter)
    return accepted


def _weight(parameter: bytes) -> float:
    name, _, value = parameter.strip().partition(b"=")
    if name.strip().lower() != b"q":
        return 1.0
    try:
        return min(1.0, max(0.0, float(value)))
    except ValueError:
        return 0.0
