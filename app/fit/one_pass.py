"""Pictures and sound into an MP4 of a given length while the source is decoded: one pass of x264 that knows what comes.

It shares the bits out as a second pass would, by statistics that are foreseen, and leaves true ones behind: where it missed, they
make the correction a second pass indeed. Nothing is kept in between; the source is decoded anew for it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median

from app.confine.programs import run_ffmpeg
from app.fit.choice import Cut
from app.fit.foreseen import write_statistics
from app.fit.packets import read_packets
from app.fit.reduce import CLEAN, picture_filters, sound_options
from app.fit.two_pass import BITS_STEP, CODEC, FILE, Encoded, bits_for, is_enough, rate_of, ssim_of
from app.fit.video_effort import Effort
from app.fit.video_plan import VideoPlan
from app.model.media import Budget, Facts

_AIM, _CORRECTED_AIM = 0.978, 0.99  # of the budget; x264 stays a little below what it is asked for, once it knows all
_MORE_SOUND = 1.09  # ffmpeg's AAC took 8 to 11 % more than it was asked for, at 24 to 48 kb/s of a film
_PRESETS = {Effort.FINE: "medium", Effort.FAIR: "veryfast", Effort.LEAST: "superfast"}
# Looking ahead would only find out what is foreseen; the rate is held close, since the plan is known to be right.
_PARAMETERS = "mbtree=0:rc-lookahead=0:psy=0:ratetol=0.05:ssim=1"
_STATISTICS = "pictures.log"
_QUANTISER = re.compile(r"^in:[0-9]+ .*\bq:([0-9.]+)", re.MULTILINE)
_COUNTS = re.compile(r"^in:[0-9]+ .*\btex:([0-9]+) mv:([0-9]+) misc:([0-9]+)", re.MULTILINE)
_MOST_UNEVEN = 4.0  # quantisers: a beginning that is so much coarser than the rest is seen to be worse


@dataclass(frozen=True, slots=True)
class OneRun:
    """What one run made, and of how many pictures."""

    encoded: Encoded
    frames: int
    seconds: float


def encode_at_once(
    path: Path,
    facts: Facts,
    cut: Cut,
    plan: VideoPlan,
    budget: Budget,
    folder: Path,
    effort: Effort,
    *,
    part: Callable[[int], Callable[[float], None]],
) -> OneRun | None:
    """Decode and encode the piece of ``path`` that is wanted, and once more where it missed 96 to 100 % of the budget.

    The second run knows how many bits went elsewhere, and shares out what is left by what the first one learnt. None when it
    does not go through at once, whatever the reason: damaged sound, too few bits for x264, both runs missed.

    Args:
        path: the video; read, never changed.
        facts: what it is.
        cut: the piece.
        plan: what it becomes.
        budget: what it should fill to 96 % at least, and never exceed.
        folder: where the work lies.
        effort: one of those that take one pass.
        part: gives for a run (1, 2) what is told how far it is.
    """
    write_statistics(folder / f"{_STATISTICS}-0.log", read_packets(path, facts, cut), facts, plan)
    sound = plan.seconds * plan.sound.bytes_a_second * _MORE_SOUND
    bits = bits_for(plan, sound, round(plan.seconds * plan.fps), plan.seconds, budget, _AIM)
    first = _run(path, facts, cut, plan, bits, folder, effort, 1, part(1))
    if first is None or (is_enough(first.encoded, plan, budget) and _begins_well(folder, plan)):
        return first
    around = len(first.encoded.content) - _bytes_of_pictures(folder)
    bits = round((budget.max_bytes * _CORRECTED_AIM - around) * 8 / first.seconds / BITS_STEP) * BITS_STEP
    if plan.has_all_it_needs:
        bits = min(bits, first.encoded.bits)
    _true_statistics(folder).replace(folder / f"{_STATISTICS}-0.log")
    second = _run(path, facts, cut, plan, max(BITS_STEP, bits), folder, effort, 2, part(2))
    right = [each for each in (second, first) if each and is_enough(each.encoded, plan, budget)]
    return replace(right[0], encoded=replace(right[0].encoded, passes=2)) if right else None


def _run(
    path: Path,
    facts: Facts,
    cut: Cut,
    plan: VideoPlan,
    bits: int,
    folder: Path,
    effort: Effort,
    passes: int,
    on_seconds: Callable[[float], None],
) -> OneRun | None:
    made = folder / "made"
    sound = ("-map", "0:a:0", *sound_options(facts, plan)) if plan.sound.bits else ()
    piece = () if cut.whole else ("-t", f"{cut.seconds:.6f}")
    done = run_ffmpeg(
        path, facts.content_type, "-filter_complex", f"[0:V:0]{picture_filters(facts, cut, plan)}[coded]",
        "-map", "[coded]", *sound, *CLEAN, *CODEC, *rate_of(plan), "-preset", _PRESETS[effort],
        "-threads", "1", "-x264-params", _PARAMETERS,
        "-b:v", str(bits), "-pass", "3", "-passlogfile", f"{folder / _STATISTICS}", *piece, *FILE, f"file:{made}",
        opening=cut.opening_for_pictures, on_seconds=on_seconds, verbosity="info", threads=1,
    )  # fmt: skip
    frames = len(_quantisers(folder))
    if done.returncode or not frames:
        return None
    return OneRun(Encoded(made.read_bytes(), passes, bits, ssim_of(done.stderr)), frames, frames / plan.fps)


def _true_statistics(folder: Path) -> Path:
    """Find what x264 left behind: under its final name when there were as many pictures as foreseen."""
    log = folder / f"{_STATISTICS}-0.log"
    temporary = log.with_name(f"{log.name}.temp")
    return temporary if temporary.exists() else log


def _bytes_of_pictures(folder: Path) -> float:
    """Sum what the pictures came to, by x264's own count."""
    told = _true_statistics(folder).read_text(encoding="ascii", errors="replace")
    return sum(int(bits) for counts in _COUNTS.findall(told) for bits in counts) / 8


def _quantisers(folder: Path) -> list[float]:
    """Read which quantiser each picture took."""
    told = _true_statistics(folder).read_text(encoding="ascii", errors="replace")
    return [float(quantiser) for quantiser in _QUANTISER.findall(told)]


def _begins_well(folder: Path, plan: VideoPlan) -> bool:
    """Tell whether the first second is not much coarser than the rest: how hard it is, is foreseen least well there."""
    quantisers = _quantisers(folder)
    return fmean(quantisers[: max(1, round(plan.fps))]) <= median(quantisers) + _MOST_UNEVEN
