"""
What does HTTPS cost? A request on a connection that stays; a whole connection, with a full
handshake and with a resumed session.
"""

from __future__ import annotations

from bench import clients
from bench.scenario import Ground, Load, Scenario, Target, cost


def small(ground: Ground, port: int, seconds: float) -> Load:
    """
    32 bytes, 64 connections.
    """
    return clients.wrk(f"https://127.0.0.1:{port}/", seconds)


def full(ground: Ground, port: int, seconds: float) -> Load:
    """
    Each connection with a handshake in full: TLS 1.3, P-256.
    """
    return clients.tls(port, seconds, False)


def resumed(ground: Ground, port: int, seconds: float) -> Load:
    """
    Each connection with the session of the first.
    """
    return clients.tls(port, seconds, True)


_CONNECTION = Target({"haproxy": 1.2}, {"haproxy": 1.0})

SCENARIOS = (
    Scenario(
        "httpsKeepAlive",
        "HTTPS, keep-alive, 32 bytes",
        "https",
        "µs",
        1e6,
        cost("https", small),
        Target({"nginx": 1.3, "haproxy": 1.0}, {"nginx": 1.0}),
    ),
    Scenario(
        "httpsFull",
        "HTTPS, new connection, full handshake",
        "https",
        "µs",
        1e6,
        cost("https", full),
        _CONNECTION,
    ),
    Scenario(
        "httpsResumed",
        "HTTPS, new connection, resumed session",
        "https",
        "µs",
        1e6,
        cost("https", resumed),
        _CONNECTION,
    ),
)
