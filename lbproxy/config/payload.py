"""
Which bytes are sent, which are expected? Payloads and statuses of health checks.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from lbproxy.config.kinds import Kind, asText
from lbproxy.config.words import quoted, shown, subject

_STATUS = re.compile(r"([1-5][0-9][0-9])(?:-([1-5][0-9][0-9]))?")


class PayloadKind(Kind):
    """
    Bytes: a text (as UTF-8), C{{hex: "0d0a"}} or C{{base64: "DQo="}}.
    """

    noun: ClassVar[str] = "payload"

    def write(self, value: Any) -> str:
        return f'"{value.decode("latin-1")}"'

    def parse(self, value: object) -> object:
        if isinstance(value, bytes):
            return value
        if not isinstance(value, Mapping):
            return asText(value).encode("utf-8")
        ((form, text),) = value.items() if len(value) == 1 else (("", ""),)
        try:
            if form == "hex":
                return bytes.fromhex(asText(text))
            if form == "base64":
                return base64.b64decode(asText(text), validate=True)
        except (ValueError, binascii.Error):
            raise ValueError(f"{shown(text)} is not {form}; wanted its digits in quotes") from None
        raise ValueError("wanted a text, {hex: …} or {base64: …}")


@dataclass(frozen=True, slots=True)
class StatusRange:
    """
    HTTP statuses from C{low} to C{high}, both included.
    """

    low: int
    high: int

    def __contains__(self, status: object) -> bool:
        return isinstance(status, int) and self.low <= status <= self.high

    def __str__(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


class StatusRangeKind(Kind):
    """
    C{200} or C{"200-399"}.
    """

    noun: ClassVar[str] = "status"

    def parse(self, value: object) -> object:
        if isinstance(value, StatusRange):
            return value
        parts = (
            _STATUS.fullmatch(str(value)) if type(value) is int or isinstance(value, str) else None
        )
        if parts is None:
            raise ValueError(f'{subject(value)} is not a status; wanted 200 or "200-399"')
        low, high = int(parts[1]), int(parts[2] or parts[1])
        if low > high:
            raise ValueError(f'{quoted(str(value))} is empty; wanted "{high}-{low}"')
        return StatusRange(low, high)


Payload = Annotated[bytes, PayloadKind()]
Status = Annotated[StatusRange, StatusRangeKind()]
