"""From frames to a GIF: one palette for all, what is not seen to change left alone, then gifsicle's better compression.

gifsicle (GPL) is a program of its own, run as a separate process; without it the GIF is longer and nothing else changes.
"""

import struct
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from app.confine.programs import gifsicle_path, run_program
from app.fit.arrays import Pixels, difference
from app.fit.frames import LONGEST_MS, Frames, changed_box
from app.fit.palette import Palette

_PALETTE_FRAMES = 16
_PALETTE_PIXELS = 30_000
MOST_COLORS = 255
_EXTENSION, _GRAPHIC_CONTROL, _END = 0x21, 0xF9, 0x3B


def squeeze_gif(content: bytes, *options: str) -> bytes:
    """Have gifsicle optimise a GIF. The same bytes come back where gifsicle is missing, or does not take it."""
    program = gifsicle_path()
    if program is None:
        return content
    done = run_program([program, "--no-warnings", "-O2", *options], input_bytes=content)
    return done.stdout if done.returncode == 0 and done.stdout[:4] == b"GIF8" else content


def encode_gif(
    frames: Iterable[tuple[Pixels, int]],
    size: tuple[int, int],
    palette: Palette,
    loop: int | None,
    *,
    still_enough: int,
) -> bytes:
    """Encode frames, each with its milliseconds, without dither, which would flicker and cannot be compressed.

    Args:
        frames: H x W x 3 each, at least one.
        size: of all of them, width and height.
        palette: of at most 255 colours.
        loop: 0 = for ever, None = once.
        still_enough: so many levels of 255 may a pixel stray from what is shown before it is drawn anew.
    """
    pieces = [_header(size, palette.table, loop)]
    shown_ms = told = 0
    for corner, pixels, milliseconds in _changes(quantise(frames, palette, still_enough)):
        shown_ms += milliseconds
        # Rounded to what a GIF can say without letting the whole grow longer or shorter; what it cannot say is lost.
        hundredths = round(shown_ms / 10) - told
        told += hundredths
        duration = min(LONGEST_MS, hundredths * 10)
        pieces += GifImagePlugin.getdata(Image.fromarray(pixels), corner, duration=duration, disposal=1)
    return squeeze_gif(b"".join([*pieces, b";"]))


def frame_lengths(content: bytes) -> tuple[int, list[tuple[int, int]]]:
    """Tell how long a GIF of ours is before its first frame, and of each frame when it is shown, in 1/100 s, and its bytes."""
    first = at = 13 + (3 << ((content[10] & 7) + 1) if content[10] & 0x80 else 0)
    shown_at = delay = 0
    frames: list[tuple[int, int]] = []
    began: int | None = None
    while content[at] != _END:
        if content[at] == _EXTENSION:
            if content[at + 1] == _GRAPHIC_CONTROL:
                began, delay = at, int.from_bytes(content[at + 4 : at + 6], "little")
            at = _behind_blocks(content, at + 2)
            continue
        start = at if began is None else began
        first = start if not frames else first
        at = _behind_blocks(content, at + 11 + (3 << ((content[at + 9] & 7) + 1) if content[at + 9] & 0x80 else 0))
        frames.append((shown_at, at - start))
        shown_at, delay, began = shown_at + delay, 0, None
    return first, frames


def _behind_blocks(content: bytes, at: int) -> int:
    """Skip a row of blocks, each with its length before it; the last one is empty."""
    while content[at]:
        at += content[at] + 1
    return at + 1


def _header(size: tuple[int, int], table: Pixels, loop: int | None) -> bytes:
    """Write what stands before the first frame: size, palette, and how often it is repeated."""
    bits = max(1, (len(table) - 1).bit_length())
    colors = table.tobytes().ljust(3 << bits, b"\0")
    start = b"GIF89a" + struct.pack("<HHBBB", *size, 0x80 | 0x70 | (bits - 1), 0, 0) + colors
    return start if loop is None else start + b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", loop, 0)


def _changes(frames: Iterator[tuple[Pixels, int]]) -> Iterator[tuple[tuple[int, int], Pixels, int]]:
    """Cut each frame to what differs from the one before: its upper left corner, its indices, its milliseconds.

    What shows nothing new prolongs what is shown.
    """
    indices, wait = next(frames)
    corner, piece = (0, 0), indices
    for following, milliseconds in frames:
        box = changed_box(indices, following)
        if box is None:
            wait += milliseconds
            continue
        yield corner, piece, wait
        left, top, right, bottom = box
        indices, wait = following, milliseconds
        corner, piece = (left, top), np.ascontiguousarray(indices[top:bottom, left:right])
    yield corner, piece, wait


def sample_colors(frames: Frames) -> Pixels:
    """Take pixels of all frames by chance, always the same ones, N x 3: in even steps some columns would never be seen."""
    chance = np.random.default_rng(0)
    every = max(1, len(frames) // _PALETTE_FRAMES)
    each = max(1, _PALETTE_PIXELS * every // len(frames))
    sampled = [
        pixels.reshape(-1, 3)[chance.integers(0, pixels.shape[0] * pixels.shape[1], each)]
        for at, pixels in enumerate(frames.replay())
        if at % every == 0
    ]
    return np.ascontiguousarray(np.concatenate(sampled))


def quantise(frames: Iterable[tuple[Pixels, int]], palette: Palette, still_enough: int) -> Iterator[tuple[Pixels, int]]:
    """Map frames to the palette, H x W each; a pixel that hardly differs from what is shown there keeps its colour.

    It is compared with what is shown, not with the frame before: a slow change is drawn as soon as it can be seen, and
    nothing trails behind what moves. Each frame must stay as it is until the next is asked for.
    """
    before = shown = np.empty(0, np.uint8)
    for pixels, milliseconds in frames:
        if not len(shown):
            shown = palette.index_of(pixels)
        else:
            box = changed_box(before, pixels)
            shown = shown if box is None else _draw_anew(pixels, shown, box, palette, still_enough)
        before = pixels
        yield shown, milliseconds


def _draw_anew(
    pixels: Pixels, shown: Pixels, box: tuple[int, int, int, int], palette: Palette, still_enough: int
) -> Pixels:
    """Map what lies in the box, where it strays too far from what is shown."""
    left, top, right, bottom = box
    wanted, kept = pixels[top:bottom, left:right], shown[top:bottom, left:right]
    fresh = palette.index_of(wanted)
    stray = _most(difference(wanted, palette.colors_of(kept)))
    ideal = _most(difference(wanted, palette.colors_of(fresh)))
    drawn = shown.copy()
    drawn[top:bottom, left:right] = np.where(stray > ideal + still_enough, fresh, kept)
    return drawn


def _most(levels: Pixels) -> NDArray[np.int16]:
    """Tell the largest of the three channels."""
    return np.maximum(np.maximum(levels[..., 0], levels[..., 1]), levels[..., 2]).astype(np.int16)
