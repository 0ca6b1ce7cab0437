"""An animation to a GIF: as it is, squeezed, or smaller with fewer frames; a ladder whose every step is told."""

import io
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageSequence

from app.errors import CannotFit
from app.fit.frames import Frames, load_frames
from app.fit.gif import Palette, choose_palette, encode_gif, squeeze_gif
from app.fit.output import write_fitted
from app.fit.ssim import luma_ssim
from app.model.media import Budget, Facts, Fitted, Quality

MOST_RUNS = 4
LEAST_SIDE = 120  # of the longer side; under it nobody can tell what it shows
LEAST_FPS = 5.0
_SQUEEZE_MOST = 80  # gifsicle's scale; more shows on authored pixels
_SQUEEZE_FROM = 2.5  # times the budget: up to there the authored pixels may be kept
_AIM = 0.985
_ENOUGH = 0.97
_BYTES_BY_STEP = 0.15  # frames further apart differ more
_SAMPLE_SIDES = (120, 240)
_SAMPLE_FRAMES = 6
_SSIM_FRAMES = 8
_GIF = "image/gif"


@dataclass(frozen=True, slots=True)
class _Rung:
    """A step of the ladder: what is given up, and the side (and with it the share of the full side) that makes it worth it."""

    colors: int
    lossy: int
    least_fps: float
    good_side: int
    room: float = 1.0


_LADDER = (
    _Rung(colors=255, lossy=0, least_fps=1000, good_side=640, room=1.1),
    _Rung(colors=128, lossy=80, least_fps=1000, good_side=400),
    _Rung(colors=128, lossy=80, least_fps=8, good_side=320),
    _Rung(colors=64, lossy=200, least_fps=8, good_side=280),
    _Rung(colors=64, lossy=200, least_fps=LEAST_FPS, good_side=240),
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """A rung, every how many frames one is kept, the side to begin with, and the power by which bytes follow the side."""

    rung: _Rung
    step: int
    side: int
    power: float


@dataclass(frozen=True, slots=True)
class _Result:
    """A GIF within the budget, with what it took."""

    content: bytes
    runs: int
    lossy: int
    colors: int = 0
    step: int = 1


def fit_animation(path: Path, facts: Facts, budget: Budget, out_dir: Path) -> Fitted:
    """Make the best animated GIF that ``budget`` allows; timing and loop stay as authored.

    As it came where it fits; without its comments where that is enough; the authored pixels with gifsicle's lossy
    compression where they are not far over; otherwise smaller, of fewer colours and at last of fewer frames.

    Cost: decoded once, at most four runs of the encoder. Memory: 120 MB of reduced frames at most.

    Raises:
        CannotFit: it would be smaller or jerkier than anybody could watch.
    """
    started = time.monotonic_ns()
    is_near = facts.bytes <= _SQUEEZE_FROM * budget.max_bytes and max(facts.width, facts.height) <= budget.side_pixels
    data = path.read_bytes() if is_near and facts.content_type == _GIF else b""
    if data and len(data) <= budget.max_bytes and not facts.has_location:
        quality = Quality(frames_in=facts.frames, frames_out=facts.frames, seconds=facts.seconds)
        return write_fitted(
            data, budget, out_dir, content_type=_GIF, size=(facts.width, facts.height), quality=quality, untouched=True
        )
    if _GIF not in budget.content_types:
        raise CannotFit("An animation goes out as GIF, which is not allowed here.", limit_bytes=budget.max_bytes)
    result = _squeeze(data, budget) if data else None
    frames = load_frames(path, facts, budget.side_pixels)
    if result is None:
        result = _make_smaller(frames, facts, budget)
    return _describe(result, frames, facts, budget, out_dir, started)


def _squeeze(data: bytes, budget: Budget) -> _Result | None:
    """Keep pixels and frames as they were authored, by as little loss as it takes; None when that is not enough."""
    best: _Result | None = None
    lossy, low, high = 0, 0, _SQUEEZE_MOST + 1
    for run in range(1, MOST_RUNS + 1):
        content = squeeze_gif(data, lossy, "--no-comments", "--no-extensions")
        if content == data:
            return None  # no gifsicle, or it does not take this file: what must go is still inside
        if len(content) <= budget.max_bytes:
            best = _Result(content, run, lossy)
            if lossy <= low + 1 or len(content) >= _ENOUGH * budget.max_bytes:
                break
            high = lossy
        elif run == 1:
            lossy = _SQUEEZE_MOST
            continue
        elif lossy == _SQUEEZE_MOST:
            return None
        else:
            low = lossy
        lossy = (low + high) // 2
    return best


def _make_smaller(frames: Frames, facts: Facts, budget: Budget) -> _Result:
    """Choose loss, side and frames together, then meet the bytes by the side.

    Raises:
        CannotFit: under the floors.
    """
    longest, least = max(frames.size), min(LEAST_SIDE, max(frames.size))
    palettes = {rung.colors: choose_palette(frames.pixels, rung.colors) for rung in _LADDER}
    plan = _plan(frames, facts, palettes, budget.max_bytes)
    best: _Result | None = None
    tried: dict[int, int] = {}
    side = plan.side
    for run in range(1, MOST_RUNS + 1):
        size = _size_of(frames, side)
        content = encode_gif(frames.every(plan.step, size), palettes[plan.rung.colors], lossy=plan.rung.lossy)
        tried[side] = len(content)
        if len(content) <= budget.max_bytes and (best is None or len(content) > len(best.content)):
            best = _Result(content, run, plan.rung.lossy, plan.rung.colors, plan.step)
        if _ENOUGH * budget.max_bytes <= len(content) <= budget.max_bytes or (side == longest and best):
            break
        side = min(longest, max(least, _next_side(tried, plan.power, _AIM * budget.max_bytes)))
        if side in tried:
            break
    if best is None:
        shortest = min(tried.values())
        raise CannotFit(
            f"As a GIF of {least} pixels and {LEAST_FPS:g} frames a second it would still have {shortest:,} bytes; "
            f"the limit is {budget.max_bytes:,}. Send a shorter piece, its first frame, or a video (MP4).",
            limit_bytes=budget.max_bytes,
            best_bytes=shortest,
            instead=["first_frame", "video"],
        )
    return replace(best, runs=len(tried))


def _next_side(tried: dict[int, int], power: float, wanted_bytes: float) -> int:
    """Go along the curve through the last two results, or through the last one with the power that was foreseen."""
    (side, length), *before = reversed(tried.items())
    if before and before[0][0] != side:
        power = math.log(before[0][1] / length) / math.log(before[0][0] / side)
    following = int(side * (wanted_bytes / length) ** (1 / min(2.6, max(0.8, power))))
    return following if following != side else side - 1


def _size_of(frames: Frames, side: int) -> tuple[int, int]:
    width, height = frames.size
    factor = min(1.0, side / max(width, height))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _density(frames: Frames, palette: Palette, lossy: int) -> tuple[float, float]:
    """Learn how long a frame is: (bytes at a side of one pixel, power of the side), from a few frames at two small sides."""
    middle = max(0, len(frames.pixels) // 2 - _SAMPLE_FRAMES // 2)
    some = slice(middle, middle + _SAMPLE_FRAMES)
    sample = Frames(frames.pixels[some], frames.milliseconds[some], frames.loop)
    sides = [min(side, max(frames.size)) for side in _SAMPLE_SIDES]
    lengths = [
        len(encode_gif(sample.every(1, _size_of(frames, side)), palette, lossy=lossy)) / len(sample.pixels)
        for side in sides
    ]
    power = 1.8
    if sides[0] < sides[1]:
        power = min(2.2, max(0.9, math.log(lengths[1] / lengths[0]) / math.log(sides[1] / sides[0])))
    return lengths[1] / sides[1] ** power, power


def _plan(frames: Frames, facts: Facts, palettes: dict[int, Palette], max_bytes: int) -> _Plan:
    """Climb down the ladder to the first rung that leaves a good side; the last one is taken as it is."""
    fps = facts.frames / facts.seconds if facts.seconds else 10.0
    longest = max(frames.size)
    plan = _Plan(_LADDER[-1], 1, longest, 1.8)
    known: dict[tuple[int, int], tuple[float, float]] = {}
    for rung in _LADDER:
        paint = rung.colors, rung.lossy
        if paint not in known:
            known[paint] = _density(frames, palettes[rung.colors], rung.lossy)
        density, power = known[paint]
        for step in range(1, max(1, int(fps / rung.least_fps)) + 1):
            if step < plan.step:
                continue
            a_frame = max(1.0, _AIM * max_bytes / math.ceil(len(frames.pixels) / step))
            side = int((a_frame / (density * step**_BYTES_BY_STEP)) ** (1 / power))
            plan = _Plan(rung, step, max(min(longest, LEAST_SIDE), min(longest, side)), power)
            if side >= min(longest * rung.room, rung.good_side):
                return plan
    return plan


def _describe(result: _Result, frames: Frames, facts: Facts, budget: Budget, out_dir: Path, started_ns: int) -> Fitted:
    with Image.open(io.BytesIO(result.content), formats=["GIF"]) as image:
        size, count = image.size, int(getattr(image, "n_frames", 1))
        ssim = _ssim(image, frames, result.step)
    kept = math.ceil(facts.frames / result.step)
    given_up = [
        f"scaled from {facts.width}x{facts.height} to {size[0]}x{size[1]}"
        if size != (facts.width, facts.height)
        else "",
        f"{facts.frames - kept} of {facts.frames} frames left out; each stays as long as those it stands for"
        if result.step > 1
        else "",
        f"at most {result.colors} colours" if result.colors else "",
        f"lossy compression at {result.lossy}" if result.lossy else "",
        *(frames.given_up if result.colors else ()),
        "location and other metadata removed"
        if facts.has_location
        else "metadata removed"
        if facts.has_metadata
        else "",
    ]
    quality = Quality(
        encoder="Pillow and gifsicle" if result.colors else "gifsicle",
        encoder_quality=result.lossy,
        encodes=result.runs,
        milliseconds=(time.monotonic_ns() - started_ns) // 1_000_000,
        ssim=ssim,
        frames_in=facts.frames,
        frames_out=count,
        seconds=round(sum(frames.milliseconds) / 1000, 3),
        colors=result.colors,
    )
    return write_fitted(
        result.content, budget, out_dir, content_type=_GIF, size=size, quality=quality, given_up=filter(None, given_up)
    )


def _ssim(image: Image.Image, frames: Frames, step: int) -> float | None:
    """Compare up to eight frames by the time at which they are shown with the originals, scaled to the same size."""
    starts = np.cumsum([0, *frames.milliseconds[:-1]])
    shown_at, scores = 0, []
    every = max(1, int(getattr(image, "n_frames", 1)) // _SSIM_FRAMES)
    for index, frame in enumerate(ImageSequence.Iterator(image)):
        if index % every == 0:
            original = frames.pixels[max(0, int(np.searchsorted(starts, shown_at + 10, side="right")) - 1)]
            reduced = np.asarray(cv2.resize(original, image.size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
            scores.append(luma_ssim(reduced, np.asarray(frame.convert("L"))))
        shown_at += int(frame.info.get("duration", 0))
    return round(float(np.mean(scores)), 4) if scores and step else None
