"""One picture of a video: the first that shows something, or for pages the one that is like most of what is to be seen."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.confine.programs import ffmpeg_path, run_ffmpeg
from app.errors import MediaDamaged, MediaUnsupported
from app.fit.arrays import luma_of, sharpness_of
from app.fit.choice import Cut, cut_of, refuse_without_pictures
from app.fit.frames import is_blank
from app.fit.pixels import fitted_size
from app.fit.reduce import deinterlacing, scaling
from app.fit.still import fit_still
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Kind

_SAMPLES = 12
_LEAST_DIFFERENT = 4
_DARK, _BRIGHT = 28.0, 235.0  # mean luma of a picture that shows something
_LEAST_CONTRAST = 10.0  # standard deviation of luma
_SMALL_SIDE = 160
_JPEG = "image/jpeg"
_LOOKED_AT_SECONDS = 5.0  # for a first picture that shows something
_SHOWN_AT = re.compile(rb"pts_time:\s*(-?[0-9.]+)")

Frames = NDArray[np.uint8]
Frame = NDArray[np.uint8]


def make_poster(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE) -> Fitted:
    """Choose a picture of a video and fit it as a JPEG; the same video always gives the same one.

    Twelve pictures, evenly over the cut, are looked at: black, white and empty ones are left out; of the others the one
    that is both sharp and most like all of them is taken.

    Args:
        path: the video.
        facts: what ``probe_media`` said of it.
        budget: inclusive limits of the picture; JPEG must be among its types.
        out_dir: where it is written.
        choice: of it the cut alone counts: the picture is taken from there.

    CannotFit when the picture cannot be made that small, MediaDamaged when no decoder gets through it.

    Raises:
        MediaUnsupported: no ffmpeg here, or a JPEG may not go out.
    """
    cut = _cut_for_picture(facts, budget, choice)
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        frames = _sample(path, facts, cut, budget, Path(folder))
        chosen = choose_frame(frames)
        at = cut.start + cut.seconds * (chosen + 0.5) / len(frames)
        told = f"one picture, at about {at:.1f} seconds, instead of the video"
        return _fit_picture(frames[chosen], told, facts, budget, Path(folder), out_dir)


def fit_first_picture(path: Path, facts: Facts, budget: Budget, out_dir: Path, choice: Choice = WHOLE) -> Fitted:
    """Fit the first picture of a cut as a JPEG; where it shows nothing, the first within five seconds that does.

    Args as for ``make_poster``, errors too. ``given_up`` names the time that the picture itself has in the video.
    InvalidRequest when the cut has sound alone.

    Raises:
        MediaDamaged: no decoder gets through it.
    """
    cut = _cut_for_picture(facts, budget, choice)
    with tempfile.TemporaryDirectory(dir=out_dir) as name:
        folder = Path(name)
        found = _first_shown(path, facts, cut, budget, folder)
        found = found or _first_shown(path, facts, cut, budget, folder, begins_before=True)
        if found is None and not cut.whole:
            refuse_without_pictures(facts, cut)
        if found is None:
            raise MediaDamaged("No decoder gets through this video.", found=facts.content_type)
        pixels, after, is_first = found
        which = "the first" if is_first else "the first that shows something"
        told = f"one picture instead of the video: {which}, at {cut.start + after:.2f} seconds"
        return _fit_picture(pixels, told, facts, budget, folder, out_dir)


def _cut_for_picture(facts: Facts, budget: Budget, choice: Choice) -> Cut:
    """Find where to look for it.

    Raises:
        MediaUnsupported: no ffmpeg here, or a JPEG may not go out.
    """
    if ffmpeg_path() is None or _JPEG not in budget.content_types:
        raise MediaUnsupported("A picture of a video cannot be made here.", found=facts.content_type)
    return cut_of(facts, replace(choice, form=WHOLE.form))


def _fit_picture(pixels: Frame, told: str, facts: Facts, budget: Budget, folder: Path, out_dir: Path) -> Fitted:
    picture = folder / "picture.bmp"
    Image.fromarray(pixels).save(picture)
    height, width = pixels.shape[:2]
    as_still = Facts(Kind.STILL, "image/bmp", picture.stat().st_size, width, height, color="RGB")
    fitted = fit_still(picture, as_still, replace(budget, content_types=(_JPEG,)), out_dir)
    scaled = (
        (f"scaled from {facts.width}x{facts.height} to {fitted.width}x{fitted.height}",)
        if (width, height) != (facts.width, facts.height) and (fitted.width, fitted.height) == (width, height)
        else ()
    )
    return replace(fitted, given_up=(told, *scaled, *fitted.given_up))


def _first_shown(
    path: Path, facts: Facts, cut: Cut, budget: Budget, folder: Path, *, begins_before: bool = False
) -> tuple[Frame, float, bool] | None:
    """Find its pixels, its seconds from the cut's start, and whether it is the very first; at most four a second are judged.

    ``begins_before``: the one that is there already when the cut begins, and stays. None when there is none.

    Raises:
        MediaDamaged: no decoder gets through it.
    """
    width, height = fitted_size(facts.width, facts.height, budget.side_pixels)
    made = folder / "first.rgb"
    wanted = "isnan(prev_selected_t)+gte(t-prev_selected_t\\,0.249)"
    seconds = min(cut.seconds, _LOOKED_AT_SECONDS)
    picked = "fps=4:start_time=0,trim=end_frame=1" if begins_before else f"select='{wanted}',trim=end={seconds:.6f}"
    opening = cut.opening_for_pictures if begins_before else ("-ss", f"{cut.start:.6f}", "-t", f"{seconds:.6f}")
    filters = [*deinterlacing(facts), picked, *scaling(facts, (width, height)), "format=rgb24", "showinfo=checksum=0"]
    done = run_ffmpeg(
        path, facts.content_type, "-map", "0:V:0", "-an", "-vf", ",".join(filters), "-fps_mode", "passthrough",
        "-c:v", "rawvideo", "-f", "rawvideo", f"file:{made}",
        opening=opening, verbosity="info",
    )  # fmt: skip
    if done.returncode:
        raise MediaDamaged("No decoder gets through this video.", found=facts.content_type)
    times = [float(each) for each in _SHOWN_AT.findall(done.stderr)]
    count = made.stat().st_size // (width * height * 3) if made.exists() else 0
    if not count:
        return None
    frames = np.memmap(made, np.uint8, "r", shape=(count, height, width, 3))
    number = next((index for index, each in enumerate(frames) if not is_blank(np.ascontiguousarray(each))), 0)
    return frames[number], max(0.0, times[number]), number == 0


def _sample(path: Path, facts: Facts, cut: Cut, budget: Budget, folder: Path) -> Frames:
    """Decode about twelve pictures, N x H x W x 3 in RGB: key frames alone where there are enough of them.

    Raises:
        MediaDamaged: no decoder gets through it.
    """
    frames = _decode(path, facts, cut, budget, folder, "-skip_frame", "nokey")
    if frames is None or _count_different(frames) < min(_LEAST_DIFFERENT, facts.frames):
        frames = _decode(path, facts, cut, budget, folder)
    if frames is None:
        raise MediaDamaged("No decoder gets through this video.", found=facts.content_type)
    return frames


def _decode(path: Path, facts: Facts, cut: Cut, budget: Budget, folder: Path, *opening: str) -> Frames | None:
    width, height = fitted_size(facts.width, facts.height, budget.side_pixels)
    made = folder / "pictures.rgb"
    filters = [f"fps={_SAMPLES / cut.seconds:.6g}", *scaling(facts, (width, height)), "format=rgb24"]
    done = run_ffmpeg(
        path, facts.content_type, "-map", "0:V:0", "-an", "-vf", ",".join(filters), "-frames:v", str(_SAMPLES + 1),
        "-c:v", "rawvideo", "-f", "rawvideo", f"file:{made}",
        opening=(*opening, *cut.opening),
    )  # fmt: skip
    count = made.stat().st_size // (width * height * 3) if made.exists() and not done.returncode else 0
    return np.memmap(made, np.uint8, "r", shape=(count, height, width, 3)) if count else None


def _count_different(frames: Frames) -> int:
    return len({frame[::8, ::8].tobytes() for frame in frames})


def choose_frame(frames: Frames) -> int:
    """Choose of N x H x W x 3 pictures the index of the one that shows best what all of them show; the first of equals."""
    step = max(1, max(frames.shape[1:3]) // _SMALL_SIDE)
    grays = [luma_of(np.ascontiguousarray(each[::step, ::step])) for each in frames]
    shows = [_DARK <= gray.mean() <= _BRIGHT and gray.std() >= _LEAST_CONTRAST for gray in grays]
    candidates = [index for index, good in enumerate(shows) if good] or list(range(len(grays)))
    histograms = np.stack(
        [np.histogram(grays[index], bins=32, range=(0, 256))[0] / grays[index].size for index in candidates]
    )
    likeness = np.minimum(histograms, np.median(histograms, axis=0)).sum(axis=1)
    sharpness = np.array([sharpness_of(grays[index]) for index in candidates])
    score = likeness + 0.5 * sharpness / max(1.0, float(sharpness.max()))
    return candidates[int(np.argmax(score))]
