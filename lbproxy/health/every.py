"""
Is it well in every way? Several probes that must all pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, FirstError, gatherResults, maybeDeferred
from twisted.python.failure import Failure
from zope.interface import implementer

from lbproxy.interfaces import IProbe
from lbproxy.pool.backend import Backend


@implementer(IProbe)
class All:
    """
    Runs its probes at the same time. The first that fails decides; the others are cancelled.
    """

    def __init__(self, probes: Sequence[IProbe]) -> None:
        assert probes, "nothing to check"
        self._probes = tuple(probes)

    def check(self, backend: Backend) -> Deferred[Any]:
        """
        @return: fires with all that was seen, a C{str}.
        """
        checks: list[Deferred[Any]] = [
            maybeDeferred(probe.check, backend) for probe in self._probes
        ]
        joined = gatherResults(checks, consumeErrors=True)
        return joined.addCallbacks(_join, _firstFailure, errbackArgs=(checks,))


def _join(seen: list[object]) -> str:
    return ", ".join(str(one) for one in seen if one is not None)


def _firstFailure(failure: Failure, checks: list[Deferred[Any]]) -> Failure:
    for check in checks:
        check.cancel()
    first = failure.value
    return first.subFailure if isinstance(first, FirstError) else failure
