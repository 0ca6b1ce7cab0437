"""Reduced pictures and sound into an MP4 of a given length: two passes of x264, and the second once more where it missed."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from app.confine.programs import run_ffmpeg_on_own
from app.errors import MediaDamaged
from app.fit.reduce import CLEAN, Reduced
from app.fit.video_plan import AIM, VideoPlan
from app.model.media import Budget

_ENOUGH = 0.96
_CORRECTED_AIM = 0.978
_BITS_STEP = 1_000  # x264 counts in thousands of bits a second
_BYTES_OF_BOXES = 1_200
_BYTES_A_FRAME_IN_BOXES = 6
_COLORS = ("-color_range", "tv", "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m")
# At these few bits, pictures that keep what the eye thinks to be sharp (psy) are farther from the original by any measure.
_PRESETS = {True: ("-preset", "veryfast"), False: ("-preset", "slow", "-psy", "0")}
_CODEC = (
    "-c:v", "libx264", "-profile:v", "baseline", "-level", "3.1", "-pix_fmt", "yuv420p", *_COLORS,
    "-threads", "2",  # a fixed number: what x264 makes depends on it
)  # fmt: skip
_SSIM_LINE = re.compile(rb"\bY:([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Encoded:
    """The best file that came out, how many passes it took, and the bits a second of its pictures."""

    content: bytes
    passes: int
    bits: int


def encode_in_two_passes(
    reduced: Reduced, plan: VideoPlan, budget: Budget, *, fast: bool, part: Callable[[int], Callable[[float], None]]
) -> Encoded:
    """Encode to the budget.

    What comes out may still be too long, when even the correction missed; it is empty when x264 finds the bits too few to
    begin with.

    Args:
        reduced: pictures and sound, as they will be.
        plan: where the bits come from.
        budget: what it should fill to 96 % at least, and never exceed.
        fast: the quicker preset.
        part: gives for a pass (1, 2, 3) what is told how far it is.

    MediaDamaged when the encoder fails in the first pass.
    """
    bits = _bits_for(reduced, budget.max_bytes * AIM, plan)
    _run(reduced, bits, 1, fast=fast, on_seconds=part(1))
    first = Encoded(_run(reduced, bits, 2, fast=fast, on_seconds=part(2)), 2, bits)
    if not first.content:
        return first
    fits = len(first.content) <= budget.max_bytes
    if fits and (
        len(first.content) >= _ENOUGH * budget.max_bytes or (plan.has_all_it_needs and bits >= plan.bits - _BITS_STEP)
    ):
        return first
    bits = _corrected(first, reduced, budget.max_bytes * _CORRECTED_AIM)
    if fits and bits <= first.bits:
        return first
    second = Encoded(_run(reduced, bits, 2, fast=fast, on_seconds=part(3)), 3, bits)
    fitting = [each for each in (first, second) if 0 < len(each.content) <= budget.max_bytes]
    best = max(fitting or (first, second), key=lambda each: len(each.content))
    return Encoded(best.content, 3, best.bits)


def _corrected(first: Encoded, reduced: Reduced, wanted_bytes: float) -> int:
    """Work out the bits for another second pass from what the first one gave; a miss of the codec is a miss again."""
    around = bytes_around(reduced)
    ratio = max(0.05, (wanted_bytes - around) / max(1.0, len(first.content) - around))
    bits = first.bits * ratio
    steps = int(bits / _BITS_STEP) if ratio < 1 else round(bits / _BITS_STEP)
    return max(_BITS_STEP, steps * _BITS_STEP)


def bytes_around(reduced: Reduced) -> float:
    """Estimate the bytes that are not pictures: sound as it is, index."""
    sound = reduced.sound.stat().st_size if reduced.sound else 0
    return sound + _BYTES_OF_BOXES + _BYTES_A_FRAME_IN_BOXES * reduced.frames


def _bits_for(reduced: Reduced, wanted_bytes: float, plan: VideoPlan) -> int:
    """Now that sound and length are known, work out the bits anew; never more than the plan's most."""
    bits = (wanted_bytes - bytes_around(reduced)) * 8 / reduced.seconds
    if plan.has_all_it_needs:
        bits = min(bits, plan.bits)
    return max(_BITS_STEP, round(bits / _BITS_STEP) * _BITS_STEP)


def _run(reduced: Reduced, bits: int, number: int, *, fast: bool, on_seconds: Callable[[float], None]) -> bytes:
    """Run one pass; the second gives the file, or nothing: x264 refuses bits that do not even pay for the headers.

    Raises:
        MediaDamaged: the encoder failed in the first.
    """
    made = reduced.pictures.with_name("made")
    log = ("-passlogfile", f"{reduced.pictures}.log", "-pass", str(number))
    output = ("-f", "null", "-") if number == 1 else (
        "-c:a", "copy", "-movflags", "+faststart", "-f", "mp4", f"file:{made}"
    )  # fmt: skip
    inputs = reduced.inputs[: 1 if number == 1 else 2]
    maps = [option for index in range(len(inputs)) for option in ("-map", str(index))]
    done = run_ffmpeg_on_own(
        inputs, *maps, *CLEAN, *_CODEC, *_PRESETS[fast], "-b:v", str(bits), *log, *output, on_seconds=on_seconds
    )
    if done.returncode and number == 1:
        raise MediaDamaged("This video cannot be encoded.")
    return made.read_bytes() if number == 2 and not done.returncode else b""


def measure_ssim(reduced: Reduced, content: bytes) -> float | None:
    """Compare luma with the reduced original, frame by frame; the mean."""
    made = reduced.pictures.with_name("judged")
    made.write_bytes(content)
    done = run_ffmpeg_on_own(
        [*reduced.inputs[:1], (made, ("-f", "mov"))], "-lavfi", "[0:v][1:v]ssim=stats_file=-", "-f", "null", "-"
    )
    scores = [float(score) for score in _SSIM_LINE.findall(done.stdout)]
    return round(sum(scores) / len(scores), 4) if scores else None
