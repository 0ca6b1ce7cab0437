"""From frames to a GIF: one palette for all, what did not change left alone, then gifsicle's lossy compression.

gifsicle (GPL) is a program of its own, run as a separate process; without it the GIF is longer and nothing else changes.
"""

import io
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from app.confine.programs import gifsicle_path, run_program
from app.fit.codecs import Pixels
from app.fit.frames import Frames

_PALETTE_FRAMES = 16
_PALETTE_PIXELS = 30_000
_LEVELS = 64
_LOSSY_OF_ONE_LEVEL = 16  # so many levels of 255 may a pixel stray from what is shown before it is drawn anew


def squeeze_gif(content: bytes, lossy: int, *options: str) -> bytes:
    """Have gifsicle optimise a GIF; ``lossy`` 0 is without loss. The same bytes come back where gifsicle is missing."""
    program = gifsicle_path()
    if program is None:
        return content
    command = [program, "--no-warnings", "-O2", *options, *([f"--lossy={lossy}"] if lossy else [])]
    done = run_program(command, input_bytes=content)
    return done.stdout if done.returncode == 0 and done.stdout[:4] == b"GIF8" else content


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours, N x 3, and the index of the nearest one for each of 64 x 64 x 64 colours."""

    table: Pixels
    nearest: Pixels

    def index_of(self, pixels: Pixels) -> Pixels:
        """Map H x W x 3 pixels to the nearest entries, H x W."""
        cells = ((pixels.astype(np.uint16) * (_LEVELS - 1) + 127) // 255).astype(np.uint8)
        return np.ascontiguousarray(self.nearest[cells[..., 0], cells[..., 1], cells[..., 2]])


def encode_gif(frames: Frames, palette: Palette, *, lossy: int) -> bytes:
    """Encode frames of one size without dither, which would flicker and cannot be compressed."""
    still_enough = lossy // _LOSSY_OF_ONE_LEVEL
    images = [Image.fromarray(indices, "P") for indices in _quantise(frames.pixels, palette, still_enough)]
    for image in images:
        image.putpalette(palette.table.tobytes())
    buffer = io.BytesIO()
    options = {} if frames.loop is None else {"loop": frames.loop}
    images[0].save(
        buffer,
        "GIF",
        save_all=True,
        append_images=images[1:],
        duration=_in_hundredths(frames.milliseconds),
        disposal=1,
        optimize=False,
        **options,
    )
    return squeeze_gif(buffer.getvalue(), lossy)


def _in_hundredths(milliseconds: list[int]) -> list[int]:
    """Round to what a GIF can say, without letting the whole grow longer or shorter."""
    ends = np.rint(np.cumsum(milliseconds) / 10).astype(int) * 10
    return [int(wait) for wait in np.maximum(np.diff(ends, prepend=0), 20)]


def choose_palette(pixels: list[Pixels], colors: int) -> Palette:
    """Choose colours from an even sample of all frames."""
    together = np.concatenate([frame.reshape(-1, 3) for frame in pixels[:: max(1, len(pixels) // _PALETTE_FRAMES)]])
    sample = np.ascontiguousarray(together[:: max(1, len(together) // _PALETTE_PIXELS)])
    palette = Image.fromarray(sample[None]).quantize(
        colors, method=Image.Quantize.MEDIANCUT, kmeans=1, dither=Image.Dither.NONE
    )
    table = np.frombuffer(bytes(palette.getpalette() or b""), np.uint8).reshape(-1, 3)[:colors]
    return Palette(table, _nearest(table))


def _nearest(table: Pixels) -> Pixels:
    """Map each of 64 x 64 x 64 colours to the index of the nearest in the table."""
    levels = np.arange(_LEVELS, dtype=np.float32) * (255 / (_LEVELS - 1))
    entries = table.astype(np.float32)
    nearest = np.empty((_LEVELS, _LEVELS, _LEVELS), np.uint8)
    blue = (levels[:, None] - entries[:, 2]) ** 2
    green_blue = ((levels[:, None] - entries[:, 1]) ** 2)[:, None, :] + blue[None]
    for red in range(_LEVELS):
        nearest[red] = (green_blue + (levels[red] - entries[:, 0]) ** 2).argmin(axis=2)
    return nearest


def _quantise(pixels: list[Pixels], palette: Palette, still_enough: int) -> list[Pixels]:
    """Map frames to the palette; a pixel that hardly differs from what is shown there keeps its colour.

    It is compared with what is shown, not with the frame before: a slow change is drawn as soon as it can be seen, and
    nothing trails behind what moves.
    """
    table = palette.table
    results: list[Pixels] = []
    for frame in pixels:
        fresh = palette.index_of(frame)
        if results:
            stray = np.asarray(cv2.absdiff(frame, table[results[-1]])).max(axis=2).astype(np.int16)
            ideal = np.asarray(cv2.absdiff(frame, table[fresh])).max(axis=2).astype(np.int16)
            fresh = np.where(stray > ideal + still_enough, fresh, results[-1])
        results.append(np.ascontiguousarray(fresh))
    return results
