"""From an animation to frames: decoded once, one after the other, each reduced before the next is read."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from app.errors import MediaDamaged
from app.fit.arrays import Pixels, luma_of, reduce_by_area, resize
from app.fit.pixels import fitted_size, ground_for
from app.model.media import Facts

_MOST_KEPT_BYTES = 120_000_000  # of all reduced frames together
_SHORTEST_MS = 20
_DEFAULT_MS = 100  # what players show in place of a delay under 20 ms
_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
_BLANK_SPREAD = 6.0  # standard deviation of luma, 0..255: one thin line over a plain ground has more
_BLANK_SIDE = 160

Ground = tuple[str, tuple[int, int, int]]  # its name in words, and its colour


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it is shown, H x W x 3, laid on ``ground`` where it was transparent ("" = it was not)."""

    pixels: Pixels
    milliseconds: int
    ground: str


@dataclass(frozen=True, slots=True)
class Frames:
    """All frames of one size: H x W x 3 each, milliseconds each; ``loop`` as in a GIF (0 = for ever, None = once).

    ``given_up`` says what was lost on the way, scaling not included.
    """

    pixels: list[Pixels]
    milliseconds: list[int]
    loop: int | None
    given_up: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels[0].shape[1], self.pixels[0].shape[0]

    def every(self, step: int, size: tuple[int, int]) -> "Frames":
        """Keep every ``step``-th frame, scaled; it stays for as long as those that are left out with it."""
        kept = [resize(pixels, size) for pixels in self.pixels[::step]]
        waits = [sum(self.milliseconds[at : at + step]) for at in range(0, len(self.pixels), step)]
        return Frames(kept, waits, self.loop, self.given_up)


@contextmanager
def open_frames(path: Path, facts: Facts, size: tuple[int, int]) -> Iterator[tuple[Iterator[Frame], int | None]]:
    """Open an animation to read its frames one after the other, reduced to ``size``, and how often it loops.

    Memory: two frames of the full size. A still that an APNG shows to programs that know no animations is left out.

    MediaDamaged when a decoder does not get through it; MemoryError when that takes more than this process may use.
    """
    with _decoding(facts):
        image = Image.open(path, formats=_FORMATS)
        image.seek(0)
    with image:
        yield _guarded(_each(image, size), facts), _loop_of(image)


def _guarded(frames: Iterator[Frame], facts: Facts) -> Iterator[Frame]:
    with _decoding(facts):
        yield from frames


@contextmanager
def _decoding(facts: Facts) -> Iterator[None]:
    """Translate whatever a decoder raises.

    Raises:
        MediaDamaged: it does not get through the file.
        MemoryError: more memory than this process may use.
    """
    try:
        yield
    except MemoryError:
        raise
    except Exception as failed:
        raise MediaDamaged("The animation is damaged or incomplete.", found=facts.content_type) from failed


def load_frames(path: Path, facts: Facts, side_pixels: int) -> Frames:
    """Decode all frames with the longer side at most ``side_pixels``, or less where there are very many.

    Some handsets show the first frame alone, so it must show something: what is blank at the beginning of a loop comes at its
    end instead, and what plays once begins with the first frame that is not blank, shown that much longer.

    Memory: the reduced frames (at most 120 MB) and two frames of the full size.
    """
    pixels = facts.width * facts.height * 3 * facts.frames
    room = max(1, int(max(facts.width, facts.height) * min(1.0, (_MOST_KEPT_BYTES / pixels) ** 0.5)))
    size = fitted_size(facts.width, facts.height, min(side_pixels, room))
    with open_frames(path, facts, size) as (frames, loop):
        kept = list(frames)
    ground = next((frame.ground for frame in kept if frame.ground), "")
    flattened = (f"transparency flattened on {ground}",) if ground else ()
    ordered, moved = begin_with_something(kept, loop)
    return Frames([f.pixels for f in ordered], [f.milliseconds for f in ordered], loop, (*flattened, *moved))


def begin_with_something(frames: list[Frame], loop: int | None) -> tuple[list[Frame], tuple[str, ...]]:
    """Move or leave out what is blank at the beginning; returns the frames and what was given up, in words."""
    first = next((at for at, frame in enumerate(frames) if not is_blank(frame.pixels)), 0)
    if not first:
        return frames, ()
    begins = f"begins with frame {first + 1}, the first that shows something"
    if loop == 0:
        return frames[first:] + frames[:first], (f"{begins}; the blank ones before it come at the end of the loop",)
    waited = sum(frame.milliseconds for frame in frames[: first + 1])
    shown = Frame(frames[first].pixels, waited, frames[first].ground)
    return [shown, *frames[first + 1 :]], (f"{begins}; it stays for as long as the blank ones before it, too",)


def is_blank(pixels: Pixels) -> bool:
    """Tell whether nothing can be told on a frame: one colour, or hardly anything else."""
    small = reduce_by_area(pixels, fitted_size(pixels.shape[1], pixels.shape[0], _BLANK_SIDE))
    return float(luma_of(np.ascontiguousarray(small)).std()) < _BLANK_SPREAD


def _each(image: Image.Image, size: tuple[int, int]) -> Iterator[Frame]:
    ground: Ground | None = None
    for index in range(_first_of(image), getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        layer = _transparent_layer(image)
        if layer is None:
            yield Frame(_reduce(image.convert("RGB"), size), _wait_of(image), "")
            continue
        # WebP and AVIF know how long a frame stays only once it is decoded.
        wait = _wait_of(image)
        ground = ground or _choose_ground(image, index)
        whole = Image.alpha_composite(Image.new("RGBA", layer.size, (*ground[1], 255)), layer)
        yield Frame(_reduce(whole.convert("RGB"), size), wait, ground[0])


def _first_of(image: Image.Image) -> int:
    """Leave out the still of an APNG that is no part of its animation."""
    return 1 if image.info.get("default_image") else 0


def _transparent_layer(image: Image.Image) -> Image.Image | None:
    """Take the frame with its transparency; None when there is none in it."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return None
    layer = image.convert("RGBA")
    return layer if layer.getchannel("A").getextrema()[0] != 255 else None


def _choose_ground(image: Image.Image, index: int) -> Ground:
    """Choose by the first frame from ``index`` on that shows anything, for all of them: a ground must not flicker."""
    for at in range(index, getattr(image, "n_frames", 1)):
        image.seek(at)
        layer = image.convert("RGBA")
        if layer.getchannel("A").getextrema()[1]:
            break
    ground = ground_for(layer)
    image.seek(index)
    return ground


def _reduce(image: Image.Image, size: tuple[int, int]) -> Pixels:
    """Reduce by area, which keeps flat art flat and leaves no rings around text."""
    pixels = np.asarray(image)
    return pixels if image.size == size else reduce_by_area(pixels, size)


def _loop_of(image: Image.Image) -> int | None:
    """Tell how often it is repeated, as a GIF says it: 0 = for ever, None = played once."""
    loop = image.info.get("loop")
    if image.format == "AVIF":
        return 0
    if not isinstance(loop, int):
        return None
    if image.format == "GIF" or loop == 0:
        return loop
    return loop - 1 or None  # WebP and APNG count how often it is played


def _wait_of(image: Image.Image) -> int:
    wait = image.info.get("duration", 0)
    milliseconds = round(wait) if isinstance(wait, (int, float)) else 0
    return milliseconds if milliseconds >= _SHORTEST_MS else _DEFAULT_MS
