"""Pictures and sound into an MP4 of a given length: two passes of x264, and the second once more where it missed.

The first pass works while the video is decoded.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from app.confine.programs import run_ffmpeg_on_own
from app.errors import MediaDamaged
from app.fit.reduce import CLEAN, Reduced
from app.fit.video_effort import Effort
from app.fit.video_plan import AIM, VideoPlan
from app.model.media import Budget

_ENOUGH = 0.96
_CORRECTED_AIM = 0.978
BITS_STEP = 1_000  # x264 counts in thousands of bits a second
_BYTES_OF_BOXES = 1_200
_BYTES_A_FRAME_IN_BOXES = 6
_COLORS = ("-color_range", "tv", "-colorspace", "smpte170m", "-color_primaries", "smpte170m", "-color_trc", "smpte170m")
# At these few bits, pictures that keep what the eye thinks to be sharp (psy) are farther from the original by any measure.
_BEST = ("-preset", "slow", "-psy", "0", "-threads", "2")  # a fixed number of threads: what x264 makes depends on it
_QUICK = ("-preset", "veryfast", "-threads", "1")
CODEC = ("-c:v", "libx264", "-profile:v", "baseline", "-level", "3.1", "-pix_fmt", "yuv420p", *_COLORS)
FILE = ("-movflags", "+faststart", "-f", "mp4")
_SSIM_LINE = re.compile(rb"\bY:([0-9.]+)")
_TOO_FEW_BITS = b"bitrate is too low"
_SSIM_OF_X264 = re.compile(rb"SSIM Mean Y:([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Encoded:
    """The best file that came out, how many passes it took, the bits a second of its pictures, and their SSIM if known."""

    content: bytes
    passes: int
    bits: int
    ssim: float | None = None


def first_pass(plan: VideoPlan, sound: Path | None, budget: Budget, folder: Path, effort: Effort) -> tuple[str, ...]:
    """Name the options of the first pass, over pictures called ``[coded]``, while they are decoded into ``folder``."""
    bits = bits_for(plan, sound.stat().st_size if sound else 0, round(plan.seconds * plan.fps), plan.seconds, budget)
    return ("-map", "[coded]", *CLEAN, *_encoder(plan, bits, 1, folder, effort), "-f", "null", "-")


def encode_second_pass(
    reduced: Reduced, plan: VideoPlan, budget: Budget, effort: Effort, *, part: Callable[[int], Callable[[float], None]]
) -> Encoded:
    """Encode to the budget, now that the first pass is done.

    What comes out may still be too long, when even the correction missed; it is empty when x264 finds the bits too few to
    begin with. MediaDamaged when the encoder fails.

    Args:
        reduced: pictures and sound, as they will be.
        plan: where the bits come from.
        budget: what it should fill to 96 % at least, and never exceed.
        effort: as in the first pass.
        part: gives for a pass (2, 3) what is told how far it is.
    """
    bits = bits_for(plan, reduced.sound_bytes, reduced.frames, reduced.seconds, budget)
    first = _run(reduced, plan, bits, effort, 2, part(2))
    if not first.content or is_enough(first, plan, budget):
        return first
    fits = len(first.content) <= budget.max_bytes
    bits = _corrected(first, reduced, budget.max_bytes * _CORRECTED_AIM)
    if fits and bits <= first.bits:
        return first
    second = _run(reduced, plan, bits, effort, 3, part(3))
    fitting = [each for each in (first, second) if 0 < len(each.content) <= budget.max_bytes]
    best = max(fitting or (first, second), key=lambda each: len(each.content))
    return Encoded(best.content, 3, best.bits, best.ssim)


def is_enough(encoded: Encoded, plan: VideoPlan, budget: Budget) -> bool:
    """Tell whether it fits, and fills the room as far as it needs it."""
    has_all = plan.has_all_it_needs and encoded.bits >= plan.bits - BITS_STEP
    return len(encoded.content) <= budget.max_bytes and (has_all or len(encoded.content) >= _ENOUGH * budget.max_bytes)


def _corrected(first: Encoded, reduced: Reduced, wanted_bytes: float) -> int:
    """Work out the bits for another second pass from what the first one gave; a miss of the codec is a miss again."""
    around = bytes_around(reduced.sound_bytes, reduced.frames)
    ratio = max(0.05, (wanted_bytes - around) / max(1.0, len(first.content) - around))
    bits = first.bits * ratio
    steps = int(bits / BITS_STEP) if ratio < 1 else round(bits / BITS_STEP)
    return max(BITS_STEP, steps * BITS_STEP)


def bytes_around(sound_bytes: float, frames: int) -> float:
    """Estimate the bytes that are not pictures: sound as it is, index."""
    return sound_bytes + _BYTES_OF_BOXES + _BYTES_A_FRAME_IN_BOXES * frames


def bits_for(plan: VideoPlan, sound_bytes: float, frames: int, seconds: float, budget: Budget, aim: float = AIM) -> int:
    """Work out the bits anew, now that more is known than when it was planned; never more than the plan's most."""
    bits = (budget.max_bytes * aim - bytes_around(sound_bytes, frames)) * 8 / seconds
    if plan.has_all_it_needs:
        bits = min(bits, plan.bits)
    return max(BITS_STEP, round(bits / BITS_STEP) * BITS_STEP)


def rate_of(plan: VideoPlan) -> tuple[str, ...]:
    """Name the rate for x264: every pass must count time alike, and ffmpeg rounds what is below 5 pictures a second anew."""
    return "-r", f"{plan.fps:.6g}"


def _encoder(plan: VideoPlan, bits: int, number: int, folder: Path, effort: Effort) -> tuple[str, ...]:
    """Name the options of one pass; the one that may be the last measures what it loses."""
    log = ("-passlogfile", f"{folder / 'pictures.yuv.log'}", "-pass", str(number))
    preset = _BEST if effort is Effort.BEST else _QUICK
    return (*CODEC, *rate_of(plan), *preset, "-x264-params", f"ssim={number - 1}", "-b:v", str(bits), *log)


def _run(
    reduced: Reduced,
    plan: VideoPlan,
    bits: int,
    effort: Effort,
    passes: int,
    on_seconds: Callable[[float], None],
) -> Encoded:
    """Run the second pass; it gives nothing where x264 refuses bits that do not even pay for the headers.

    Raises:
        MediaDamaged: the encoder failed.
    """
    made = reduced.pictures.with_name("made")
    maps = [option for index in range(len(reduced.inputs)) for option in ("-map", str(index))]
    encoder = _encoder(plan, bits, 2, made.parent, effort)
    done = run_ffmpeg_on_own(
        reduced.inputs, *maps, *CLEAN, *encoder, "-c:a", "copy", *FILE, f"file:{made}",
        on_seconds=on_seconds, verbosity="info",
    )  # fmt: skip
    if done.returncode and _TOO_FEW_BITS not in done.stderr:
        raise MediaDamaged("This video cannot be encoded.")
    return Encoded(b"" if done.returncode else made.read_bytes(), passes, bits, ssim_of(done.stderr))


def ssim_of(said: bytes) -> float | None:
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
