"""
What does relaying cost, below HTTP? TCP in small exchanges, in connections and in bulk; UDP.
"""

from __future__ import annotations

from bench import clients
from bench.scenario import Ground, Load, Scenario, Target, cost


def exchanges(ground: Ground, port: int, seconds: float) -> Load:
    """
    Small requests over 64 connections that stay.
    """
    return clients.wrk(f"http://127.0.0.1:{port}/", seconds)


def connections(ground: Ground, port: int, seconds: float) -> Load:
    """
    A small request on each new connection, which the backend closes.
    """
    return clients.wrk(f"http://127.0.0.1:{port}/", seconds, more=["-H", "Connection: close"])


def bulk(ground: Ground, port: int, seconds: float) -> Load:
    """
    One connection, as fast as it goes.
    """
    return clients.iperf3(port, seconds)


def questions(ground: Ground, port: int, seconds: float) -> Load:
    """
    40 bytes there and back, 32 clients.
    """
    return clients.udp(port, seconds, 32)


SCENARIOS = (
    Scenario(
        "tcpExchange",
        "TCP, small exchange",
        "tcp",
        "µs",
        1e6,
        cost("tcp", exchanges),
        Target({"haproxy": 1.15}, {"haproxy": 1.0}),
    ),
    Scenario(
        "tcpConnection",
        "TCP, new connection with an exchange",
        "tcp",
        "µs",
        1e6,
        cost("tcp", connections),
        Target({"haproxy": 1.3}, {"haproxy": 1.0}),
    ),
    Scenario(
        "tcpBulk",
        "TCP, bulk, per GB",
        "bulk",
        "s",
        1.0,
        cost("bulk", bulk),
        Target({"haproxy": 0.85}, {"haproxy": 0.7}),
    ),
    Scenario(
        "udpAnswer",
        "UDP, question and answer",
        "udp",
        "µs",
        1e6,
        cost("udp", questions),
        Target({"nginx": 1.5}, {"nginx": 1.0}),
    ),
)
