"""Which colours a picture of few has, and which of them stands for each of those it had."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.fit.arrays import Pixels, looked_up

_LEVELS = 64
_LEVEL_OF = ((np.arange(256) * (_LEVELS - 1) + 127) // 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Space:
    """How far apart two colours are, and how the first groups of them are found, before each goes to the nearest mean.

    The distance is that of ``axes`` x colour, 3 x 3; with ``offset`` added, no value is negative.
    """

    axes: NDArray[np.float32]
    offset: NDArray[np.float32]
    method: Image.Quantize


BY_LEVELS = Space(np.eye(3, dtype=np.float32), np.zeros(3, np.float32), Image.Quantize.MEDIANCUT)
"""Each level of red, green and blue counts alike: for what must stray by few levels in any of them."""
BY_EYE = Space(
    np.array([[0.299, 0.587, 0.114], [-0.118, -0.232, 0.35], [0.35, -0.293, -0.057]], np.float32),
    np.array([0, 90, 90], np.float32),
    Image.Quantize.MAXCOVERAGE,
)
"""Luma, and seven tenths of Cb and of Cr (ITU-R BT.601): the eye tells finer steps of light than of colour.

The groups begin far apart, so that a sign in a colour of its own keeps it, however small.
"""


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours, N x 3, and the index of the nearest one for each of 64 x 64 x 64 colours."""

    table: Pixels
    nearest: Pixels

    def index_of(self, pixels: Pixels) -> Pixels:
        """Map H x W x 3 pixels to the nearest entries, H x W."""
        levels = looked_up(pixels, _LEVEL_OF)
        cells = levels[..., 0].astype(np.int32)
        for channel in (1, 2):
            cells *= _LEVELS
            cells += levels[..., channel]
        return np.asarray(self.nearest.reshape(-1).take(cells))

    def colors_of(self, indices: Pixels) -> Pixels:
        """Tell the colours, H x W x 3, of H x W entries."""
        return self.table.take(indices, axis=0)


def choose_palette(sample: Pixels, colors: int, space: Space = BY_LEVELS) -> Palette:
    """Choose at most ``colors`` colours, 256 at most, that are nearest to all of a sample, N x 3, as ``space`` measures it."""
    seen = np.rint(sample.astype(np.float32) @ space.axes.T + space.offset).astype(np.uint8)
    groups = Image.fromarray(seen[None]).quantize(colors, method=space.method, kmeans=1, dither=Image.Dither.NONE)
    group = np.asarray(groups).reshape(-1)
    count = np.bincount(group)
    means = np.stack([np.bincount(group, sample[:, channel]) for channel in range(3)], axis=1)[count > 0]
    table = np.rint(means / count[count > 0, None]).astype(np.uint8)
    return Palette(table, _nearest(table, space))


def _nearest(table: Pixels, space: Space) -> Pixels:
    """Map each of 64 x 64 x 64 colours to the index of the nearest in the table.

    The square of the distance is a sum of what depends on red, on green and on blue alone, but for what is the same for all
    entries.
    """
    levels = np.arange(_LEVELS, dtype=np.float32) * (255 / (_LEVELS - 1))
    entries = table.astype(np.float32) @ space.axes.T
    slopes = -2 * space.axes.T @ entries.T
    red, green, blue = (levels[:, None] * slopes[channel] for channel in range(3))
    green_blue = green[:, None, :] + blue + (entries**2).sum(axis=1)
    nearest = np.empty((_LEVELS, _LEVELS, _LEVELS), np.uint8)
    for level in range(_LEVELS):
        nearest[level] = (green_blue + red[level]).argmin(axis=2)
    return nearest
