"""
How much in the last seconds? Counts over a window that slides.
"""

from __future__ import annotations

# The window moves in steps of this part of its length. A tumbling window would forget everything
# at once and could miss a burst that straddles its edge.
_STEPS = 32


class Window:
    """
    Good and bad events of the last C{length} seconds, exact to 1/32 of it, in constant memory.

    @ivar good: good events in the window, as of the last call.
    @ivar bad: bad events in the window, as of the last call.
    """

    __slots__ = ("_bads", "_goods", "_now", "_step", "bad", "good")

    def __init__(self, length: float) -> None:
        """
        @param length: seconds.
        """
        if length <= 0:
            raise ValueError(f"a window of {length} s; wanted more than 0")
        self._step = length / _STEPS
        self._now = 0
        self.clear()

    def clear(self) -> None:
        """
        Nothing has happened.
        """
        self._goods = [0] * _STEPS
        self._bads = [0] * _STEPS
        self.good = 0
        self.bad = 0

    def addGood(self, now: float) -> None:
        """
        A good event at C{now}, in seconds.
        """
        step = int(now / self._step)
        if step != self._now:
            self._slide(step)
        self._goods[step % _STEPS] += 1
        self.good += 1

    def addBad(self, now: float) -> None:
        """
        A bad event at C{now}, in seconds.
        """
        step = int(now / self._step)
        if step != self._now:
            self._slide(step)
        self._bads[step % _STEPS] += 1
        self.bad += 1

    def slideTo(self, now: float) -> None:
        """
        Forget what is too old at C{now}, in seconds.
        """
        step = int(now / self._step)
        if step != self._now:
            self._slide(step)

    def _slide(self, step: int) -> None:
        if not 0 < step - self._now < _STEPS:
            # Everything is too old. (Or the clock went back: then nothing can be known.)
            self.clear()
        else:
            for old in range(self._now + 1, step + 1):
                place = old % _STEPS
                self.good -= self._goods[place]
                self.bad -= self._bads[place]
                self._goods[place] = self._bads[place] = 0
        self._now = step
