"""
Is it warm yet? A backend that returns, or is new, takes its share of the work little by little.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from lbproxy.pool.backend import Backend

# Steps between cold and warm: each one means new tables for the balancers.
_STEPS = 20

# Where it begins; with less it would see nothing and not warm up at all.
_LEAST = 0.1


class SlowStart:
    """
    Shares grow in a line from a tenth to the whole within C{window} seconds.

    Only after a failure that was seen, or for a backend that was added to a running pool: a start
    of lbproxy itself warms up nothing, as then all would be cold alike.
    """

    def __init__(self, window: float, seconds: Callable[[], float]) -> None:
        if window <= 0:
            raise ValueError(f"a slow start of {window} s; wanted more than 0")
        self._window = window
        self._seconds = seconds
        self._began: dict[Backend, float] = {}
        self.due = inf

    def begin(self, backend: Backend) -> None:
        """
        C{backend} is cold now.
        """
        self._began[backend] = self._seconds()
        self._schedule()

    def forget(self, backend: Backend) -> None:
        """
        C{backend} is out, for whatever reason.
        """
        self._began.pop(backend, None)
        self._schedule()

    def factor(self, backend: Backend) -> float:
        """
        Which part of its share C{backend} has by now, from 0.1 to 1.
        """
        began = self._began.get(backend)
        if began is None:
            return 1.0
        # The small addition keeps a clock's rounding from costing a whole step.
        step = int((self._seconds() - began) / self._window * _STEPS + 1e-6)
        return max(_LEAST, min(1.0, step / _STEPS))

    def advance(self) -> bool:
        """
        Let time pass.

        @return: whether a factor is another now.
        """
        if self.due > self._seconds():
            return False
        for backend in [b for b in self._began if self.factor(b) >= 1]:
            del self._began[backend]
        self._schedule()
        return True

    def _schedule(self) -> None:
        self.due = self._seconds() + self._window / _STEPS if self._began else inf
