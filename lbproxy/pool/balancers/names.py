"""
What are the balancers called? Names and options, as the configuration writes them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

from lbproxy.interfaces import IBalancer
from lbproxy.pool.balancers.first import First
from lbproxy.pool.balancers.hashed import maglev, ringHash, sourceHash
from lbproxy.pool.balancers.leastconnections import LeastConnections
from lbproxy.pool.balancers.leasttime import DEFAULT_DECAY, LeastTime
from lbproxy.pool.balancers.randomchoice import RandomChoice
from lbproxy.pool.balancers.roundrobin import RoundRobin


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What a balancer may use of the world: a clock, in seconds, and chance.
    """

    seconds: Callable[[], float]
    rng: random.Random


#: Makes a balancer; what it takes besides the surroundings are the options that users can set.
Maker = Callable[..., IBalancer]

_makers: dict[str, Maker] = {}


def registerBalancer(name: str, maker: Maker) -> None:
    """
    Make C{balance: name} mean what C{maker} makes.

    @param maker: called with L{Surroundings} and the options as keyword arguments.
    @raise ValueError: the name is taken.
    """
    if name in _makers:
        raise ValueError(f'there is already a balancer "{name}"')
    _makers[name] = maker


def balancerNames() -> list[str]:
    """
    All names that L{balancerMaker} knows.
    """
    return sorted(_makers)


def balancerMaker(name: str, around: Surroundings, **options: Any) -> Callable[[], IBalancer]:
    """
    @return: a function that makes the balancer, with these options, afresh at each call.
    @raise ValueError: an unknown name, an unknown option or a bad value of one, in words fit for a
        user.
    """
    maker = _makers.get(name)
    if maker is None:
        raise ValueError(f'unknown balancer "{name}"; one of {", ".join(balancerNames())}')
    known = list(signature(maker).parameters)[1:]
    for option in options:
        if option not in known:
            wanted = f"one of {', '.join(known)}" if known else "it has none"
            raise ValueError(f'unknown option "{option}" of {name}; {wanted}')
    maker(around, **options)

    def make() -> IBalancer:
        return maker(around, **options)

    return make


def _roundRobin(around: Surroundings) -> IBalancer:
    return RoundRobin()


def _leastConnections(around: Surroundings) -> IBalancer:
    return LeastConnections()


def _leastTime(around: Surroundings, decay: float = DEFAULT_DECAY) -> IBalancer:
    return LeastTime(around.seconds, around.rng, decay)


def _random(around: Surroundings, choices: int = 2) -> IBalancer:
    return RandomChoice(around.rng, choices)


def _staticRandom(around: Surroundings) -> IBalancer:
    return RandomChoice(around.rng, 1)


def _first(around: Surroundings) -> IBalancer:
    return First()


def _sourceHash(around: Surroundings, key: str = "clientIP", tableSize: int = 65_536) -> IBalancer:
    return sourceHash(key, tableSize)


def _ringHash(
    around: Surroundings, key: str = "clientIP", tableSize: int = 65_536, loadBound: float = 1.25
) -> IBalancer:
    return ringHash(key, tableSize, loadBound)


def _maglev(around: Surroundings, key: str = "clientIP", tableSize: int = 65_537) -> IBalancer:
    return maglev(key, tableSize)


for _name, _maker in {
    "roundRobin": _roundRobin,
    "leastConnections": _leastConnections,
    "leastTime": _leastTime,
    "random": _random,
    "staticRandom": _staticRandom,
    "first": _first,
    "sourceHash": _sourceHash,
    "ringHash": _ringHash,
    "maglev": _maglev,
}.items():
    registerBalancer(_name, _maker)
