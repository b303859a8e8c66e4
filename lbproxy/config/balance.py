"""
Who is next? The balancer of a pool and its settings.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from lbproxy.config.contextkey import CLIENT_IP, ContextKey, ContextKeyKind
from lbproxy.config.kinds import Kind, Whole, Word
from lbproxy.config.model import Model, keyed
from lbproxy.config.words import subject

BalancerName = Literal[
    "roundRobin",
    "leastConnections",
    "leastTime",
    "random",
    "first",
    "sourceHash",
    "ringHash",
    "maglev",
]


class LoadFactor(Kind):
    """
    A number of at least 1, or 0.
    """

    noun: ClassVar[str] = "factor"

    def parse(self, value: object) -> object:
        if (type(value) is int or type(value) is float) and (value == 0 or 1 <= value <= 1000):
            return float(value)
        raise ValueError(f"{subject(value)} is not a load factor; wanted 0, or a number from 1 on")


class Balance(Model):
    """
    A balancer by name; a bare word is short for C{{name: word}}.
    """

    name: Annotated[BalancerName, Word("balancer")] = Field(
        default="roundRobin", description="Which balancer."
    )
    key: Annotated[ContextKey, ContextKeyKind()] = Field(
        default=CLIENT_IP, description="What ringHash and maglev hash."
    )
    choices: Annotated[int, Whole(1, 100)] = Field(
        default=2, description="How many random draws; the least loaded of them wins."
    )
    tableSize: Annotated[int, Whole(3, 5_000_011)] = Field(
        default=65537, description="Rows of maglev's table; a prime."
    )
    loadFactor: Annotated[float, LoadFactor()] = Field(
        default=1.25,
        description="The most that ringHash gives one backend, over the mean; 0: no bound.",
    )

    @model_validator(mode="after")
    def _check(self) -> Balance:
        if not _isPrime(self.tableSize):
            raise ValueError(f"tableSize {self.tableSize} is not a prime; wanted one such as 65537")
        return self


def _isPrime(number: int) -> bool:
    return number > 2 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))


Balancing = Annotated[Balance, keyed("name")]
