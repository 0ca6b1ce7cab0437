"""An animation to a GIF: as it is, squeezed a little, or of fewer colours, smaller, with fewer frames; all of it told."""

import io
import math
import time
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from app.errors import CannotFit
from app.fit.animation_plan import Paint, Plan, plan_animation
from app.fit.arrays import Pixels, reduce_by_area
from app.fit.frames import FAINT_SPREAD, LONGEST_MS, Frames, is_blank, load_frames, open_frames, show, wait_of
from app.fit.gif import encode_gif, squeeze_gif
from app.fit.lever import Lever
from app.fit.output import metadata_lost, write_fitted
from app.fit.pixels import fitted_size
from app.fit.ssim import luma_ssim
from app.fit.strip import strip_gif
from app.limits import floor_named
from app.model.media import Budget, Facts, Fitted, Quality

MOST_RUNS = 4
_SQUEEZE_MOST = 30  # gifsicle's scale; more shows on authored pixels
_SQUEEZE_FROM = 1.3  # times the budget: from there on fewer colours do less harm
_ENOUGH = 0.98
_SSIM_FRAMES = 8
_SECONDS_LOST = 0.1  # that rounding does not explain
_GIF = "image/gif"


@dataclass(frozen=True, slots=True)
class _Result:
    """A GIF within the budget, with what it took, and which frame comes first.

    ``paint`` is None where the authored pixels were kept.
    """

    content: bytes
    runs: int
    lossy: int = 0
    paint: Paint | None = None
    step: int = 1
    begins: int = 0


def fit_animation(path: Path, facts: Facts, budget: Budget, out_dir: Path) -> Fitted:
    """Make the best animated GIF that ``budget`` allows; timing and loop stay as authored, and the first frame shows something.

    As it came where it fits; without its comments where that is enough; the authored pixels with a little of gifsicle's lossy
    compression where they are not far over; otherwise of fewer colours, smaller and at last of fewer frames.

    Cost: decoded once, at most four runs of the encoder. Memory: 50 MB of reduced frames at most.

    Raises:
        CannotFit: it would be smaller or jerkier than anybody could watch; ``instead`` says what it could become.
    """
    started = time.monotonic_ns()
    is_near = facts.bytes <= _SQUEEZE_FROM * budget.max_bytes and max(facts.width, facts.height) <= budget.side_pixels
    is_kept = is_near and facts.content_type == _GIF and not _begins_blank(path, facts)
    data = path.read_bytes() if is_kept else b""
    stripped = strip_gif(data) if data else b""
    if stripped and len(stripped) <= budget.max_bytes:
        quality = Quality(frames_in=facts.frames, frames_out=facts.frames, seconds=facts.seconds)
        lost = () if stripped == data else metadata_lost(facts) or ("metadata removed",)
        return write_fitted(
            stripped, budget, out_dir, content_type=_GIF, size=(facts.width, facts.height), quality=quality, given_up=lost,
            untouched=stripped == data,
        )  # fmt: skip
    if _GIF not in budget.content_types:
        raise CannotFit("An animation goes out as GIF, which is not allowed here.", limit_bytes=budget.max_bytes)
    runs, result = _squeeze(data, budget) if data and not _begins_faint(path, facts) else (0, None)
    frames = load_frames(path, facts, budget.side_pixels)
    if result is None:
        result = _make_smaller(frames, facts.seconds, budget.max_bytes, runs)
    return _describe(result, frames, facts, budget, out_dir, started)


def _begins_blank(path: Path, facts: Facts) -> bool:
    """Tell whether the first frame shows nothing and a later one does."""
    with open_frames(path, facts, (facts.width, facts.height)) as (frames, _):
        first = next(frames, None)
        return first is not None and is_blank(first.pixels) and any(not is_blank(frame.pixels) for frame in frames)


def _begins_faint(path: Path, facts: Facts) -> bool:
    """Tell whether the first frame shows so little that a little loss could leave it blank."""
    with open_frames(path, facts, (facts.width, facts.height)) as (frames, _):
        return any(is_blank(frame.pixels, FAINT_SPREAD) for frame in islice(frames, 1))


def _squeeze(data: bytes, budget: Budget) -> tuple[int, _Result | None]:
    """Keep pixels and frames as they were authored, by as little loss as it takes; returns how often it was tried, and what came.

    Nothing comes when that is not enough, or there is no gifsicle: then what must go is still inside.
    """
    best: _Result | None = None
    lossy, low, high = 0, 0, _SQUEEZE_MOST + 1
    for run in range(1, MOST_RUNS + 1):
        content = squeeze_gif(data, "--no-comments", "--no-extensions", *([f"--lossy={lossy}"] if lossy else []))
        if content == data or (len(content) > budget.max_bytes and lossy == _SQUEEZE_MOST):
            return run, None
        if len(content) <= budget.max_bytes:
            best = _Result(content, run, lossy)
            if lossy <= low + 1 or len(content) >= _ENOUGH * budget.max_bytes:
                break
            high = lossy
        elif not lossy:
            low, lossy = 0, _SQUEEZE_MOST
            continue
        else:
            low = lossy
        lossy = (low + high) // 2
    return MOST_RUNS, best


def _make_smaller(frames: Frames, seconds: float, max_bytes: int, runs: int) -> _Result:
    """Plan colours, side and frames, then meet the bytes: by the side, or by the colours where the full side has room left.

    Raises:
        CannotFit: under the floors.
    """
    longest = max(frames.size)
    least = min(int(floor_named("animation_side").value), longest)
    plan = plan_animation(frames, seconds, max_bytes)
    lever = Lever(plan, least, longest)
    best: _Result | None = None
    shortest = math.inf
    for run in range(runs + 1, MOST_RUNS + 1):
        runs, paint = run, lever.paint
        size = fitted_size(*frames.size, lever.side)
        _begin_painted(frames, size, paint)
        content = encode_gif(
            frames.every(plan.step, size), size, paint.palette, frames.loop, still_enough=paint.still_enough
        )
        shortest = min(shortest, len(content))
        if len(content) <= max_bytes and (best is None or len(content) > len(best.content)):
            best = _Result(content, run, paint=paint, step=plan.step, begins=frames.begins)
        if _ENOUGH * max_bytes <= len(content) <= max_bytes or not lever.move(len(content), max_bytes, MOST_RUNS - run):
            break
    if best is None:
        raise CannotFit(**_why_not(least, plan, int(shortest), max_bytes))
    frames.begins = best.begins
    return replace(best, runs=runs)


def _begin_painted(frames: Frames, size: tuple[int, int], paint: Paint) -> None:
    """Let that frame come first which shows something as it goes out: small, and of few colours, a faint one may be blank."""

    def shows(pixels: Pixels) -> bool:
        reduced = pixels if size == frames.size else reduce_by_area(pixels, size)
        return not is_blank(paint.palette.colors_of(paint.palette.index_of(reduced)))

    frames.begin_where(shows)


def _why_not(least: int, plan: Plan, best_bytes: int, max_bytes: int) -> dict[str, Any]:
    fps = floor_named("animation_fps").value
    return {
        "detail": f"As a GIF of {least} pixels, {plan.paint.colors} colours and {fps:g} frames a second it would still have "
        f"{best_bytes:,} bytes; the limit is {max_bytes:,}. Send a video (MP4), its first frame, or a shorter piece.",
        "limit_bytes": max_bytes,
        "best_bytes": best_bytes,
        "instead": ["mp4", "first_frame"],
    }


def _describe(result: _Result, frames: Frames, facts: Facts, budget: Budget, out_dir: Path, started_ns: int) -> Fitted:
    with Image.open(io.BytesIO(result.content), formats=["GIF"]) as image:
        size, count = image.size, int(getattr(image, "n_frames", 1))
        ssim, milliseconds = _compare(image, frames)
    quality = Quality(
        encoder="Pillow and gifsicle" if result.paint else "gifsicle",
        encoder_quality=result.lossy,
        encodes=result.runs,
        milliseconds=(time.monotonic_ns() - started_ns) // 1_000_000,
        ssim=ssim,
        frames_in=facts.frames,
        frames_out=count,
        seconds=round(milliseconds / 1000, 3),
        colors=result.paint.colors if result.paint else 0,
    )
    given_up = _given_up(result, frames, facts, quality, size)
    return write_fitted(
        result.content, budget, out_dir, content_type=_GIF, size=size, quality=quality, given_up=given_up
    )


def _given_up(result: _Result, frames: Frames, facts: Facts, quality: Quality, size: tuple[int, int]) -> list[str]:
    kept = math.ceil(len(frames) / result.step)
    scaled = f"scaled from {facts.width}x{facts.height} to {size[0]}x{size[1]}"
    given_up = [scaled] if size != (facts.width, facts.height) else []
    if kept < len(frames):
        given_up.append(
            f"{len(frames) - kept} of {len(frames)} frames left out; each stays as long as those it stands for"
        )
    if result.paint:
        level, alike = result.paint.still_enough, kept - quality.frames_out
        given_up += [
            "one colour" if result.paint.colors == 1 else f"at most {result.paint.colors} colours",
            f"what changes by no more than {level} of 255 levels from frame to frame is not drawn anew"
            + (
                f"; {alike} of {kept} frames show nothing else, and the one before each stays longer"
                if alike > 0
                else ""
            ),
            *frames.given_up,
        ]
    if quality.seconds < facts.seconds - _SECONDS_LOST:
        given_up.append(
            f"shown for {quality.seconds:,g} seconds instead of {facts.seconds:,g}, "
            f"since a frame of a GIF stays for at most {LONGEST_MS / 1000:g}"
        )
    if result.lossy:
        given_up.append(f"lossy compression at {result.lossy}")
    return [*given_up, *metadata_lost(facts)]


def _compare(image: Image.Image, frames: Frames) -> tuple[float | None, float]:
    """Compare up to eight frames by the time at which they are shown with the originals, scaled to the same size.

    Returns SSIM, and for how many milliseconds all are shown.
    """
    ends = np.cumsum(frames.milliseconds)
    originals = enumerate(frames.replay())
    at, original = next(originals)
    shown_at, scores = 0.0, []
    count = int(getattr(image, "n_frames", 1))
    for index in range(count):
        show(image, index)
        if index % max(1, count // _SSIM_FRAMES) == 0:
            while ends[at] <= shown_at + 10 and at + 1 < len(frames):
                at, original = next(originals)
            reduced = original if image.size == frames.size else reduce_by_area(original, image.size)
            scores.append(luma_ssim(reduced, np.asarray(image.convert("L"))))
        shown_at += wait_of(image.info.get("duration", 0))
    return round(float(np.mean(scores)), 4) if scores else None, shown_at
