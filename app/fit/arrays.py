"""What is done to arrays of pixels: by OpenCV, or by Pillow and numpy where that is missing.

Pixels are H x W x 3, RGB, or H x W x 4, whose last value is not looked at: Pillow keeps its own pictures so, and takes such an
array as it is, without a copy.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.fit.libraries import OPENCV

Pixels = NDArray[np.uint8]
Plane = NDArray[np.float32]

# What undoes each EXIF orientation: whether to flip top to bottom and left to right, then whether to transpose. Phones held
# upright write 6: a flip top to bottom moves whole rows, which is cheaper than one left to right behind the transposition.
_TURNS: dict[int, tuple[bool, bool, bool]] = {
    1: (False, False, False), 2: (False, True, False), 3: (True, True, False), 4: (True, False, False),
    5: (False, False, True), 6: (True, False, True), 7: (True, True, True), 8: (False, True, True),
}  # fmt: skip
_FLIP_CODES = {(True, False): 0, (False, True): 1, (True, True): -1}


def image_of(pixels: Pixels) -> Image.Image:
    """Make it a picture of Pillow's, RGB or RGBX; one of RGBX looks into ``pixels`` and is not to be written to."""
    if pixels.shape[2] == 3:
        return Image.fromarray(pixels)
    size = pixels.shape[1], pixels.shape[0]
    return Image.frombuffer("RGBX", size, np.ascontiguousarray(pixels), "raw", "RGBX", 0, 1)


def resize(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Reduce pixels to ``size`` (width, height): by area from more than twice, cubic below."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    if width > 2 * size[0] or height > 2 * size[1]:
        return reduce_by_area(pixels, size)
    if OPENCV is None:
        return np.asarray(image_of(pixels).resize(size, Image.Resampling.BICUBIC))
    return np.asarray(OPENCV.resize(pixels, size, interpolation=OPENCV.INTER_CUBIC), dtype=np.uint8)


def reduce_by_area(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """Reduce pixels to ``size`` (width, height), each the mean of what it covers."""
    if OPENCV is None:
        return np.asarray(image_of(pixels).resize(size, Image.Resampling.BOX))
    return np.asarray(OPENCV.resize(pixels, size, interpolation=OPENCV.INTER_AREA), dtype=np.uint8)


def turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn and mirror by the EXIF number, 1 to 8; ``pixels`` may be overwritten, and is of no more use."""
    vertical, horizontal, transpose = _TURNS[orientation]
    turned: Any = pixels
    if OPENCV is None:
        turned = turned[::-1] if vertical else turned
        turned = turned[:, ::-1] if horizontal else turned
        turned = turned.swapaxes(0, 1) if transpose else turned
    else:
        if vertical or horizontal:
            turned = OPENCV.flip(turned, _FLIP_CODES[vertical, horizontal], turned if pixels.flags.writeable else None)
        turned = OPENCV.transpose(turned) if transpose else turned
    return np.ascontiguousarray(turned)


def difference(one: Pixels, other: Pixels) -> Pixels:
    """Tell the absolute difference of each value; same shapes."""
    if OPENCV is None:
        return np.where(one > other, one - other, other - one)
    return np.asarray(OPENCV.absdiff(one, other), dtype=np.uint8)


def looked_up(values: Pixels, table: Pixels) -> Pixels:
    """Tell what stands in a ``table`` of 256 for each value of a plane."""
    if OPENCV is None:
        return table.take(values)
    return np.asarray(OPENCV.LUT(values, table), dtype=np.uint8)


def luma_of(pixels: Pixels) -> Pixels:
    """Tell the luma of pixels, H x W, as ITU-R BT.601 weighs them."""
    if OPENCV is None:
        return np.asarray(image_of(pixels).convert("RGB").convert("L"))
    colors = OPENCV.COLOR_RGB2GRAY if pixels.shape[2] == 3 else OPENCV.COLOR_RGBA2GRAY
    return np.asarray(OPENCV.cvtColor(pixels, colors), dtype=np.uint8)


def sharpness_of(plane: Pixels) -> float:
    """Tell the standard deviation of the Laplacian of one channel, H x W: the sharper, the more."""
    if OPENCV is not None:
        return float(OPENCV.Laplacian(plane, OPENCV.CV_32F).std())
    wide = np.pad(plane.astype(np.float32), 1, mode="reflect" if min(plane.shape) > 1 else "edge")
    return float((wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:] - 4 * wide[1:-1, 1:-1]).std())


def means_of_blocks(plane: Plane, side: int) -> Plane:
    """Tell the mean of each ``side`` x ``side`` block; both sides of the plane are whole multiples of it, or shorter."""
    height, width = plane.shape
    rows, columns = max(1, height // side), max(1, width // side)
    if OPENCV is None:
        blocks = plane.reshape(rows, height // rows, columns, width // columns)
        return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.float32)
    return np.asarray(OPENCV.resize(plane, (columns, rows), interpolation=OPENCV.INTER_AREA), dtype=np.float32)
