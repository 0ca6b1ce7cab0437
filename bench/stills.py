"""12 MP photographs to the universal and the xlarge profile, through the confined pool, CPU of the confined process.

LIMIT is one half-scale libjpeg-turbo decode and one baseline encode in the same run; the peer is Pillow's ``thumbnail`` with a
search of whole qualities from 1 to 95. SSIM is on luma against a full decode reduced by LANCZOS.
"""

import io
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageOps

from app.confine import DecoderPool
from app.fit import fit_media
from app.fit.media import DECODERS as FITTING
from app.fit.ssim import luma_ssim
from app.limits import budget_of, profile_named
from app.model.media import Budget, Facts, Fitted
from app.probe import probe_media
from app.probe.media import DECODERS as PROBING
from bench.photos import photographs

Row = dict[str, Any]
_ROUNDS = 3


def cpu_seconds() -> float:
    """Tell the CPU time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def fit_and_count(path: Path, facts: Facts, budget: Budget, out_dir: Path, *, fast: bool) -> tuple[Fitted, float, int]:
    """Fit inside the pool; returns the result, CPU seconds, and the most memory so far in KiB."""
    before = cpu_seconds()
    fitted = fit_media(path, facts, budget, out_dir, fast=fast)
    return fitted, cpu_seconds() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory_kib() -> int:
    """Tell the most memory that this process ever had, in KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def limit_seconds(data: bytes, size: tuple[int, int]) -> float:
    """Time the LIMIT."""
    before = cpu_seconds()
    half = simplejpeg.decode_jpeg(data, "RGB", min_width=size[0], min_height=size[1], min_factor=2)
    simplejpeg.encode_jpeg(np.ascontiguousarray(half[: size[1], : size[0]]), 75, "RGB", "420")
    return cpu_seconds() - before


def pillow_search(data: bytes, budget: Budget) -> tuple[bytes, float]:
    """Fit as most programs do: thumbnail, then halve the interval of qualities."""
    before = cpu_seconds()
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    image.thumbnail((budget.side_pixels, budget.side_pixels))
    low, high, best = 1, 96, b""
    while high - low > 1:
        quality = (low + high) // 2
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if len(buffer.getvalue()) <= budget.max_bytes:
            low, best = quality, buffer.getvalue()
        else:
            high = quality
    return best, cpu_seconds() - before


def reference(data: bytes, side: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Decode all of it and reduce it the slow way."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    factor = side / max(image.size)
    return np.asarray(
        image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.LANCZOS)
    )


def judge(content: bytes, wanted: np.ndarray[Any, np.dtype[np.uint8]]) -> float:
    """Compare luma; a result of fewer pixels is enlarged first."""
    got = simplejpeg.decode_jpeg(content, "GRAY")[..., 0]
    if got.shape != wanted.shape[:2]:
        got = np.asarray(cv2.resize(got, wanted.shape[1::-1], interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    return luma_ssim(wanted, got)


def _row(what: str, value: float, unit: str = "", target: str = "", *, met: bool = True) -> Row:
    return {"what": what, "value": round(value, 4), "unit": unit, "target": target, "met": met}


def _measure(pool: DecoderPool, folder: Path, profile: str) -> list[Row]:
    budget = budget_of(profile_named(profile))
    ratios: dict[bool, list[float]] = {True: [], False: []}
    shares: dict[bool, list[float]] = {True: [], False: []}
    ssims: dict[str, list[float]] = {"True": [], "False": [], "Pillow": []}
    encodes: dict[bool, list[int]] = {True: [], False: []}
    peers: list[float] = []
    for name, data in photographs():
        path = folder / f"{name}.jpg"
        path.write_bytes(data)
        facts = pool.run(probe_media, path, max_pixels=200_000_000)
        limit = statistics.median(limit_seconds(data, (1920, 1440)) for _ in range(_ROUNDS))
        wanted = reference(data, budget.side_pixels)
        for fast in (True, False):
            runs = [pool.run(fit_and_count, path, facts, budget, folder, fast=fast) for _ in range(_ROUNDS)]
            fitted = runs[0][0]
            ratios[fast].append(statistics.median(seconds for _, seconds, _ in runs) / limit)
            shares[fast].append(fitted.bytes / budget.max_bytes)
            encodes[fast].append(fitted.quality.encodes)
            ssims[str(fast)].append(judge(fitted.path.read_bytes(), wanted))
        content, seconds = pillow_search(data, budget)
        peers.append(seconds / limit)
        ssims["Pillow"].append(judge(content, wanted))
    rows = []
    for fast, label, most in ((False, "best", 2.2), (True, "fast", 1.5)):
        ratio = statistics.mean(ratios[fast])
        landed = sum(share >= 0.96 for share in shares[fast])
        rows += [
            _row(f"{profile}, {label}: CPU", ratio, "x LIMIT", f"{most} at most", met=ratio <= most),
            _row(f"{profile}, {label}: most encodes", max(encodes[fast]), "", "3 at most", met=max(encodes[fast]) <= 3),
            _row(f"{profile}, {label}: mean encodes", statistics.mean(encodes[fast])),
            _row(f"{profile}, {label}: bytes, least share of the budget", min(shares[fast])),
            _row(
                f"{profile}, {label}: pictures at 96 to 100 % of the budget",
                landed,
                f"of {len(shares[fast])}",
            ),
            _row(f"{profile}, {label}: SSIM mean", statistics.mean(ssims[str(fast)])),
            _row(f"{profile}, {label}: SSIM worst", min(ssims[str(fast)])),
        ]
    return [
        *rows,
        _row(f"{profile}, Pillow thumbnail and search (peer): CPU", statistics.mean(peers), "x LIMIT"),
        _row(f"{profile}, Pillow thumbnail and search (peer): SSIM mean", statistics.mean(ssims["Pillow"])),
    ]


def _memory(folder: Path) -> Row:
    """Measure one process that does one picture of each kind, beside what it has before the first."""
    name, data = photographs()[0]
    path = folder / f"{name}.jpg"
    path.write_bytes(data)
    pool = DecoderPool(1, seconds=120, memory_bytes=2_000_000_000, preload=[*PROBING, *FITTING, "bench.stills"])
    try:
        idle = pool.run(memory_kib)
        facts = pool.run(probe_media, path, max_pixels=200_000_000)
        after = pool.run(fit_and_count, path, facts, budget_of(profile_named("universal")), folder, fast=False)[2]
    finally:
        pool.close()
    above = (after - idle) / 1024
    return _row("memory of one fit above idle", above, "MiB", "45 at most", met=above <= 45)


def run() -> list[Row]:
    """Measure both profiles, and memory."""
    with tempfile.TemporaryDirectory() as name:
        pool = DecoderPool(1, seconds=120, memory_bytes=2_000_000_000, preload=[*PROBING, *FITTING, "bench.stills"])
        try:
            rows = [row for profile in ("universal", "xlarge") for row in _measure(pool, Path(name), profile)]
        finally:
            pool.close()
        began = time.process_time()
        return [
            *rows,
            _memory(Path(name)),
            _row("CPU of the pool's own process for all of it", time.process_time() - began, "s"),
        ]


if __name__ == "__main__":
    for row in run():
        print(row)
