"""Memory of fitting 12 MP photographs: one at a time, and ten at once through a pool of ten processes.

One: the most that the confined process had, above what it had before its first picture. Ten: the sum of what the fork server and
its ten children take, pages that they share counted once (PSS), looked at every few milliseconds while they fit all photographs.
"""

import resource
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from app.confine import DecoderPool
from app.fit import fit_media
from app.fit.media import DECODERS as FITTING
from app.limits import budget_of, profile_named
from app.model.media import Budget, Facts
from app.probe import probe_media
from app.probe.media import DECODERS as PROBING
from bench.photos import photographs
from bench.spent import Row, make_row

_AT_ONCE = 10
_LOOK_SECONDS = 0.005
_MOST_OF_ONE = 45.0  # MB of 1,000,000 bytes
_MOST_OF_TEN = 500.0
_KIB_OF_MB = 1_000_000 / 1024


def memory_kib() -> int:
    """Tell the most memory that this process ever had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def fit_and_tell(path: Path, facts: Facts, budget: Budget, out_dir: Path, *, fast: bool) -> int:
    """Fit inside the pool; returns ``memory_kib``."""
    fit_media(path, facts, budget, out_dir, fast=fast)
    return memory_kib()


def _pool(processes: int) -> DecoderPool:
    preload = [*PROBING, *FITTING, "bench.still_memory"]
    return DecoderPool(processes, seconds=120, memory_bytes=2_000_000_000, preload=preload)


def _one(paths: list[Path], folder: Path, profile: str, *, fast: bool) -> float:
    """Tell the most MB above idle, over all photographs, each in a process of its own."""
    budget = budget_of(profile_named(profile))
    most = 0.0
    for path in paths:
        pool = _pool(1)
        try:
            idle = pool.run(memory_kib)
            facts = pool.run(probe_media, path, max_pixels=200_000_000)
            most = max(most, (pool.run(fit_and_tell, path, facts, budget, folder, fast=fast) - idle) / _KIB_OF_MB)
        finally:
            pool.close()
    return most


def _children_of(pid: int) -> list[int]:
    return [int(each) for task in Path(f"/proc/{pid}/task").glob("*/children") for each in task.read_text().split()]


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / _KIB_OF_MB


class _Watch(threading.Thread):
    """Looks at the memory of a fork server and its children until it is stopped."""

    def __init__(self, nursery: int) -> None:
        super().__init__()
        self.most = 0.0
        self._nursery = nursery
        self._stop_now = threading.Event()

    def run(self) -> None:
        while not self._stop_now.wait(_LOOK_SECONDS):
            processes = [self._nursery, *_children_of(self._nursery)]
            self.most = max(self.most, sum(map(_pss_mb, processes)))

    def stop(self) -> None:
        self._stop_now.set()
        self.join()


def _ten(paths: list[Path], folder: Path, profile: str, *, fast: bool) -> float:
    """Tell the most MB of ten at once."""
    budget = budget_of(profile_named(profile))
    pool = _pool(_AT_ONCE)
    before = set(_children_of(_own_pid()))
    try:
        facts = {path: pool.run(probe_media, path, max_pixels=200_000_000) for path in paths}
        (nursery,) = set(_children_of(_own_pid())) - before
        watch = _Watch(nursery)
        watch.start()
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            jobs = [
                threads.submit(pool.run, fit_and_tell, path, facts[path], budget, folder, fast=fast)
                for _ in range(_AT_ONCE)
                for path in paths
            ]
            for job in jobs:
                job.result()
        watch.stop()
        return watch.most
    finally:
        pool.close()


def _own_pid() -> int:
    return int(Path("/proc/self").readlink().name)


def run() -> list[Row]:
    """Measure both profiles and both settings."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = []
        for title, data in photographs():
            paths.append(folder / f"{title}.jpg")
            paths[-1].write_bytes(data)
        for profile in ("universal", "xlarge"):
            for fast in (False, True):
                label = f"{profile}, {'fast' if fast else 'best'}"
                one, ten = _one(paths, folder, profile, fast=fast), _ten(paths, folder, profile, fast=fast)
                most, under = f"{_MOST_OF_ONE:.0f} at most", f"under {_MOST_OF_TEN:.0f}"
                rows += [
                    make_row(f"{label}: one, above idle", round(one, 1), "MB", most, met=one <= _MOST_OF_ONE),
                    make_row(f"{label}: ten at once, all of them", round(ten, 1), "MB", under, met=ten < _MOST_OF_TEN),
                ]
    return rows
