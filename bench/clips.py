"""Videos to the universal profile, CPU of this process and of the programs that it starts, and the time on the wall.

LIMIT is one decode of the source. The peers are ffmpeg's own two passes (libx264 medium, Baseline, AAC 24 kb/s) at the same
bits: at the source's size and rate, and at 360 lines and half the rate. SSIM is that of every result against the source
at its own size and rate, scaled up and repeated where needed. Medians of three interleaved rounds; peers run once, and not for
the short clips, which are decoded for so little that encoding them is what counts.
"""

import re
import tempfile
from functools import partial
from pathlib import Path

from app.confine.programs import ffmpeg_path, run_ffmpeg, run_program
from app.fit import fit_media
from app.limits import budget_of, profile_named
from app.model.media import Choice, Facts, Fitted, Form
from app.probe import probe_media
from bench.footage import footage, short_footage
from bench.spent import Row, Spent, make_row, median_of, timed
from tests.media import clips

_BUDGET = budget_of(profile_named("universal"))
_ROUNDS = 3
_SSIM_LINE = re.compile(rb"\bY:([0-9.]+)")


def _peer(path: Path, facts: Facts, filters: str) -> Path:
    """Encode with ffmpeg's own two passes."""
    made = path.with_name("peer.mp4")
    bits = str(int(_BUDGET.max_bytes * 8 / facts.seconds - 26_000))
    source = [ffmpeg_path() or "ffmpeg", "-v", "error", "-y", "-i", str(path), "-vf", filters, "-c:v", "libx264"]
    codec = ["-profile:v", "baseline", "-pix_fmt", "yuv420p", "-b:v", bits, "-passlogfile", str(path.with_name("peer"))]
    run_program([*source, *codec, "-pass", "1", "-an", "-f", "null", "-"])
    run_program([*source, *codec, "-pass", "2", "-c:a", "aac", "-ac", "1", "-b:a", "24k", str(made)])
    return made


def _ssim_at_source(path: Path, facts: Facts, made: Path) -> float:
    """Compare with the source at its own size and rate: what is missing is scaled up and repeated."""
    fps = facts.frames / facts.seconds
    both = f"[1:v]scale={facts.width}:{facts.height}:flags=bicubic,fps={fps:.6g}[made];[0:v]fps={fps:.6g}[source];"
    command = [ffmpeg_path() or "ffmpeg", "-v", "error", "-i", str(path), "-i", str(made)]
    done = run_program([*command, "-lavfi", f"{both}[made][source]ssim=stats_file=-", "-f", "null", "-"])
    scores = [float(score) for score in _SSIM_LINE.findall(done.stdout)]
    return sum(scores) / len(scores)


def _measure(name: str, content: bytes, folder: Path, *, with_peers: bool) -> list[Row]:
    path = folder / "clip.mp4"
    path.write_bytes(content)
    facts = probe_media(path, max_pixels=200_000_000)
    limit, rows = _measure_ours(name, path, facts)
    return rows + (_measure_peers(name, path, facts, limit) if with_peers else [])


def _measure_ours(name: str, path: Path, facts: Facts) -> tuple[Spent, list[Row]]:
    """Time both settings and the LIMIT in turn; returns the LIMIT and what came out."""
    limits: list[Spent] = []
    costs: dict[bool, list[Spent]] = {True: [], False: []}
    fitted: dict[bool, Fitted] = {}
    for _ in range(_ROUNDS):
        limits.append(timed(partial(run_ffmpeg, path, "video/mp4", "-f", "null", "-"))[1])
        for fast in (True, False):
            fitted[fast], cost = timed(partial(fit_media, path, facts, _BUDGET, path.parent, fast=fast))
            costs[fast].append(cost)
    limit = median_of(limits)
    rows = [make_row(f"{name}: one decode", limit.cpu, "s CPU"), make_row(f"{name}: one decode, wall", limit.wall, "s")]
    for fast, setting in ((True, "fast"), (False, "best")):
        made, ratio = fitted[fast], median_of(costs[fast]).beside(limit)
        share, passes = made.bytes / _BUDGET.max_bytes, made.quality.encodes
        target = "2 at most" if fast else ""
        rows += [
            make_row(f"{name}, {setting}: bytes", share, "of the budget", "0.96 to 1", met=0.96 <= share <= 1),
            make_row(f"{name}, {setting}: CPU", ratio.cpu, "x one decode", target, met=not fast or ratio.cpu <= 2),
            make_row(f"{name}, {setting}: wall", ratio.wall, "x one decode"),
            make_row(f"{name}, {setting}: passes, the correction included", passes, "", "3 at most", met=passes <= 3),
            make_row(f"{name}, {setting}: longer side", max(made.width, made.height), "px"),
            make_row(f"{name}, {setting}: SSIM against the reduced original", made.quality.ssim or 0.0),
            make_row(f"{name}, {setting}: SSIM at the source's size and rate", _ssim_at_source(path, facts, made.path)),
        ]
    return limit, rows


def _measure_peers(name: str, path: Path, facts: Facts, limit: Spent) -> list[Row]:
    rows = []
    for peer, filters in (
        ("source size and rate", "null"),
        ("360 lines, half the rate", f"fps={facts.frames / facts.seconds / 2:.6g},scale=-2:360"),
    ):
        output, cost = timed(partial(_peer, path, facts, filters))
        share = output.stat().st_size / _BUDGET.max_bytes
        rows += [
            make_row(
                f"{name}, ffmpeg at {peer}: bytes",
                share,
                "of the budget; over 1 would not be sent" if share > 1 else "",
            ),
            make_row(f"{name}, ffmpeg at {peer}: CPU", cost.beside(limit).cpu, "x one decode"),
            make_row(f"{name}, ffmpeg at {peer}: wall", cost.beside(limit).wall, "x one decode"),
            make_row(
                f"{name}, ffmpeg at {peer}: SSIM at the source's size and rate", _ssim_at_source(path, facts, output)
            ),
        ]
    return rows


def _never_over(folder: Path) -> list[Row]:
    """Fit every clip that there is to many budgets: how often it is over, and how much of the room is used."""
    shares, passes, refused = [], [], 0
    sources = [*footage(), ("grain", clips.clip("clip.mp4", 4)), ("turned", clips.clip("clip.mp4", 2, rotated=True))]
    for name, content in sources:
        path = folder / f"{name}.mp4"
        path.write_bytes(content)
        facts = probe_media(path, max_pixels=200_000_000)
        for max_bytes in (40_000, 80_000, 150_000, 290_000, 590_000):
            for form in (Form.MP4, Form.THREE_GP):
                budget = type(_BUDGET)(max_bytes, 1920)
                try:
                    fitted = fit_media(path, facts, budget, folder, fast=True, choice=Choice(form))
                except Exception as error:  # noqa: BLE001 -- what is refused is counted, whatever the reason
                    refused += 1
                    print(name, form, max_bytes, error)
                    continue
                shares.append(fitted.bytes / max_bytes)
                passes.append(fitted.quality.encodes)
    return [
        make_row(
            f"{len(shares)} fittings, MP4 and 3GP: longest",
            max(shares),
            "of the budget",
            "1 at most",
            met=max(shares) <= 1,
        ),
        make_row(
            f"{len(shares)} fittings: passes or runs, the correction included",
            max(passes),
            "",
            "3 at most",
            met=max(passes) <= 3,
        ),
        make_row("refused as too long", refused),
    ]


def run() -> list[Row]:
    """Measure 20 s of 720p30 with grain, real footage, and that nothing is ever over."""
    if ffmpeg_path() is None:
        return [make_row("no ffmpeg here, not measured", 0)]
    grain = clips.coded(
        "grain.mp4", "-c:v", "libx264", "-b:v", "16M", "-c:a", "aac",
        seconds=20, source="testsrc2=s=1280x720:r=30:d={seconds},noise=alls=12:allf=t",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        long = [("720p30 with grain, 20 s", grain), *footage()]
        rows = [row for what, content in long for row in _measure(what, content, folder, with_peers=True)]
        rows += [row for what, content in short_footage() for row in _measure(what, content, folder, with_peers=False)]
        return rows + _never_over(folder)


if __name__ == "__main__":
    for row in run():
        print(row)
