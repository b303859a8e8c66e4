"""
One tree of errors: whose fault was it, and what is the answer?
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class LBProxyError(Exception):
    """
    Anything lbproxy itself raises.
    """


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """
    One thing wrong with a configuration.

    C{line} and C{column} count from 1; 0 where no place in the file can be named.
    """

    file: str
    line: int
    column: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ConfigError(LBProxyError):
    """
    The configuration cannot be used; C{problems} says everything that is wrong with it.
    """

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class CannotStart(LBProxyError):
    """
    The configuration is good but the system refuses: a port in use, a privilege missing.
    """


class Outcome(Enum):
    """
    How one use of a backend ended. The client leaving is never the backend's fault.
    """

    OK = "ok"
    CONNECT_FAILED = "connect failed"
    TIMED_OUT = "timed out"
    RESET = "reset"
    BAD_RESPONSE = "bad response"
    SERVER_ERROR = "server error"
    CLIENT_LEFT = "client left"


class NoBackendAvailable(LBProxyError):
    """
    A pool has nobody to give the work to.
    """

    def __init__(self, pool: str, reason: str) -> None:
        super().__init__(f"pool {pool}: {reason}")
        self.pool = pool
        self.reason = reason


class DownstreamError(LBProxyError):
    """
    The client did something we refuse.

    C{statusHint} is the HTTP status that answers it, C{code} the short, documented word for the
    log.
    """

    def __init__(self, statusHint: int, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.statusHint = statusHint
        self.code = code
        self.detail = detail


class UpstreamError(LBProxyError):
    """
    A backend did not do its part; C{outcome} is what the lease is released with.
    """

    def __init__(self, outcome: Outcome, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.outcome = outcome
        self.code = code
        self.detail = detail
