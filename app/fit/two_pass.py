"""Pictures and sound into an MP4 of a given length: two passes of x264, and the second once more where it missed.

The first pass works while the video is decoded. At the least effort it makes a file, too, and that is all where it has the
right length and looks the same from beginning to end.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

from app.confine.programs import FILES_ONLY, run_ffmpeg_on_own
from app.fit.reduce import CLEAN, Reduced
from app.fit.video_effort import Effort
from app.fit.video_plan import AIM, VideoPlan
from app.model.media import Budget

_ENOUGH = 0.96
_CORRECTED_AIM = 0.978
_BITS_STEP = 1_000  # x264 counts in thousands of bits a second
_BYTES_OF_BOXES = 1_200
_BYTES_A_FRAME_IN_BOXES = 6
_COLORS = ("-color_range", "tv", "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m")
# At these few bits, pictures that keep what the eye thinks to be sharp (psy) are farther from the original by any measure.
# superfast looks ahead as veryfast does: without that it loses twice as much. A single pass may stray less from its rate.
_PRESETS = {
    Effort.BEST: ("-preset", "slow", "-psy", "0", "-threads", "2"),
    Effort.QUICK: ("-preset", "veryfast", "-threads", "1"),
    Effort.SPARING: ("-preset", "superfast", "-threads", "1"),
    Effort.SINGLE: ("-preset", "superfast", "-threads", "1", "-fastfirstpass", "0"),
}  # a fixed number of threads: what x264 makes depends on it
_PARAMETERS = {
    Effort.BEST: "",
    Effort.QUICK: "",
    Effort.SPARING: "mbtree=1:rc-lookahead=10:",
    Effort.SINGLE: "mbtree=1:rc-lookahead=10:ratetol=0.3:",
}
_CODEC = ("-c:v", "libx264", "-profile:v", "baseline", "-level", "3.1", "-pix_fmt", "yuv420p", *_COLORS)
_FILE = ("-c:a", "copy", "-movflags", "+faststart", "-f", "mp4")
_SSIM_LINE = re.compile(rb"\bY:([0-9.]+)")
_SSIM_OF_X264 = re.compile(rb"SSIM Mean Y:([0-9.]+)")
_QUANTISER = re.compile(r"\bin:([0-9]+) .*\bq:([0-9.]+)")
_MOST_UNEVEN = 3.0  # quantisers: a second that is so much coarser than the others is seen to be worse


@dataclass(frozen=True, slots=True)
class Encoded:
    """The best file that came out, how many passes it took, the bits a second of its pictures, and their SSIM if known."""

    content: bytes
    passes: int
    bits: int
    ssim: float | None = None


def first_pass(plan: VideoPlan, sound: Path | None, budget: Budget, folder: Path, effort: Effort) -> tuple[str, ...]:
    """Name the options of the first pass, over pictures called ``[coded]``, while they are decoded into ``folder``."""
    bits = _bits_for(plan, sound, round(plan.seconds * plan.fps), plan.seconds, budget)
    maps = ("-map", "[coded]", *CLEAN)
    if effort is not Effort.SINGLE:
        return (*maps, *_encoder(bits, 1, folder, effort), "-f", "null", "-")
    with_sound = (*FILES_ONLY, "-f", "mov", "-i", f"file:{sound}", *maps, "-map", "1:a") if sound else maps
    return (*with_sound, *_encoder(bits, 1, folder, effort), *_FILE, f"file:{folder / 'made'}")


def encode_second_pass(
    reduced: Reduced, plan: VideoPlan, budget: Budget, effort: Effort, *, part: Callable[[int], Callable[[float], None]]
) -> Encoded:
    """Encode to the budget, now that the first pass is done.

    What comes out may still be too long, when even the correction missed; it is empty when x264 finds the bits too few to
    begin with.

    Args:
        reduced: pictures and sound, as they will be.
        plan: where the bits come from.
        budget: what it should fill to 96 % at least, and never exceed.
        effort: as in the first pass.
        part: gives for a pass (2, 3) what is told how far it is.
    """
    bits = _bits_for(plan, reduced.sound, reduced.frames, reduced.seconds, budget)
    if effort is Effort.SINGLE:
        only = Encoded(reduced.pictures.with_name("made").read_bytes(), 1, bits, _ssim_of(reduced.said))
        if _is_enough(only, plan, budget) and _is_even(reduced):
            return only
    first = _run(reduced, bits, effort, 2, part(2))
    if not first.content or _is_enough(first, plan, budget):
        return first
    fits = len(first.content) <= budget.max_bytes
    bits = _corrected(first, reduced, budget.max_bytes * _CORRECTED_AIM)
    if fits and bits <= first.bits:
        return first
    second = _run(reduced, bits, effort, 3, part(3))
    fitting = [each for each in (first, second) if 0 < len(each.content) <= budget.max_bytes]
    best = max(fitting or (first, second), key=lambda each: len(each.content))
    return Encoded(best.content, 3, best.bits, best.ssim)


def _is_enough(encoded: Encoded, plan: VideoPlan, budget: Budget) -> bool:
    """Tell whether it fits, and fills the room as far as it needs it."""
    has_all = plan.has_all_it_needs and encoded.bits >= plan.bits - _BITS_STEP
    return len(encoded.content) <= budget.max_bytes and (has_all or len(encoded.content) >= _ENOUGH * budget.max_bytes)


def _is_even(reduced: Reduced) -> bool:
    """Tell whether no second is much coarser than the usual one: a single pass has to guess how to begin."""
    log = reduced.pictures.with_name(f"{reduced.pictures.name}.log-0.log").read_text(encoding="ascii", errors="replace")
    shown = sorted((int(number), float(quantiser)) for number, quantiser in _QUANTISER.findall(log))
    quantisers = [quantiser for _, quantiser in shown]
    second = max(1, round(reduced.fps))
    usual = median(quantisers) if quantisers else 0.0
    means = (fmean(quantisers[at : at + second]) for at in range(0, len(quantisers), second))
    return all(mean <= usual + _MOST_UNEVEN for mean in means)


def _corrected(first: Encoded, reduced: Reduced, wanted_bytes: float) -> int:
    """Work out the bits for another second pass from what the first one gave; a miss of the codec is a miss again."""
    around = bytes_around(reduced.sound, reduced.frames)
    ratio = max(0.05, (wanted_bytes - around) / max(1.0, len(first.content) - around))
    bits = first.bits * ratio
    steps = int(bits / _BITS_STEP) if ratio < 1 else round(bits / _BITS_STEP)
    return max(_BITS_STEP, steps * _BITS_STEP)


def bytes_around(sound: Path | None, frames: int) -> float:
    """Estimate the bytes that are not pictures: sound as it is, index."""
    return (sound.stat().st_size if sound else 0) + _BYTES_OF_BOXES + _BYTES_A_FRAME_IN_BOXES * frames


def _bits_for(plan: VideoPlan, sound: Path | None, frames: int, seconds: float, budget: Budget) -> int:
    """Work out the bits anew, now that more is known than when it was planned; never more than the plan's most."""
    bits = (budget.max_bytes * AIM - bytes_around(sound, frames)) * 8 / seconds
    if plan.has_all_it_needs:
        bits = min(bits, plan.bits)
    return max(_BITS_STEP, round(bits / _BITS_STEP) * _BITS_STEP)


def _encoder(bits: int, number: int, folder: Path, effort: Effort) -> tuple[str, ...]:
    """Name the options of one pass; the one that may be the last measures what it loses."""
    parameters = _PARAMETERS[effort] + ("ssim=1" if number > 1 or effort is Effort.SINGLE else "ssim=0")
    log = ("-passlogfile", f"{folder / 'pictures.yuv.log'}", "-pass", str(number))
    return (*_CODEC, *_PRESETS[effort], "-x264-params", parameters, "-b:v", str(bits), *log)


def _run(reduced: Reduced, bits: int, effort: Effort, passes: int, on_seconds: Callable[[float], None]) -> Encoded:
    """Run the second pass; it gives nothing where x264 refuses bits that do not even pay for the headers."""
    made = reduced.pictures.with_name("made")
    maps = [option for index in range(len(reduced.inputs)) for option in ("-map", str(index))]
    encoder = _encoder(bits, 2, made.parent, effort)
    done = run_ffmpeg_on_own(
        reduced.inputs, *maps, *CLEAN, *encoder, *_FILE, f"file:{made}", on_seconds=on_seconds, verbosity="info"
    )
    return Encoded(b"" if done.returncode else made.read_bytes(), passes, bits, _ssim_of(done.stderr))


def _ssim_of(said: bytes) -> float | None:
    """Read what x264 found: luma, against the pictures that it was given, the mean."""
    found = _SSIM_OF_X264.search(said)
    return round(float(found[1]), 4) if found else None


def measure_ssim(reduced: Reduced, content: bytes) -> float | None:
    """Compare luma with the reduced original, frame by frame; the mean."""
    made = reduced.pictures.with_name("judged")
    made.write_bytes(content)
    done = run_ffmpeg_on_own(
        [*reduced.inputs[:1], (made, ("-f", "mov"))], "-lavfi", "[0:v][1:v]ssim=stats_file=-", "-f", "null", "-"
    )
    scores = [float(score) for score in _SSIM_LINE.findall(done.stdout)]
    return round(sum(scores) / len(scores), 4) if scores else None
