"""
Several hundred requests and responses, most of them malformed or odd, each with its verdict.

A verdict is about the codec: C{status} and C{code} of the refusal, or, with C{status} 0, what the
message means. The cases are data, so that a test over sockets can send them as well: whatever is
refused here must never reach a backend, and what is accepted must reach it in the one form that
means the same. Limits are the default ones.
"""

from __future__ import annotations

from tests.wire.http1.corpusanswers import RESPONSE_HEADS
from tests.wire.http1.corpusbodies import RESPONSE_BODIES
from tests.wire.http1.corpuscase import RequestCase, ResponseCase
from tests.wire.http1.corpuschunks import CHUNKS
from tests.wire.http1.corpusfields import FIELDS
from tests.wire.http1.corpusframing import FRAMING
from tests.wire.http1.corpushosts import HOSTS
from tests.wire.http1.corpuslines import REQUEST_LINES

REQUESTS: tuple[RequestCase, ...] = REQUEST_LINES + HOSTS + FIELDS + FRAMING + CHUNKS
RESPONSES: tuple[ResponseCase, ...] = RESPONSE_HEADS + RESPONSE_BODIES

__all__ = ["REQUESTS", "RESPONSES", "RequestCase", "ResponseCase"]
