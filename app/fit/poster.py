"""One picture that stands for a video: neither black nor blurred, and like most of what is to be seen."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.confine.programs import ffmpeg_path, run_ffmpeg
from app.errors import MediaDamaged, MediaUnsupported
from app.fit.arrays import luma_of, sharpness_of
from app.fit.choice import Cut, cut_of
from app.fit.pixels import fitted_size
from app.fit.reduce import scaling
from app.fit.still import fit_still
from app.model.media import WHOLE, Budget, Choice, Facts, Fitted, Kind

_SAMPLES = 12
_LEAST_DIFFERENT = 4
_DARK, _BRIGHT = 28.0, 235.0  # mean luma of a picture that shows something
_LEAST_CONTRAST = 10.0  # standard deviation of luma
_SMALL_SIDE = 160
_JPEG = "image/jpeg"

Frames = NDArray[np.uint8]


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
    if ffmpeg_path() is None or _JPEG not in budget.content_types:
        raise MediaUnsupported("A picture of a video cannot be made here.", found=facts.content_type)
    cut = cut_of(facts, replace(choice, form=WHOLE.form))
    with tempfile.TemporaryDirectory(dir=out_dir) as folder:
        frames = _sample(path, facts, cut, budget, Path(folder))
        chosen = choose_frame(frames)
        picture = Path(folder) / "picture.bmp"
        Image.fromarray(frames[chosen]).save(picture)
        height, width = frames[chosen].shape[:2]
        as_still = Facts(Kind.STILL, "image/bmp", picture.stat().st_size, width, height, color="RGB")
        fitted = fit_still(picture, as_still, replace(budget, content_types=(_JPEG,)), out_dir)
    at = cut.start + cut.seconds * (chosen + 0.5) / len(frames)
    scaled = (
        (f"scaled from {facts.width}x{facts.height} to {fitted.width}x{fitted.height}",)
        if (width, height) != (facts.width, facts.height) and (fitted.width, fitted.height) == (width, height)
        else ()
    )
    return replace(
        fitted, given_up=(f"one picture, at about {at:.1f} seconds, instead of the video", *scaled, *fitted.given_up)
    )


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
