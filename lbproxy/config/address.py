"""
Where is it? An address as the configuration writes it: C{host:port}, C{[::1]:port} or
C{unix:/path}; a socket to listen on may also be C{systemd:NAME}.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?")
_DIGITS = re.compile(r"[0-9.]+")


@dataclass(frozen=True, slots=True)
class Address:
    """
    A stream or datagram address. Either C{path} (UNIX socket) is set, or C{systemd} (the name of a
    socket that systemd hands over), or C{host} and C{port} are.

    C{host} is a numeric address or a name, without brackets.
    """

    host: str = ""
    port: int = 0
    path: str = ""
    systemd: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """
        @raise ValueError: with a message fit for a user, when C{text} is no address.
        """
        if text.startswith("unix:"):
            path = text[5:]
            if not path:
                raise ValueError('wanted a path after "unix:"')
            return cls(path=path)
        if text.startswith("systemd:"):
            if not text[8:]:
                raise ValueError('wanted the name of a socket after "systemd:"')
            return cls(systemd=text[8:])
        host, colon, port = text.rpartition(":")
        if not colon:
            raise ValueError(
                f'no port in "{text}"; wanted "host:port", "[::1]:port" or "unix:/path"'
            )
        if not (port.isascii() and port.isdigit()) or int(port) > 65535:
            raise ValueError(f'"{port}" is not a port; wanted a number from 0 to 65535')
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
            if not _isNumeric(socket.AF_INET6, host):
                raise ValueError(
                    f'"{host}" is not an IPv6 address; wanted one such as "[::1]:{port}"'
                )
        elif not host:
            raise ValueError(f'no host in "{text}"; to bind every address write "0.0.0.0:{port}"')
        elif _isNumeric(socket.AF_INET6, host):
            raise ValueError(f'an IPv6 address takes brackets; wanted "[{host}]:{port}"')
        else:
            _checkHost(host)
        return cls(host=host, port=int(port))

    @property
    def family(self) -> socket.AddressFamily | None:
        """
        The socket family, or L{None} for a name that has to be resolved first.
        """
        if self.path:
            return socket.AF_UNIX
        if _isNumeric(socket.AF_INET, self.host):
            return socket.AF_INET
        if ":" in self.host:
            return socket.AF_INET6
        return None

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        if self.systemd:
            return f"systemd:{self.systemd}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _checkHost(host: str) -> None:
    """
    @raise ValueError: C{host} is neither a name nor an IPv4 address.
    """
    if "://" in host:
        raise ValueError(f'"{host}" begins like a URL; wanted "host:port" alone')
    if len(host) > 253 or not _NAME.fullmatch(host):
        raise ValueError(f'"{host[:60]}" is not a host; wanted a name or an IP address')
    if _DIGITS.fullmatch(host) and not _isNumeric(socket.AF_INET, host):
        raise ValueError(f'"{host}" is not an IPv4 address; wanted four numbers up to 255')


def _isNumeric(family: socket.AddressFamily, host: str) -> bool:
    try:
        socket.inet_pton(family, host.partition("%")[0])
    except (OSError, ValueError):
        return False
    return True
