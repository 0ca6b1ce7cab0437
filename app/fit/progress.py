"""How far a fitting is: a fraction in a file of the job's folder, written inside of the decoder and read outside of it."""

import math
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

FILE = "progress"
_LEAST_SECONDS_BETWEEN = 0.25
_LONGEST_BYTES = 32


class Progress:
    """Tells how far a job is, as 0..1, in ``out_dir / "progress"``: never backwards, at most four times a second.

    The file is replaced whole, so whoever reads it never sees a half-written number.
    """

    def __init__(self, out_dir: Path) -> None:
        self._path = out_dir / FILE
        self._told = -1.0
        self._told_at = -math.inf
        self.tell(0.0)

    def tell(self, fraction: float) -> None:
        """Write ``fraction`` if it is more than what was told, and the last time is long enough ago; the end always."""
        fraction = min(1.0, max(0.0, fraction))
        now = time.monotonic()
        is_early = now - self._told_at < _LEAST_SECONDS_BETWEEN and fraction < 1
        if fraction <= self._told or is_early:
            return
        self._told, self._told_at = fraction, now
        draft = self._path.with_suffix(".new")
        draft.write_text(f"{fraction:.3f}", encoding="ascii")
        draft.replace(self._path)

    def part(self, begin: float, end: float, seconds: float) -> Callable[[float], None]:
        """Make what a program is told with: its ``seconds`` of output are the way from ``begin`` to ``end``."""
        return lambda done: self.tell(begin + (end - begin) * min(1.0, done / seconds if seconds else 1.0))


def read_progress(out_dir: Path) -> float:
    """Read how far the job that writes into ``out_dir`` is: 0..1, 0 when it has not said.

    A decoder may have been taken over by what it decodes: no link is followed, nothing long is read.
    """
    with suppress(OSError, ValueError):
        file = os.open(out_dir / FILE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fraction = float(os.read(file, _LONGEST_BYTES))
        finally:
            os.close(file)
        return min(1.0, max(0.0, fraction)) if math.isfinite(fraction) else 0.0
    return 0.0
