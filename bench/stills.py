"""12 MP photographs to the universal and the xlarge profile, through the confined pool, CPU of the confined process.

LIMIT is one half-scale libjpeg-turbo decode and one baseline encode, timed in turn with ours. Peers in the same run: Pillow's
``thumbnail`` with a search of whole qualities, and sharp with the same search, by itself and with mozjpeg (progressive, trellis;
also without progressive, as ours must be).
SSIM is on luma (Gaussian window), S2 is SSIMULACRA2, both against a full decode reduced by LANCZOS. A picture needs the room
when more than its bytes would be seen: below the highest quality of the encoder.
"""

import statistics
import tempfile
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import simplejpeg

from app.confine import DecoderPool
from app.fit import fit_media
from app.fit.codecs import BEST, FAST
from app.fit.media import DECODERS as FITTING
from app.limits import budget_of, profile_named
from app.model.media import Budget, Facts, Fitted
from app.probe import probe_media
from app.probe.media import DECODERS as PROBING
from bench import judges
from bench.photos import photographs
from bench.spent import Row, Spent, make_row, mean_of, median_of, spent, timed
from bench.still_peers import pillow_search, prepare_sharp, sharp_search

_ROUNDS = 5
_MOST_CPU = {"best": 2.2, "fast": 1.5}
_MOST_QUALITY = {codec.name: round(codec.most_quality) for codec in (BEST, FAST)}
_ENOUGH = 0.96
_LEAST_S2 = 77.0


@dataclass(slots=True)
class Measured:
    """What one way of fitting came to, picture by picture."""

    took: list[Spent] = field(default_factory=list)  # times LIMIT
    contents: list[bytes] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    encodes: list[int] = field(default_factory=list)
    shares: list[float] = field(default_factory=list)
    needed: list[bool] = field(default_factory=list)
    s2: list[float] = field(default_factory=list)


def fit_and_count(path: Path, facts: Facts, budget: Budget, out_dir: Path, *, fast: bool) -> tuple[Fitted, float]:
    """Fit inside the pool; returns the result and CPU seconds."""
    before = spent(programs=False)
    fitted = fit_media(path, facts, budget, out_dir, fast=fast)
    return fitted, (spent(programs=False) - before).cpu


def do_the_limit(data: bytes, size: tuple[int, int]) -> None:
    """Decode at half scale and encode once."""
    half = simplejpeg.decode_jpeg(data, "RGB", min_width=size[0], min_height=size[1], min_factor=2)
    simplejpeg.encode_jpeg(np.ascontiguousarray(half[: size[1], : size[0]]), 75, "RGB", "420")


def _measure_ours(pool: DecoderPool, path: Path, data: bytes, budget: Budget, found: dict[str, Measured]) -> Spent:
    """Time both settings and the LIMIT in turn; returns the LIMIT. The wall is seen from outside of the pool."""
    facts = pool.run(probe_media, path, max_pixels=200_000_000)
    limits: list[Spent] = []
    took: dict[str, list[Spent]] = {"best": [], "fast": []}
    for turn in range(_ROUNDS):
        limits.append(timed(lambda: do_the_limit(data, (1920, 1440)))[1])
        for label, times in took.items():
            before = spent()
            fitted, cpu = pool.run(fit_and_count, path, facts, budget, path.parent, fast=label == "fast")
            times.append(Spent(cpu, (spent() - before).wall))
            if turn == 0:
                found[label].contents.append(fitted.path.read_bytes())
                found[label].encodes.append(fitted.quality.encodes)
                found[label].shares.append(fitted.bytes / budget.max_bytes)
                most = _MOST_QUALITY[fitted.quality.encoder]
                found[label].needed.append(fitted.quality.encoder_quality < most)
    limit = median_of(limits)
    for label, times in took.items():
        found[label].took.append(median_of(times).beside(limit))
    return limit


def measure(pool: DecoderPool, folder: Path, budget: Budget) -> dict[str, Measured]:
    """Fit every photograph in every way."""
    peers = {"sharp": "default", "sharp mozjpeg": "mozjpeg", "sharp mozjpeg, baseline": "mozjpeg-baseline"}
    missing = prepare_sharp()
    if missing:
        print(missing)
        peers.clear()
    found = {label: Measured() for label in ("best", "fast", "Pillow", *peers)}
    for name, data in photographs():
        path = folder / f"{name}.jpg"
        path.write_bytes(data)
        limit = _measure_ours(pool, path, data, budget, found)
        made = {"Pillow": timed(partial(pillow_search, data, budget))}
        made |= {label: sharp_search(data, budget, encoder) for label, encoder in peers.items()}
        for label, (content, took) in made.items():
            found[label].contents.append(content)
            found[label].took.append(took.beside(limit))
        wanted = judges.reference(data, budget.side_pixels)
        for way in found.values():
            way.ssim.append(judges.luma_ssim(wanted, way.contents[-1]))
    judged = [found[label] for label in ("best", *peers) if label != "sharp"]
    originals = [data for _, data in photographs()]
    jobs = [
        (data, budget.side_pixels, each) for way in judged for data, each in zip(originals, way.contents, strict=True)
    ]
    scores = iter(judges.all_ssimulacra2(jobs))
    for way in judged:
        way.s2 = [next(scores) for _ in originals]
    return found


def _rows_of_ours(profile: str, label: str, way: Measured) -> list[Row]:
    took, most = mean_of(way.took), _MOST_CPU[label]
    landed = [share >= _ENOUGH for share, needed in zip(way.shares, way.needed, strict=True) if needed]
    return [
        make_row(f"{profile}, {label}: CPU", took.cpu, "x LIMIT", f"{most} at most", met=took.cpu <= most),
        make_row(f"{profile}, {label}: wall, through the pool", took.wall, "x LIMIT"),
        make_row(f"{profile}, {label}: CPU, the slowest picture", max(each.cpu for each in way.took), "x LIMIT"),
        make_row(f"{profile}, {label}: most encodes", max(way.encodes), "", "3 at most", met=max(way.encodes) <= 3),
        make_row(f"{profile}, {label}: mean encodes", statistics.mean(way.encodes)),
        make_row(f"{profile}, {label}: pictures at 96 to 100 % of the budget", sum(landed),
             f"of {len(landed)} that need the room", "all of them", met=all(landed)),
        make_row(f"{profile}, {label}: bytes, mean share of the budget", statistics.mean(way.shares)),
        make_row(f"{profile}, {label}: most bytes, share of the budget", max(way.shares), "", "1 at most",
             met=max(way.shares) <= 1),
    ]  # fmt: skip


def _rows_of_quality(profile: str, found: dict[str, Measured]) -> list[Row]:
    rows = [make_row(f"{profile}, {label}: SSIM mean", statistics.mean(way.ssim)) for label, way in found.items()]
    rows += [make_row(f"{profile}, {label}: SSIM worst", min(way.ssim)) for label, way in found.items()]
    for label, way in found.items():
        if label not in _MOST_CPU:
            took = mean_of(way.took)
            rows.append(make_row(f"{profile}, {label} (peer): CPU", took.cpu, "x LIMIT"))
            rows.append(make_row(f"{profile}, {label} (peer): wall", took.wall, "x LIMIT"))
    for label, way in found.items():
        if way.s2:
            s2, has_aim = statistics.mean(way.s2), label == "best"
            target = f"{_LEAST_S2} at least" if has_aim else ""
            rows.append(make_row(f"{profile}, {label}: S2 mean", s2, "", target, met=not has_aim or s2 >= _LEAST_S2))
    if "sharp" not in found:
        return rows
    for label, most in (("fast", 0.004), ("best", 0.008)):
        below = statistics.mean(found["sharp"].ssim) - statistics.mean(found[label].ssim)
        rows.append(
            make_row(f"{profile}, {label}: SSIM below sharp's default", below, "", f"{most} at most", met=below <= most)
        )
    best = statistics.mean(found["best"].s2)
    lost = statistics.mean(found["sharp mozjpeg"].s2) - best
    rows.append(make_row(f"{profile}, best: S2 below sharp's mozjpeg search", lost, "", "0.3 at most", met=lost <= 0.3))
    # On equal ground, as handsets need it; what the progressive scans alone are worth is the difference of the two rows.
    lost = statistics.mean(found["sharp mozjpeg, baseline"].s2) - best
    rows.append(make_row(f"{profile}, best: S2 below sharp's mozjpeg search without progressive scans", lost))
    return rows


def _print_pictures(profile: str, found: dict[str, Measured]) -> None:
    for index, (name, _) in enumerate(photographs()):
        for label, way in found.items():
            told = [f"{way.took[index].cpu:.2f} x LIMIT", f"SSIM {way.ssim[index]:.4f}"]
            told += [f"S2 {way.s2[index]:.2f}"] if way.s2 else []
            told += [f"{way.shares[index]:.3f} of the budget, {way.encodes[index]} encodes"] if way.shares else []
            print(f"{profile:10} {name:16} {label:14} {', '.join(told)}")


def run() -> list[Row]:
    """Measure both profiles."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        pool = DecoderPool(1, seconds=120, memory_bytes=2_000_000_000, preload=[*PROBING, *FITTING, "bench.stills"])
        try:
            for profile in ("universal", "xlarge"):
                found = measure(pool, Path(name), budget_of(profile_named(profile)))
                _print_pictures(profile, found)
                for label in _MOST_CPU:
                    rows += _rows_of_ours(profile, label, found[label])
                rows += _rows_of_quality(profile, found)
        finally:
            pool.close()
    return rows
