"""From an animation to frames: decoded once, one after the other, each reduced before the next is read."""

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from PIL import GifImagePlugin, Image

from app.errors import MediaDamaged
from app.fit.apng import shown_frames
from app.fit.arrays import Pixels, luma_of, reduce_by_area, turn_upright
from app.fit.pixels import fitted_size, ground_for
from app.model.media import Facts

_MOST_KEPT_BYTES = 50_000_000  # of all reduced frames together
_ROOM_AFTER_SHRINKING = 0.8
_SHORTEST_MS = 20  # that players of GIFs keep
LONGEST_MS = 655_350
"""That a GIF can say: two bytes of hundredths of a second."""
_NOT_KEPT_MS = 10  # browsers show a delay of up to this for longer, in whatever format
_DEFAULT_MS = 100  # so long
_MOST_LOOPS = 65_535  # two bytes
_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")
_WEBP_FLAGS_AT = 20  # of VP8X, which an animation begins with
_WEBP_ALPHA = 0x10
_BLANK_SPREAD = 6.0  # standard deviation of luma, 0..255: one thin line over a plain ground has more
FAINT_SPREAD = 7.0
"""Of what a little loss could leave blank."""
_BLANK_SIDE = 160
# Screens and drawings deflate to a tenth; footage hardly at all, and there a piece of it tells so.
_TRIED_BYTES = 4_096
_FLAT_UP_TO = 0.4
_QUICKLY = 1

Ground = tuple[str, tuple[int, int, int]]  # its name in words, and its colour


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame as it is shown, H x W x 3, laid on ``ground`` where it was transparent ("" = it was not)."""

    pixels: Pixels
    milliseconds: int
    ground: str


class Frames:
    """All frames of one size, kept as what changed from one to the next: a screen that is typed on takes next to nothing.

    What is flat is kept deflated, so that a long recording of a screen stays at its full size. A frame that shows nothing new
    prolongs the one before; so does one that comes sooner than a GIF can show it.

    ``loop`` is as in a GIF (0 = for ever, None = once). ``begins`` counts those before the one that comes first: of an endless
    loop they come at its end, else they are left out, and the first stays for as long as they would have, too.
    """

    def __init__(self, size: tuple[int, int], loop: int | None) -> None:
        self.size = size
        self.loop = loop
        self.begins = 0
        self.bytes = 0  # of memory
        self.lost: list[str] = []  # before they were added
        self.added = 0
        self.alike = 0  # that showed nothing new
        self.too_short = 0
        self._numbers: list[int] = []  # as they were added, from 1
        self._waits: list[int] = []
        self._patches: list[_Patch] = []
        self._last: Pixels | None = None

    def __len__(self) -> int:
        return len(self._patches) - (0 if self.loop == 0 else self.begins)

    @property
    def milliseconds(self) -> list[int]:
        """For how long each is shown."""
        before, after = self._waits[: self.begins], self._waits[self.begins :]
        return [*after, *before] if self.loop == 0 else [sum(before) + after[0], *after[1:]]

    @property
    def changed(self) -> list[int]:
        """How many pixels of each are kept: those of the box around what changed."""
        changed = [patch.shape[0] * patch.shape[1] for patch in self._patches]
        return changed[self.begins :] + (changed[: self.begins] if self.loop == 0 else [])

    @property
    def given_up(self) -> tuple[str, ...]:
        """What was lost on the way, scaling not included."""
        told = [*self.lost]
        if self.begins:
            begins = f"begins with frame {self._numbers[self.begins]}, the first that shows something"
            rest = "the blank ones before it come at the end of the loop"
            told.append(
                f"{begins}; {rest if self.loop == 0 else 'it stays for as long as the blank ones before it, too'}"
            )
        if self.alike:
            told.append(
                f"{self.alike} of {self.added} frames show nothing new; the one before each stays that much longer"
            )
        if self.too_short:
            told.append(
                f"{self.too_short} of {self.added} frames left out, since players of GIFs keep no delay under {_SHORTEST_MS} ms; "
                "the one before each stays that much longer"
            )
        return tuple(told)

    def add(self, pixels: Pixels, milliseconds: int) -> None:
        """Append a frame, H x W x 3; reduced where it is larger than the others."""
        self.added += 1
        reduced = pixels if pixels.shape[1::-1] == self.size else reduce_by_area(pixels, self.size)
        patch = _patch_of(self._last, reduced)
        is_too_short = bool(self._waits) and self._waits[-1] < _SHORTEST_MS
        if patch is None or is_too_short:
            self.alike += patch is None
            self.too_short += patch is not None
            self._waits[-1] = min(LONGEST_MS, self._waits[-1] + milliseconds)
            return
        self._patches.append(patch)
        self.bytes += len(patch.content)
        self._numbers.append(self.added)
        self._waits.append(min(LONGEST_MS, milliseconds))
        self._last = reduced

    def end(self) -> None:
        """Let the last one be shown for long enough: what it lacks is taken from the one that is shown for longest."""
        lacking = _SHORTEST_MS - self._waits[-1] if self._waits else 0
        if lacking > 0:
            longest = self._waits.index(max(self._waits))
            self._waits[-1] += lacking
            self._waits[longest] -= lacking if self._waits[longest] >= _SHORTEST_MS + lacking else 0

    def begin_where(self, shows: Callable[[Pixels], bool]) -> None:
        """Let that come first which ``shows`` something, sought from the one that does now; when none does, nothing changes."""
        for at, pixels in enumerate(islice(self._in_order(), self.begins, None), self.begins):
            if shows(pixels):
                self.begins = at
                return

    def shrink(self, size: tuple[int, int]) -> None:
        """Reduce all of them, and what is added later."""
        smaller = Frames(size, self.loop)
        for number, pixels, milliseconds in zip(self._numbers, self._in_order(), self._waits, strict=True):
            smaller.added = number - 1
            smaller.add(pixels, milliseconds)
        self.size, self.bytes, self.alike = size, smaller.bytes, self.alike + smaller.alike
        self._numbers, self._waits = smaller._numbers, smaller._waits
        self._patches, self._last = smaller._patches, smaller._last

    def replay(self) -> Iterator[Pixels]:
        """Show one after the other; each is good until the next is asked for."""
        yield from islice(self._in_order(), self.begins, None)
        if self.loop == 0:
            yield from islice(self._in_order(), self.begins)

    def _in_order(self) -> Iterator[Pixels]:
        canvas = np.zeros((self.size[1], self.size[0], 3), np.uint8)
        for patch in self._patches:
            height, width = patch.shape[:2]
            canvas[patch.top : patch.top + height, patch.left : patch.left + width] = patch.pixels()
            yield canvas

    def every(self, step: int, size: tuple[int, int]) -> Iterator[tuple[Pixels, int]]:
        """Show every ``step``-th frame, reduced; it stays for as long as those that are left out with it."""
        milliseconds = self.milliseconds
        for at, pixels in enumerate(self.replay()):
            if at % step == 0:
                reduced = pixels.copy() if size == self.size else reduce_by_area(pixels, size)
                yield reduced, sum(milliseconds[at : at + step])


@dataclass(frozen=True, slots=True)
class _Patch:
    """A piece of a frame and where it stands; its pixels, h x w x 3, as they are or deflated."""

    top: int
    left: int
    shape: tuple[int, int, int]
    content: bytes
    is_deflated: bool

    def pixels(self) -> Pixels:
        content = zlib.decompress(self.content) if self.is_deflated else self.content
        return np.frombuffer(content, np.uint8).reshape(self.shape)


def _patch_of(before: Pixels | None, after: Pixels) -> _Patch | None:
    """Cut out what differs; None when nothing does."""
    box = (0, 0, after.shape[1], after.shape[0]) if before is None else changed_box(before, after)
    if box is None:
        return None
    left, top, right, bottom = box
    height, width = bottom - top, right - left
    content = after[top:bottom, left:right].tobytes()
    middle = content[len(content) // 2 :][:_TRIED_BYTES]
    is_flat = len(zlib.compress(middle, _QUICKLY)) < _FLAT_UP_TO * len(middle)
    return _Patch(top, left, (height, width, 3), zlib.compress(content, _QUICKLY) if is_flat else content, is_flat)


def changed_box(before: Pixels, after: Pixels) -> tuple[int, int, int, int] | None:
    """Tell the smallest box, (left, top, right, bottom), around what differs, H x W or H x W x 3; None when nothing does."""
    height, width = after.shape[:2]
    changed = (before != after).reshape(height, -1)  # channels side by side: much faster than to ask for each pixel
    rows = np.flatnonzero(changed.any(axis=1))
    if not len(rows):
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(changed[top:bottom].any(axis=0)) // (changed.shape[1] // width)
    return int(columns[0]), top, int(columns[-1]) + 1, bottom


@contextmanager
def open_frames(path: Path, facts: Facts, size: tuple[int, int]) -> Iterator[tuple[Iterator[Frame], int | None]]:
    """Open an animation to read its frames one after the other, upright, reduced to ``size``, and how often it loops.

    Memory: two frames of the full size. A still that an APNG shows to programs that know no animations is left out.

    MediaDamaged when a decoder does not get through it; MemoryError when that takes more than this process may use.
    """
    with _decoding(facts):
        image = _open(path)
        image.seek(0)
    with image:
        yield _guarded(_each(image, path, facts, size), facts), _loop_of(image)


def _open(path: Path) -> Image.Image:
    """Open it, a WebP as one that may be transparent: opaque frames need not cover its canvas, which Pillow would show black."""
    image = Image.open(path, formats=_FORMATS)
    if image.format != "WEBP" or image.mode == "RGBA":
        return image
    image.close()
    data = bytearray(path.read_bytes())
    data[_WEBP_FLAGS_AT] |= _WEBP_ALPHA
    return Image.open(io.BytesIO(data), formats=["WEBP"])


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
    """Decode all frames with the longer side at most ``side_pixels``, or less where they would take too much memory.

    Some handsets show the first frame alone, so it must show something: it is the first that is not blank.

    Memory: the reduced frames (at most 50 MB) and two frames of the full size.
    """
    size = fitted_size(facts.width, facts.height, side_pixels)
    with open_frames(path, facts, size) as (decoded, loop):
        frames = Frames(size, loop if loop is None else min(loop, _MOST_LOOPS))
        frames.lost += [f"repeated {_MOST_LOOPS:,} times, the most that a GIF can say"] if frames.loop != loop else []
        ground = ""
        for done, frame in enumerate(decoded, 1):
            ground = ground or frame.ground
            frames.add(frame.pixels, frame.milliseconds)
            if frames.bytes > _MOST_KEPT_BYTES:
                foreseen = frames.bytes * max(1.0, facts.frames / done)
                share = (_MOST_KEPT_BYTES * _ROOM_AFTER_SHRINKING / foreseen) ** 0.5
                frames.shrink(fitted_size(*frames.size, max(1, int(max(frames.size) * share))))
    frames.lost += [f"transparency flattened on {ground}"] if ground else []
    frames.end()
    frames.begin_where(lambda pixels: not is_blank(pixels))
    return frames


def is_blank(pixels: Pixels, spread: float = _BLANK_SPREAD) -> bool:
    """Tell whether nothing can be told on a frame: one colour, or hardly anything else, by the ``spread`` of its luma."""
    small = reduce_by_area(pixels, fitted_size(pixels.shape[1], pixels.shape[0], _BLANK_SIDE))
    return float(luma_of(np.ascontiguousarray(small)).std()) < spread


def _each(image: Image.Image, path: Path, facts: Facts, size: tuple[int, int]) -> Iterator[Frame]:
    ground: Ground | None = None
    shown_until, told = 0.0, 0
    size = size if facts.orientation < 5 else size[::-1]
    for index, (shown, wait) in enumerate(islice(_shown(image, path), facts.frames)):
        layer = _transparent_layer(shown)
        if layer is None:
            whole, on = shown.convert("RGB"), ""
        else:
            on, color = ground = ground or _choose_ground(path, index)
            whole = Image.alpha_composite(Image.new("RGBA", layer.size, (*color, 255)), layer).convert("RGB")
        # An APNG tells fractions of seconds: each is rounded without letting the whole grow longer or shorter.
        shown_until += wait_of(wait)
        milliseconds = round(shown_until) - told
        told += milliseconds
        yield Frame(turn_upright(_reduce(whole, size), facts.orientation), milliseconds, on)


def _shown(image: Image.Image, path: Path) -> Iterator[tuple[Image.Image, Any]]:
    """Show one frame after the other as it is stored, not yet upright, each with its milliseconds as they are told."""
    if image.format == "PNG":
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as data:
            yield from shown_frames(data)
        return
    for index in range(getattr(image, "n_frames", 1)):
        show(image, index)
        yield image, image.info.get("duration", 0)  # WebP and AVIF know it only once the frame is decoded


def show(image: Image.Image, index: int) -> None:
    """Decode the frame that follows, or the first one."""
    if isinstance(image, GifImagePlugin.GifImageFile):
        # Where a frame does not say what becomes of it, it stays; Pillow does again what the one before it said.
        image.disposal_method = 0
    image.seek(index)
    image.load()


def _transparent_layer(image: Image.Image) -> Image.Image | None:
    """Take the frame with its transparency; None when there is none in it."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return None
    layer = image.convert("RGBA")
    return layer if layer.getchannel("A").getextrema()[0] != 255 else None


def _choose_ground(path: Path, index: int) -> Ground:
    """Choose by the first frame from ``index`` on that shows anything, for all of them: a ground must not flicker."""
    with _open(path) as ahead:  # anew: not every decoder finds its way back
        for shown, _ in islice(_shown(ahead, path), index, None):
            layer = shown.convert("RGBA")
            if layer.getchannel("A").getextrema()[1]:
                break
        return ground_for(layer)


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


def wait_of(told: Any) -> float:
    """Tell how many milliseconds a frame is shown of which a decoder says so many."""
    return told if isinstance(told, (int, float)) and told > _NOT_KEPT_MS else _DEFAULT_MS
