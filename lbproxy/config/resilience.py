"""
What if something fails? Outliers, retries, hedging, queues.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from pydantic import Field

from lbproxy.config.contextkey import CLIENT_IP, ContextKey, ContextKeyKind
from lbproxy.config.kinds import Kind, Whole
from lbproxy.config.model import Model, OneOrMany
from lbproxy.config.units import (
    Duration,
    DurationKind,
    Number,
    Percent,
    Positive,
    PositiveDuration,
    Size,
)
from lbproxy.config.words import subject, unknown

RETRY_WORDS = ("connect", "reset", "timeout")


class RetryOn(Kind):
    """
    C{connect}, C{reset}, C{timeout}, or a status from 400 to 599.
    """

    noun: ClassVar[str] = "word or status"

    def parse(self, value: object) -> object:
        if type(value) is int and 400 <= value <= 599:
            return value
        if isinstance(value, str):
            if value in RETRY_WORDS:
                return str(value)
            raise ValueError(unknown("reason to retry", value, (*RETRY_WORDS, "400 … 599")))
        raise ValueError(
            f"{subject(value)} is not a reason to retry; "
            f"wanted one of {', '.join(RETRY_WORDS)} or a status from 400 to 599"
        )


class HedgeAfter(DurationKind):
    """
    A duration, or C{p95}: that percentile of the pool's recent times.
    """

    noun: ClassVar[str] = "duration or percentile"

    def parse(self, value: object) -> object:
        if isinstance(value, str) and re.fullmatch(r"p[1-9][0-9]?", value):
            return str(value)
        return super().parse(value)


class OutlierDetection(Model):
    """
    Ejects backends by what real traffic shows.
    """

    consecutiveFailures: Number = Field(default=5, description="In a row; 0: not counted.")
    failureRate: Percent = Field(default=0.85, description="Within the window; 0: not counted.")
    window: PositiveDuration = Field(default=10.0, description="How far back the rate looks.")
    minRequests: Positive = Field(default=50, description="Below so many the rate says nothing.")
    ejectFor: PositiveDuration = Field(
        default=30.0, description="The first time; grows with repeats."
    )
    maxEjectFor: PositiveDuration = Field(default=300.0, description="The longest.")
    maxEjected: Percent = Field(default=0.5, description="The largest share out at a time.")


class Retries(Model):
    """
    Further attempts, always on another backend.
    """

    attempts: Annotated[int, Whole(0, 100)] = Field(
        default=2, description="After the first; 0: none."
    )
    on: OneOrMany[Annotated[str | int, RetryOn()]] = Field(
        default=("connect", "reset", 502, 503, 504), description="What is tried again."
    )
    budget: Percent = Field(default=0.2, description="The largest share of retries in the traffic.")
    perTryTimeout: Duration = Field(
        default=0.0, description="Until an attempt's response head; 0: none."
    )
    bodyLimit: Size = Field(
        default=65536, description="A larger body is not held, and not sent again."
    )


class Hedge(Model):
    """
    A second attempt beside a slow first one; idempotent requests only.
    """

    after: Annotated[float | str, HedgeAfter(positive=True)] = Field(
        default="p95", description="A duration, or a percentile such as p95."
    )
    max: Positive = Field(default=1, description="How many further ones.")


class Queue(Model):
    """
    Where work waits when every backend is at its C{maxConnections}.
    """

    size: Number = Field(default=0, description="How many may wait; 0: none.")
    timeout: PositiveDuration = Field(default=5.0, description="How long; then 503.")
    fairBy: Annotated[ContextKey, ContextKeyKind()] = Field(
        default=CLIENT_IP, description="Whose turns alternate."
    )


class CircuitBreaker(Model):
    """
    Leaves a failing backend alone, then tries it with a few.
    """

    failures: Positive = Field(default=5, description="In a row that open it.")
    openFor: PositiveDuration = Field(default=10.0, description="How long; then half open.")
    probes: Positive = Field(default=1, description="At once while half open.")
