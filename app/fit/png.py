"""Flat art and screenshots: a PNG with a palette, without loss where the colours are few, else with none that can be seen.

What was a PNG of many colours stays one without loss where that is short enough.
"""

import io

import numpy as np
from PIL import Image

from app.fit.arrays import Pixels, difference, luma_of
from app.fit.palette import choose_palette
from app.fit.sample import take_bands
from app.fit.ssim import luma_ssim

_MOST_COLORS = 256
_LADDER = (256, 128, 64)
_SAMPLE_STEP = 97  # prime to usual widths, so that the sample is not one column
_MOST_COLORS_OF_ART = 0.15  # share of the sampled pixels; a photograph has a colour of its own for nearly each
_VISIBLE_LEVELS = 12
_MOST_VISIBLE_SHARE = 0.002
_LEAST_SSIM = 0.995
_BANDS_OF_ONE = 6
_LIKELY_TOO_LONG = 1.2  # times the bytes: what some of the rows, weighed as they are, may be off


def encode_flat_png(pixels: Pixels, max_bytes: int, *, any_colors: bool = False) -> tuple[bytes, int, float] | None:
    """Encode H x W x 3 pixels with a palette within ``max_bytes``, when nothing that can be seen is lost by that.

    A palette of 256 colours that is too long is halved, as long as nothing is seen. ``any_colors``: without a palette, if
    that is short enough and one without loss is not to be had.

    Returns:
        the PNG, how many colours its palette has (0 = it has none), and the luma SSIM (1.0 without any loss); None for a
        photograph, or what is too long.
    """
    packed = pixels[..., 0].astype(np.uint32) << 16 | pixels[..., 1].astype(np.uint32) << 8 | pixels[..., 2]
    sample = packed.ravel()[::_SAMPLE_STEP]
    seen = np.unique(sample).size
    if seen <= _MOST_COLORS:
        colors, indices = np.unique(packed, return_inverse=True)
        if colors.size <= _MOST_COLORS:
            table = np.stack([colors >> 16, colors >> 8 & 255, colors & 255], axis=1).astype(np.uint8)
            content = _write(indices.reshape(packed.shape).astype(np.uint8), table)
            if len(content) <= max_bytes:
                return content, int(colors.size), 1.0
    whole = _encode_whole(pixels, max_bytes) if any_colors else None
    if whole:
        return whole, 0, 1.0
    if seen > max(_MOST_COLORS, _MOST_COLORS_OF_ART * sample.size):
        return None
    for most in _LADDER:
        quantised = _quantise(pixels, most)
        if quantised is None or len(quantised[0]) <= max_bytes:
            return quantised
    return None


def _encode_whole(pixels: Pixels, max_bytes: int) -> bytes | None:
    """Encode all colours, grey ones as grey; None where that is too long, mostly told by a sixth of the rows."""
    if (pixels == pixels[..., :1]).all():
        pixels = np.ascontiguousarray(pixels[..., 0])
    bands = take_bands(pixels, _BANDS_OF_ONE)
    if bands is not pixels and len(_bytes_of(Image.fromarray(bands))) > _LIKELY_TOO_LONG * max_bytes * len(bands) / len(
        pixels
    ):
        return None
    content = _bytes_of(Image.fromarray(pixels))
    return content if len(content) <= max_bytes else None


def _quantise(pixels: Pixels, most_colors: int) -> tuple[bytes, int, float] | None:
    palette = choose_palette(np.ascontiguousarray(pixels.reshape(-1, 3)[::_SAMPLE_STEP]), most_colors)
    indices = palette.index_of(pixels)
    shown = palette.table[indices]
    strays = difference(shown, pixels).max(axis=2) > _VISIBLE_LEVELS
    ssim = luma_ssim(pixels, luma_of(shown))
    if strays.mean() > _MOST_VISIBLE_SHARE or ssim < _LEAST_SSIM:
        return None
    return _write(indices, palette.table), len(palette.table), ssim


def _write(indices: Pixels, table: Pixels) -> bytes:
    image = Image.fromarray(indices, "P")
    image.putpalette(table.tobytes())
    return _bytes_of(image)


def _bytes_of(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
