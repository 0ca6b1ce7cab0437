"""Work for later: a clock thread and some workers, so that no request waits for a fetch or a report."""

import heapq
import itertools
import queue
import threading
import time
from collections.abc import Callable

Work = Callable[[], None]


class Later:
    """Does things after a while, on ``workers`` daemon threads; holds at most ``limit`` of them, and counts what it drops."""

    def __init__(self, workers: int, limit: int = 50_000) -> None:
        self.dropped = 0
        self._limit = limit
        self._order = itertools.count()
        self._due: list[tuple[float, int, Work]] = []
        self._wake = threading.Condition()
        self._ready: queue.SimpleQueue[Work] = queue.SimpleQueue()
        for target in (self._keep_time, *[self._work] * workers):
            threading.Thread(target=target, daemon=True, name="sandbox-later").start()

    def after(self, seconds: float, work: Work) -> None:
        """Do ``work`` once, ``seconds`` from now or soon after; what it raises ends up in the thread's excepthook."""
        with self._wake:
            if len(self._due) + self._ready.qsize() >= self._limit:
                self.dropped += 1
                return
            heapq.heappush(self._due, (time.monotonic() + seconds, next(self._order), work))
            self._wake.notify()

    def clear(self) -> None:
        """Forget what is not due yet."""
        with self._wake:
            self._due.clear()

    def _keep_time(self) -> None:
        while True:
            with self._wake:
                while not self._due:
                    self._wake.wait()
                left = self._due[0][0] - time.monotonic()
                if left > 0:
                    self._wake.wait(left)
                    continue
                work = heapq.heappop(self._due)[2]
            self._ready.put(work)

    def _work(self) -> None:
        while True:
            self._ready.get()()
