"""
All scenarios, in the order of the report.
"""

from __future__ import annotations

from bench.scenario import Scenario
from bench.scenarios import http, idle, latency, tls, transport

ALL: tuple[Scenario, ...] = (
    *http.SCENARIOS,
    *tls.SCENARIOS,
    *transport.SCENARIOS,
    idle.SCENARIO,
    latency.SCENARIO,
)
