"""What goes out in place of an animation, when the caller chooses so: its first frame, or an MP4."""

import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path

from PIL import Image

from app.confine.feed import feed_ffmpeg
from app.confine.programs import ffmpeg_path
from app.errors import MediaDamaged, MediaUnsupported
from app.fit.arrays import Pixels
from app.fit.frames import is_blank, open_frames
from app.fit.pixels import fitted_size
from app.fit.still import fit_still
from app.fit.video import fit_video
from app.fit.video_plan import plan_video
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Form, Kind

_MOST_SIDE_OF_VIDEO = 640  # a side that no MP4 of ours goes beyond
_MOST_FPS = 30.0
_LOSSLESS = ("-c:v", "libx264rgb", "-preset", "ultrafast", "-qp", "0", "-f", "matroska")


def fit_first_frame(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE) -> Fitted:
    """Make a still of an animation: its first frame as it is shown, or the first that shows something.

    Args:
        path: the animation; read, never changed.
        facts: what ``probe_media`` said of it.
        budget: inclusive limits.
        out_dir: where the result is written.
        choice: only its form counts, and that has been looked at: an animation cannot be cut.

    Raises CannotFit as ``fit_still`` does, MediaDamaged when the decoder does not get that far.
    """
    del choice
    started = time.monotonic_ns()
    number, pixels, ground = _first_that_shows_something(path, facts)
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        still = Path(folder) / "frame.png"
        Image.fromarray(pixels).save(still, "PNG")
        described = Facts(
            kind=Kind.STILL,
            content_type="image/png",
            bytes=still.stat().st_size,
            width=facts.width,
            height=facts.height,
            color="RGB",
        )
        fitted = fit_still(still, described, budget, out_dir)
    which = "the first" if number == 1 else f"number {number}, the first that shows something,"
    given_up = (
        f"a still: {which} of {facts.frames} frames",
        *((f"transparency flattened on {ground}",) if ground else ()),
        *fitted.given_up,
        *(("location and other metadata removed",) if facts.has_location else ()),
    )
    quality = replace(fitted.quality, frames_in=facts.frames, milliseconds=(time.monotonic_ns() - started) // 1_000_000)
    return replace(fitted, untouched=False, given_up=given_up, quality=quality)


def _first_that_shows_something(path: Path, facts: Facts) -> tuple[int, Pixels, str]:
    """Find it: its number from 1, its pixels at the full size, and the ground that it was laid on; the first if all are blank.

    Raises:
        MediaDamaged: there is no frame, or the decoder does not get through it.
    """
    first: tuple[int, Pixels, str] | None = None
    with open_frames(path, facts, (facts.width, facts.height)) as (frames, _):
        for number, frame in enumerate(frames, 1):
            first = first or (number, frame.pixels, frame.ground)
            if not is_blank(frame.pixels):
                return number, frame.pixels, frame.ground
    if first is None:
        raise MediaDamaged("The animation has no frames.", found=facts.content_type)
    return first


def fit_animation_as_video(
    path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE, *, fast: bool = False
) -> Fitted:
    """Make an MP4 of an animation: every delay kept to a thirtieth of a second, played once, without sound.

    The frames are decoded here, one after the other, since ffmpeg reads no animated WebP; it gets them without loss.

    Args:
        path: the animation; read, never changed.
        facts: what ``probe_media`` said of it.
        budget: inclusive limits.
        out_dir: where the result is written.
        choice: only its form counts: an animation cannot be cut.
        fast: take the quicker way where there are two.

    Raises CannotFit as ``fit_video`` does.

    Raises:
        MediaUnsupported: no ffmpeg here.
        MediaDamaged: no decoder gets through it.
    """
    del choice
    if ffmpeg_path() is None:
        raise MediaUnsupported("Videos cannot be fitted here.", found=facts.content_type)
    started = time.monotonic_ns()
    # Refused before it is written: delays may add up to days, and every thirtieth of a second is a picture.
    fps = _fps_of(path, facts)
    foreseen = replace(facts, kind=Kind.VIDEO, channels=0, color="", frames=max(1, round(facts.seconds * fps)))
    plan_video(foreseen, budget, Choice(Form.MP4))
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        clip = Path(folder) / "frames.mkv"
        described, lost = _write_clip(path, facts, fps, clip)
        fitted = fit_video(clip, described, budget, out_dir, Choice(Form.MP4), fast=fast)
    quality = replace(fitted.quality, frames_in=facts.frames, milliseconds=(time.monotonic_ns() - started) // 1_000_000)
    metadata = ("location and other metadata removed",) if facts.has_location else ()
    return replace(fitted, untouched=False, given_up=(*lost, *fitted.given_up, *metadata), quality=quality)


def _write_clip(path: Path, facts: Facts, fps: float, clip: Path) -> tuple[Facts, tuple[str, ...]]:
    """Write the frames as a clip without loss, each repeated for as long as it is shown; returns what it is, and what was lost.

    Raises:
        MediaDamaged: ffmpeg does not take them.
    """
    size = fitted_size(facts.width, facts.height, _MOST_SIDE_OF_VIDEO)
    grounds, written, left_out = set[str](), 0, 0

    def pictures() -> Iterator[bytes]:
        nonlocal written, left_out
        shown_until = 0.0
        for frame in frames:
            grounds.add(frame.ground)
            shown_until += frame.milliseconds / 1000
            times = max(0, round(shown_until * fps) - written)
            written += times
            left_out += not times
            yield from repeat(frame.pixels.tobytes(), times)

    with open_frames(path, facts, size) as (frames, loop):
        if not feed_ffmpeg(pictures(), size, fps, *_LOSSLESS, f"file:{clip}"):
            raise MediaDamaged("The frames of this animation cannot be made a video.", found=facts.content_type)
    flattened = sorted(ground for ground in grounds if ground)
    lost = (
        "a video in place of an animation" + ("; it plays once" if loop is not None else ""),
        *([f"{left_out} of {facts.frames} frames left out: {fps:g} a second are shown"] if left_out else []),
        *(f"transparency flattened on {ground}" for ground in flattened),
    )
    described = Facts(
        kind=Kind.VIDEO,
        content_type="video/x-matroska",
        bytes=clip.stat().st_size,
        width=facts.width,
        height=facts.height,
        frames=written,
        seconds=round(written / fps, 3),
        channels=0,
    )
    return described, lost


def _fps_of(path: Path, facts: Facts) -> float:
    """Find the fewest frames a second that keep every delay, at most thirty: delays are hundredths of a second in GIFs."""
    with open_frames(path, facts, (1, 1)) as (frames, _):
        waits = [frame.milliseconds for frame in frames]
    is_even = max(waits) - min(waits) <= 1  # but for what was rounded: 24 a second are 42, 41 and 42 ms
    return min(_MOST_FPS, 1000 * len(waits) / sum(waits) if is_even else 1000 / math.gcd(*waits))
