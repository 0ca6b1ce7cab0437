"""What a piece of work takes, and the lines that tell it."""

import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Result = TypeVar("Result")
Row = dict[str, Any]


def make_row(what: str, value: float, unit: str = "", target: str = "", *, met: bool = True) -> Row:
    """Make one line of the report."""
    return {"what": what, "value": round(value, 4), "unit": unit, "target": target, "met": met}


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of CPU and on the wall."""

    cpu: float
    wall: float

    def __sub__(self, before: "Spent") -> "Spent":
        """Tell what was spent since ``before``."""
        return Spent(self.cpu - before.cpu, self.wall - before.wall)

    def beside(self, other: "Spent") -> "Spent":
        """Tell how many times ``other`` it is."""
        return Spent(self.cpu / other.cpu, self.wall / other.wall)


def spent(*, programs: bool = True) -> Spent:
    """Tell what this process spent so far, with or without the programs that it started and that have ended."""
    used = [resource.getrusage(resource.RUSAGE_SELF)]
    used += [resource.getrusage(resource.RUSAGE_CHILDREN)] if programs else []
    return Spent(sum(each.ru_utime + each.ru_stime for each in used), time.monotonic())


def timed(work: Callable[[], Result]) -> tuple[Result, Spent]:
    """Do something and tell what it took."""
    before = spent()
    result = work()
    return result, spent() - before


def median_of(times: Sequence[Spent]) -> Spent:
    """Tell the median of each on its own."""
    return Spent(statistics.median(each.cpu for each in times), statistics.median(each.wall for each in times))


def mean_of(times: Sequence[Spent]) -> Spent:
    """Tell the mean of each on its own."""
    return Spent(statistics.fmean(each.cpu for each in times), statistics.fmean(each.wall for each in times))
