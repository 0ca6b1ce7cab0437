"""A clip to MP4 that every handset plays: H.264 Baseline, AAC-LC, two passes to the byte budget.

ffmpeg (GPL) is a program of its own, run as a separate process. The clip is decoded and reduced once; the passes work on that.
"""

import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from app.confine.programs import ffmpeg_path, run_ffmpeg, run_ffmpeg_on_own
from app.errors import CannotFit, MediaDamaged, MediaUnsupported
from app.fit.choice import Cut, cut_of, facts_of
from app.fit.output import write_fitted
from app.fit.pixels import fitted_size
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Quality

VIDEO_TYPE = "video/mp4"
AUDIO_BITS = 24_000  # a second: speech and music that can be told
LEAST_BITS_PER_PIXEL = 0.045
FLOOR_BITS_PER_PIXEL = 0.03
MOST_BITS_PER_PIXEL = 0.3  # more is not seen
# Side in pixels and frames a second, in order of preference; the last is the floor.
LADDER = ((640, 30), (640, 15), (480, 15), (400, 15), (320, 15), (320, 12), (240, 12), (240, 10), (176, 10))
_AIM = 0.98
_ENOUGH = 0.96
_MOST_CORRECTIONS = 2
_BYTES_OF_BOXES = 1_500
_BYTES_A_FRAME_IN_BOXES = 10
_CLEAN = (
    "-map_metadata",
    "-1",
    "-map_chapters",
    "-1",
    "-fflags",
    "+bitexact",
    "-flags:v",
    "+bitexact",
    "-flags:a",
    "+bitexact",
)
_H264 = (
    "-c:v",
    "libx264",
    "-profile:v",
    "baseline",
    "-level",
    "3.1",
    "-preset",
    "medium",
    "-threads",
    "2",
    "-pix_fmt",
    "yuv420p",
)
_SSIM_LINE = re.compile(rb"\bY:([0-9.]+)")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Size, frames a second, and bits a second for the pictures."""

    size: tuple[int, int]
    fps: float
    bits: int


def fit_video(
    path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE, *, fast: bool = False
) -> Fitted:
    """Make the best MP4 that ``budget`` allows: rotated upright, no metadata, moov first.

    Byte for byte what came, when it is such an MP4 already and within the budget.

    Raises:
        MediaUnsupported: no ffmpeg here, or a video may not go out.
        CannotFit: too long for its floor; ``fits_seconds`` says which length would fit.
        MediaDamaged: no decoder gets through it.
    """
    started = time.monotonic_ns()
    cut = cut_of(facts, choice)
    if VIDEO_TYPE not in budget.content_types or ffmpeg_path() is None or choice.form not in {Form.AUTO, Form.MP4}:
        raise MediaUnsupported("Videos cannot be fitted here.", found=facts.content_type)
    data = path.read_bytes() if cut.whole and facts.bytes <= budget.max_bytes else b""
    if data and max(facts.width, facts.height) <= budget.side_pixels and not facts.has_location and is_plain_mp4(data):
        quality = Quality(frames_in=facts.frames, frames_out=facts.frames, seconds=facts.seconds)
        return write_fitted(
            data,
            budget,
            out_dir,
            content_type=VIDEO_TYPE,
            size=(facts.width, facts.height),
            quality=quality,
            untouched=True,
        )
    facts = facts_of(facts, cut)
    plan = _plan(facts, budget)
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        reduced = Path(folder) / "reduced.nut"
        _reduce(path, facts, cut, plan, reduced, fast=fast)
        content, passes = _encode(reduced, facts, plan, budget)
        ssim = _ssim(reduced, content)
    return _describe(content, passes, ssim, plan, facts, cut, budget, out_dir, started)


def is_plain_mp4(data: bytes) -> bool:
    """Tell whether it is H.264 Baseline with its index first, so that every handset plays it as it is."""
    configuration = data.find(b"avcC")
    index, media = data.find(b"moov"), data.find(b"mdat")
    return (
        data[4:8] == b"ftyp"
        and data[8:12] != b"qt  "
        and 0 < index < media
        and configuration > 0
        and data[configuration + 5] == 66
        and (b"mp4a" in data[index:media] or b"soun" not in data[index:media])
    )


def _plan(facts: Facts, budget: Budget) -> _Plan:
    """Choose size and frame rate for the bits that there are.

    Raises:
        CannotFit: even the floor needs more.
    """
    source_fps = facts.frames / facts.seconds if facts.seconds else 15.0
    for side, most_fps in LADDER:
        fps = min(float(most_fps), max(1.0, source_fps))
        width, height = fitted_size(facts.width, facts.height, min(side, budget.side_pixels))
        size = (max(2, width - width % 2), max(2, height - height % 2))
        boxes = _BYTES_OF_BOXES + _BYTES_A_FRAME_IN_BOXES * fps * facts.seconds
        bits = int((budget.max_bytes * _AIM - boxes) * 8 / facts.seconds - AUDIO_BITS)
        per_pixel = bits / (size[0] * size[1] * fps)
        is_last = (side, most_fps) == LADDER[-1]
        if per_pixel >= (FLOOR_BITS_PER_PIXEL if is_last else LEAST_BITS_PER_PIXEL):
            return _Plan(size, fps, int(min(bits, MOST_BITS_PER_PIXEL * size[0] * size[1] * fps)))
    least_bits = FLOOR_BITS_PER_PIXEL * size[0] * size[1] * fps + AUDIO_BITS + _BYTES_A_FRAME_IN_BOXES * fps * 8
    fits_seconds = max(0, int((budget.max_bytes * _AIM - _BYTES_OF_BOXES) * 8 / least_bits))
    raise CannotFit(
        f"{facts.seconds:.0f} seconds of video do not fit {budget.max_bytes:,} bytes; cut it to {fits_seconds} seconds.",
        limit_bytes=budget.max_bytes,
        best_bytes=int(least_bits * facts.seconds / 8) + _BYTES_OF_BOXES,
        fits_seconds=fits_seconds,
        instead=["cut"],
    )


def _reduce(path: Path, facts: Facts, cut: Cut, plan: _Plan, reduced: Path, *, fast: bool) -> None:
    """Decode once: upright (ffmpeg turns it), at the final size and rate, sound already as it will be.

    Raises:
        MediaDamaged: no decoder gets through it.
    """
    width, height = plan.size
    filters = f"fps={plan.fps:.6g},scale={width}:{height}:flags={'fast_bilinear' if fast else 'bicubic'},setsar=1,format=yuv420p"
    done = run_ffmpeg(
        path, facts.content_type, "-map", "0:V:0", "-map", "0:a:0?", "-sn", "-dn", *_CLEAN, "-vf", filters,
        "-c:v", "rawvideo", "-c:a", "aac", "-ac", "1", "-ar", "32000", "-b:a", str(AUDIO_BITS), "-f", "nut", f"file:{reduced}",
        opening=cut.opening,
    )  # fmt: skip
    if done.returncode:
        raise MediaDamaged("No decoder gets through this video.", found=facts.content_type)


def _encode(reduced: Path, facts: Facts, plan: _Plan, budget: Budget) -> tuple[bytes, int]:
    """Encode in two passes, and the second again where it missed; returns the MP4 and how many passes it took.

    Raises:
        CannotFit: no correction brought it under the limit.
        MediaDamaged: the encoder failed.
    """
    log = ("-passlogfile", f"{reduced}.log")
    made = reduced.with_suffix(".mp4")
    bits = plan.bits
    best = b""
    shortest = 0
    run_ffmpeg_on_own(reduced, "-map", "0:v", *_H264, "-b:v", str(bits), *log, "-pass", "1", "-f", "null", "-")
    passes = 1
    for _ in range(1 + _MOST_CORRECTIONS):
        done = run_ffmpeg_on_own(
            reduced, "-map", "0", *_CLEAN, *_H264, "-b:v", str(bits), *log, "-pass", "2", "-c:a", "copy",
            "-movflags", "+faststart", "-f", "mp4", f"file:{made}",
        )  # fmt: skip
        if done.returncode:
            raise MediaDamaged("This video cannot be encoded.", found=facts.content_type)
        passes += 1
        content = made.read_bytes()
        shortest = min(shortest or len(content), len(content))
        if len(content) <= budget.max_bytes and len(content) > len(best):
            best = content
        has_all_it_needs = bits >= MOST_BITS_PER_PIXEL * plan.size[0] * plan.size[1] * plan.fps - 1
        if best and (has_all_it_needs or len(best) >= _ENOUGH * budget.max_bytes):
            break
        missed_bits = (budget.max_bytes * _AIM - len(content)) * 8 / facts.seconds
        bits = max(1_000, int(bits + missed_bits))
    if not best:
        raise CannotFit(
            f"The shortest acceptable version has {shortest:,} bytes; the limit is {budget.max_bytes:,}.",
            limit_bytes=budget.max_bytes,
            best_bytes=shortest,
        )
    return best, passes


def _ssim(reduced: Path, content: bytes) -> float | None:
    """Compare luma with the reduced original, frame by frame; the mean."""
    made = reduced.with_suffix(".best.mp4")
    made.write_bytes(content)
    done = run_ffmpeg_on_own(reduced, "-i", f"file:{made}", "-lavfi", "[0:v][1:v]ssim=stats_file=-", "-f", "null", "-")
    scores = [float(score) for score in _SSIM_LINE.findall(done.stdout)]
    return round(sum(scores) / len(scores), 4) if scores else None


def _describe(
    content: bytes,
    passes: int,
    ssim: float | None,
    plan: _Plan,
    facts: Facts,
    cut: Cut,
    budget: Budget,
    out_dir: Path,
    started_ns: int,
) -> Fitted:
    source_fps = facts.frames / facts.seconds if facts.seconds else plan.fps
    kept = round(plan.fps * facts.seconds)
    given_up = [
        cut.given_up,
        f"scaled from {facts.width}x{facts.height} to {plan.size[0]}x{plan.size[1]}"
        if plan.size != (facts.width, facts.height)
        else "",
        f"{source_fps:.3g} frames a second reduced to {plan.fps:.3g}" if plan.fps < source_fps - 0.5 else "",
        f"pictures compressed to {plan.bits // 1000} kb/s, sound to {AUDIO_BITS // 1000} kb/s mono",
        "location and other metadata removed"
        if facts.has_location
        else "metadata removed"
        if facts.has_metadata
        else "",
    ]
    quality = Quality(
        encoder="x264 Baseline, two passes; AAC-LC",
        encodes=passes,
        milliseconds=(time.monotonic_ns() - started_ns) // 1_000_000,
        ssim=ssim,
        frames_in=facts.frames,
        frames_out=min(kept, facts.frames),
        seconds=facts.seconds,
    )
    return write_fitted(
        content,
        budget,
        out_dir,
        content_type=VIDEO_TYPE,
        size=plan.size,
        quality=quality,
        given_up=filter(None, given_up),
    )
