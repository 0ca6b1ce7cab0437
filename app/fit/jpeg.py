"""The search: the best JPEG of some pixels that is within a number of bytes, in at most three encodes.

Quality is a real number here: libjpeg's scale of its standard tables, not rounded to whole steps, so that the bytes can be met
closely also where one step would jump over them. Baseline, 4:2:0, optimised Huffman tables.
"""

import io
import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from app.fit.pixels import Pixels

MOST_QUALITY = 95.0
LEAST_QUALITY = 30.0
MOST_ENCODES = 3
_AIM = 0.985
_AIM_LAST = 0.97
_ENOUGH = 0.96
_BAND = 16  # rows of a minimum coded unit at 4:2:0
_BANDS_OF_ONE_SAMPLE = 8
_HEADER_BYTES = 600

# Annex K of the JPEG standard, row by row.
_LUMA = """
    16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
_CHROMA = """
    17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
_STANDARD = tuple(tuple(map(int, table.split())) for table in (_LUMA, _CHROMA))


@dataclass(frozen=True, slots=True)
class Encoded:
    """One JPEG: ``content``, the real ``quality`` that made it, and how many encodes of this size it took."""

    content: bytes
    quality: float
    encodes: int


def _scale_of(quality: float) -> float:
    return 5000 / quality if quality < 50 else 200 - 2 * quality


def _quality_of(scale: float) -> float:
    quality = 5000 / scale if scale > 100 else (200 - scale) / 2
    return min(MOST_QUALITY, max(1.0, quality))


def _tables(quality: float) -> list[list[int]]:
    scale = _scale_of(quality)
    return [[min(255, max(1, int((value * scale + 50) / 100))) for value in table] for table in _STANDARD]


def encode_jpeg(pixels: Pixels, quality: float) -> bytes:
    """Encode H x W x 3 RGB pixels at a real quality, 1 to 95."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=_tables(quality), subsampling=2, optimize=True)
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Curve:
    """Bytes over quality, near a point: ``bytes = at_bytes * (scale / at_scale) ** -slope``."""

    at_scale: float
    at_bytes: float
    slope: float

    def quality_for(self, wanted_bytes: float) -> float:
        """Invert the curve."""
        return _quality_of(self.at_scale * (self.at_bytes / max(1.0, wanted_bytes)) ** (1 / self.slope))

    def bytes_at(self, quality: float) -> float:
        """Predict the bytes."""
        return self.at_bytes * math.exp(-self.slope * math.log(_scale_of(quality) / self.at_scale))


def _through(first: tuple[float, float], second: tuple[float, float]) -> Curve:
    """Lay a curve through two points (quality, bytes), with a slope that real pictures have."""
    (quality_a, bytes_a), (quality_b, bytes_b) = first, second
    run = math.log(_scale_of(quality_a) / _scale_of(quality_b))
    slope = math.log(bytes_b / bytes_a) / run if abs(run) > 1e-3 else 0.7
    return Curve(_scale_of(quality_b), bytes_b, min(1.4, max(0.25, slope)))


def estimate(pixels: Pixels, wanted_bytes: int) -> Curve:
    """Learn the curve from a sample of one eighth of the rows, encoded at two qualities around the wanted bytes."""
    sample, share = _sample(pixels)

    def measure(quality: float) -> tuple[float, float]:
        return quality, max(64.0, (len(encode_jpeg(sample, quality)) - _HEADER_BYTES) / share + _HEADER_BYTES)

    first = measure(70.0)
    guess = Curve(_scale_of(70.0), first[1], 0.7).quality_for(wanted_bytes)
    if abs(guess - 70.0) < 3:
        guess = 78.0
    return _through(first, measure(max(8.0, guess)))


def _sample(pixels: Pixels) -> tuple[Pixels, float]:
    """Take every eighth band of 16 rows, and tell which share of the picture that is; a low picture is taken whole."""
    height = pixels.shape[0]
    bands = height // _BAND
    if bands < 3 * _BANDS_OF_ONE_SAMPLE:
        return pixels, 1.0
    whole = pixels[: bands * _BAND].reshape(bands, _BAND, *pixels.shape[1:])
    taken = whole[_BANDS_OF_ONE_SAMPLE // 2 :: _BANDS_OF_ONE_SAMPLE]
    return np.ascontiguousarray(taken.reshape(-1, *pixels.shape[1:])), taken.shape[0] * _BAND / height


def search_jpeg(
    pixels: Pixels, max_bytes: int, curve: Curve, *, least_quality: float = LEAST_QUALITY
) -> Encoded | None:
    """Find the highest quality within ``max_bytes``; None when three encodes did not find one above the least quality.

    It stops at 96 % of the bytes, or at quality 95.
    """
    best: Encoded | None = None
    under: tuple[float, float] | None = None
    over: tuple[float, float] | None = None
    for turn in range(1, MOST_ENCODES + 1):
        aim = (_AIM_LAST if turn == MOST_ENCODES and best is None else _AIM) * max_bytes
        quality = max(least_quality, curve.quality_for(aim))
        content = encode_jpeg(pixels, quality)
        point = (quality, float(len(content)))
        if len(content) <= max_bytes:
            if best is None or quality > best.quality:
                best = Encoded(content, quality, turn)
            if len(content) >= _ENOUGH * max_bytes or quality >= MOST_QUALITY:
                break
            under = point
        else:
            if quality <= least_quality:
                break
            over = point
        curve = _through(under, over) if under and over else Curve(_scale_of(quality), point[1], curve.slope)
    return None if best is None else Encoded(best.content, best.quality, turn)
