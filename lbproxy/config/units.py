"""
How long, how much, from where? Durations, sizes, percentages, networks, addresses.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from lbproxy.config.address import Address
from lbproxy.config.kinds import Flag, Kind, Text, Whole, absolute, asText
from lbproxy.config.scalar import fromEnvironment
from lbproxy.config.words import quoted, subject

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, "TiB": 1024**4}
_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([A-Za-z%]*)")
# Ten years: longer is a slip of the unit, and timers stay well inside what the kernel takes.
_LONGEST = 10 * 365 * 86400.0
# sun_path of unix(7), without its closing NUL.
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class DurationKind(Kind):
    """
    Seconds as a float, from C{"250ms"}, C{"2s"}, C{"5m"}, C{"1h"}, C{"1d"} or a number of seconds.
    """

    noun: ClassVar[str] = "duration"
    positive: bool = False

    def write(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        for unit, factor in (("h", 3600), ("m", 60), ("s", 1)):
            if value and not value % factor:
                return f"{value / factor:g}{unit}"
        return f"{value * 1000:g}ms" if value else "0"

    def parse(self, value: object) -> object:
        seconds = self._seconds(value)
        if seconds is None:
            raise ValueError(
                f'{subject(value)} is not a duration; wanted "250ms", "2s", "5m", "1h" '
                "or a number of seconds"
            )
        if self.positive and not seconds:
            raise ValueError("0 is out of range; wanted a duration above 0")
        if not 0 <= seconds <= _LONGEST:
            raise ValueError(f"{subject(value)} is out of range; wanted 0 to 10 years")
        return seconds

    def _seconds(self, value: object) -> float | None:
        if type(value) is int or type(value) is float:
            return float(value)
        parts = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if parts is None:
            return None
        number, unit = parts.groups()
        if not unit and fromEnvironment(value):
            unit = "s"
        factor = _SECONDS.get(unit)
        return None if factor is None else float(number) * factor


@dataclass(frozen=True)
class SizeKind(Kind):
    """
    Bytes as an int, from C{"16KiB"}, C{"1MiB"} or a number of bytes.
    """

    noun: ClassVar[str] = "size"
    low: int = 0

    def write(self, value: Any) -> str:
        for unit, factor in (("MiB", 1024**2), ("KiB", 1024)):
            if value and not value % factor:
                return f"{value // factor}{unit}"
        return str(value)

    def parse(self, value: object) -> object:
        size = self._bytes(value)
        if size is None:
            raise ValueError(
                f'{subject(value)} is not a size; wanted "16KiB", "1MiB", "2GiB" '
                "or a number of bytes"
            )
        if not self.low <= size <= 2**60:
            raise ValueError(f"{subject(value)} is out of range; wanted at least {self.low} bytes")
        return size

    def _bytes(self, value: object) -> int | None:
        if type(value) is int:
            return value
        parts = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if parts is None:
            return None
        number, unit = parts.groups()
        if not unit and fromEnvironment(value):
            unit = "B"
        factor = _BYTES.get(unit)
        size = float(number) * factor if factor else 0.5
        return int(size) if size == int(size) else None


@dataclass(frozen=True)
class PercentKind(Kind):
    """
    A share from 0 to 1 as a float, from C{"10%"}, or 0.

    A bare number is refused, since 0.5 could be read in two ways; C{bare}: the key itself says
    percent, so the number is one.
    """

    noun: ClassVar[str] = "percentage"
    bare: bool = False

    def write(self, value: Any) -> str:
        return f"{value * 100:g}" if self.bare else f"{value * 100:g}%"

    def parse(self, value: object) -> object:
        share = self._share(value)
        if share is None:
            raise ValueError(f'{subject(value)} is not a percentage; wanted "0%" to "100%"')
        if not 0 <= share <= 1:
            raise ValueError(f'{subject(value)} is out of range; wanted "0%" to "100%"')
        return share

    def _share(self, value: object) -> float | None:
        if type(value) is int or type(value) is float:
            return value / 100 if self.bare or not value else None
        parts = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
        if parts is None or parts[2] != "%":
            return None
        return float(parts[1]) / 100


class NetworkKind(Kind):
    """
    A CIDR; a bare address is a network of one.
    """

    noun: ClassVar[str] = "CIDR"

    def parse(self, value: object) -> object:
        if isinstance(value, IPNetwork):
            return value
        text = asText(value)
        try:
            return ipaddress.ip_network(text)
        except ValueError:
            pass
        try:
            whole = ipaddress.ip_network(text, strict=False)
        except ValueError:
            raise ValueError(
                f'{quoted(text)} is not a network; wanted "10.0.0.0/8", "2001:db8::/32" '
                "or one address"
            ) from None
        raise ValueError(f'{quoted(text)} has bits set behind its prefix; wanted "{whole}"')


class PeerKind(NetworkKind):
    """
    A CIDR, or the word C{unix}: whoever comes over a UNIX socket.
    """

    noun: ClassVar[str] = "CIDR or unix"

    def parse(self, value: object) -> object:
        return "unix" if value == "unix" else super().parse(value)


@dataclass(frozen=True)
class AddressKind(Kind):
    """
    An L{Address}; the path of a UNIX socket is made absolute.
    """

    noun: ClassVar[str] = "address"
    bind: bool = False

    def parse(self, value: object) -> object:
        address = value if isinstance(value, Address) else Address.parse(asText(value))
        if address.path and isinstance(value, str):
            address = Address(path=absolute(address.path, value))
            if len(os.fsencode(address.path)) > _LONGEST_SOCKET_PATH:
                raise ValueError(
                    f"{quoted(address.path)} is too long for a UNIX socket; "
                    f"wanted at most {_LONGEST_SOCKET_PATH} bytes"
                )
        if self.bind:
            if address.host == "localhost":
                return Address(host="127.0.0.1", port=address.port)
            if not address.path and not address.systemd and address.family is None:
                raise ValueError(
                    f"{quoted(address.host)} is a name; wanted the numeric address to bind, "
                    f'such as "127.0.0.1:{address.port}"'
                )
        elif address.systemd:
            raise ValueError(
                f'{quoted(str(address))} can only be bound; wanted "host:port", "[::1]:port" '
                'or "unix:/path"'
            )
        elif not address.path and not address.port:
            raise ValueError("0 is not a port to connect to; wanted a number from 1 to 65535")
        return address


Duration = Annotated[float, DurationKind()]
PositiveDuration = Annotated[float, DurationKind(positive=True)]
Size = Annotated[int, SizeKind()]
Percent = Annotated[float, PercentKind()]
PercentNumber = Annotated[float, PercentKind(bare=True)]
Network = Annotated[IPNetwork, NetworkKind()]
Peer = Annotated[IPNetwork | Literal["unix"], PeerKind()]
BindAddress = Annotated[Address, AddressKind(bind=True)]
PeerAddress = Annotated[Address, AddressKind()]

Number = Annotated[int, Whole()]
Positive = Annotated[int, Whole(1)]
Port = Annotated[int, Whole(1, 65535)]
Bool = Annotated[bool, Flag()]
String = Annotated[str, Text()]
FullString = Annotated[str, Text(r"(?s).+", "some text")]
