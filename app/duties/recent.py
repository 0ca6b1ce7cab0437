"""The starts of the last second in this process: what was late must not be followed too closely by what is on time."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping

WINDOW_SECONDS = 1.013
"""Ours: a second, and most of what PACE_SHARE keeps in hand for the way to the other end, which is not always equally long:
after a stall, too, the next starts are no closer than the pace itself has them."""


class RecentStarts:
    """When the last requests started, for each rate; safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # Each start is a list of one figure: the planned moment until it has begun, the real one from then on.
        self._starts: defaultdict[str, deque[list[float]]] = defaultdict(deque)

    def wait(self, start: float, rates: Mapping[str, int]) -> list[float]:
        """Wait until ``start``, and until none of the rates is exceeded in any second by this process's own clock.

        Args:
            start: by ``time.monotonic()``.
            rates: how many starts a second each permits, by name.

        Returns:
            the moment of this start, alone in a list: whoever knows a later, truer one writes it there.
        """
        with self._lock:
            for name, per_second in rates.items():
                recent = self._starts[name]
                while len(recent) > per_second:
                    recent.popleft()
                if len(recent) == per_second:
                    start = max(start, recent.popleft()[0] + WINDOW_SECONDS)
            mine = [start]
            for name in rates:
                self._starts[name].append(mine)
        time.sleep(max(0.0, start - time.monotonic()))
        mine[0] = time.monotonic()
        return mine
