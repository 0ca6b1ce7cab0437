"""From an animation to frames: decoded once, one after the other, each reduced before the next is read."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from app.errors import MediaDamaged
from app.fit.codecs import Pixels
from app.fit.pixels import fitted_size, resize
from app.model.media import Facts

_MOST_KEPT_BYTES = 120_000_000  # of all reduced frames together
_SHORTEST_MS = 20
_DEFAULT_MS = 100  # what players show in place of a delay under 20 ms
_GROUND = (255, 255, 255, 255)
_FORMATS = ("GIF", "WEBP", "PNG", "AVIF")


@dataclass(frozen=True, slots=True)
class Frames:
    """All frames of one size: H x W x 3 each, milliseconds each; ``loop`` as in a GIF (0 = for ever, None = once)."""

    pixels: list[Pixels]
    milliseconds: list[int]
    loop: int | None
    had_alpha: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.pixels[0].shape[1], self.pixels[0].shape[0]

    def every(self, step: int, size: tuple[int, int]) -> "Frames":
        """Keep every ``step``-th frame, scaled; it stays for as long as those that are left out with it."""
        kept = [resize(pixels, size) for pixels in self.pixels[::step]]
        waits = [sum(self.milliseconds[at : at + step]) for at in range(0, len(self.pixels), step)]
        return Frames(kept, waits, self.loop, self.had_alpha)


def load_frames(path: Path, facts: Facts, side_pixels: int) -> Frames:
    """Decode all frames with the longer side at most ``side_pixels``, or less where there are very many.

    Memory: the reduced frames (at most 120 MB) and two frames of the full size.

    Raises:
        MediaDamaged: a decoder does not get through it.
        MemoryError: more memory than this process may use.
    """
    pixels = facts.width * facts.height * 3 * facts.frames
    room = max(1, int(max(facts.width, facts.height) * min(1.0, (_MOST_KEPT_BYTES / pixels) ** 0.5)))
    size = fitted_size(facts.width, facts.height, min(side_pixels, room))
    kept: list[Pixels] = []
    waits: list[int] = []
    had_alpha = False
    try:
        with Image.open(path, formats=_FORMATS) as image:
            loop = image.info.get("loop")
            for frame in _each(image):
                rgb, transparent = _on_white(frame, size)
                had_alpha |= transparent
                kept.append(rgb)
                # WebP and AVIF know how long a frame stays only once it is decoded.
                waits.append(_wait_of(image))
    except MemoryError:
        raise
    except Exception as failed:
        raise MediaDamaged("The animation is damaged or incomplete.", found=facts.content_type) from failed
    return Frames(kept, waits, loop if isinstance(loop, int) else None, had_alpha)


def _each(image: Image.Image) -> Iterator[Image.Image]:
    for index in range(getattr(image, "n_frames", 1)):
        image.seek(index)
        image.load()
        yield image


def _wait_of(image: Image.Image) -> int:
    wait = image.info.get("duration", 0)
    milliseconds = round(wait) if isinstance(wait, (int, float)) else 0
    return milliseconds if milliseconds >= _SHORTEST_MS else _DEFAULT_MS


def _on_white(frame: Image.Image, size: tuple[int, int]) -> tuple[Pixels, bool]:
    """Flatten and reduce one frame by area, which keeps flat art flat and leaves no rings around text."""
    transparent = False
    if frame.mode == "RGB" and "transparency" not in frame.info:
        rgb = frame
    else:
        layer = frame.convert("RGBA")
        transparent = layer.getchannel("A").getextrema()[0] != 255
        if transparent:
            layer = Image.alpha_composite(Image.new("RGBA", layer.size, _GROUND), layer)
        rgb = layer.convert("RGB")
    pixels = np.asarray(rgb)
    if rgb.size != size:
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return pixels, transparent
