"""The JPEG encoders: both are libjpeg-turbo, and write baseline, 4:2:0, JFIF; handsets cannot tell them apart.

By way of Pillow it takes our own quantisation tables, and makes Huffman codes for the picture. By way of simplejpeg, with the
tables and the codes of the standard, it is fastest.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from app.fit.arrays import Pixels, image_of
from app.fit.libraries import SIMPLEJPEG as _SIMPLEJPEG
from app.fit.tables import Tables, shaped_tables

__all__ = ["BEST", "FAST", "Codec", "Pixels"]

# Annex K of the JPEG standard, row by row.
_LUMA = """
    16 11 10 16 24 40 51 61  12 12 14 19 26 58 60 55  14 13 16 24 40 57 69 56  14 17 22 29 51 87 80 62
    18 22 37 56 68 109 103 77  24 35 55 64 81 104 113 92  49 64 78 87 103 121 120 101  72 92 95 98 112 100 103 99
"""
_CHROMA = """
    17 18 24 47 99 99 99 99  18 21 26 66 99 99 99 99  24 26 56 99 99 99 99 99  47 66 99 99 99 99 99 99
    99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99  99 99 99 99 99 99 99 99
"""
_STANDARD: Tables = tuple(tuple(map(int, table.split())) for table in (_LUMA, _CHROMA))


def _thresholds() -> tuple[tuple[float, ...], ...]:
    """Spread 64 thresholds from 0 to 1 over the frequencies, luma and chroma half a turn apart: no two entries go together."""
    rising = sorted(range(64), key=lambda at: (at // 8 + at % 8, at))
    luma = [0.0] * 64
    for rank, at in enumerate(rising):
        luma[at] = (int(f"{rank:06b}"[::-1], 2) + 0.5) / 64
    return tuple(luma), tuple((each + 0.5 + 1 / 128) % 1 for each in luma)


_THRESHOLDS = _thresholds()


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of pixels at a quality of 1 to ``most_quality``, above which nothing more is seen.

    ``scale_of`` maps a quality to how coarse it is (bytes fall with a power of that), ``quality_of`` back. Below
    ``least_quality`` a smaller picture looks better, best at about ``good_quality``. ``prefers_whole``: a whole quality takes
    less time than one in between.
    """

    name: str
    encode: Callable[[Pixels, float], bytes]
    scale_of: Callable[[float], float]
    quality_of: Callable[[float], float]
    least_quality: float
    good_quality: float
    most_quality: float
    prefers_whole: bool


def _turbo_scale(quality: float) -> float:
    return 5000 / quality if quality < 50 else 200 - 2 * quality


def _turbo_quality(scale: float) -> float:
    return 5000 / scale if scale > 100 else (200 - scale) / 2


def _pillow_encode(pixels: Pixels, tables: Sequence[Sequence[int]], *, optimize: bool) -> bytes:
    buffer = io.BytesIO()
    image_of(pixels).save(buffer, "JPEG", qtables=tables, subsampling=2, optimize=optimize)
    return buffer.getvalue()


def _between(tables_of: Callable[[int], Tables], quality: float) -> list[list[int]]:
    """Tell the tables between two whole qualities: one entry after the other goes over, so bytes grow by 2 % at a time."""
    coarse, fine = tables_of(math.floor(quality)), tables_of(math.ceil(quality))
    part = quality - math.floor(quality)
    return [
        [math.floor(one + (other - one) * part + at) for one, other, at in zip(coarser, finer, thresholds, strict=True)]
        for coarser, finer, thresholds in zip(coarse, fine, _THRESHOLDS, strict=True)
    ]


@cache
def _standard_tables(quality: int) -> Tables:
    scale = _turbo_scale(quality)
    return tuple(tuple(min(255, max(1, int((value * scale + 50) / 100))) for value in table) for table in _STANDARD)


def _plain_encode(pixels: Pixels, quality: float) -> bytes:
    if _SIMPLEJPEG is None or quality != round(quality):
        return _pillow_encode(pixels, _between(_standard_tables, quality), optimize=False)
    content: bytes = _SIMPLEJPEG.encode_jpeg(pixels, round(quality), "RGB" if pixels.shape[2] == 3 else "RGBX", "420")
    return content


def _distance(quality: float) -> float:
    """Tell how coarse a quality of *best* is, on the scale of jpegli: the butteraugli distance it aims at; linear from 30 on."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _quality_at(distance: float) -> float:
    if distance <= _distance(30):
        return 100 - (distance - 0.1) / 0.09
    inside = (23 / 20) ** 2 - 4 * 53 / 3000 * (25 - distance)
    return (23 / 20 - math.sqrt(max(0.0, inside))) / (2 * 53 / 3000)


def _shaped_encode(pixels: Pixels, quality: float) -> bytes:
    return _pillow_encode(pixels, shaped_tables(_distance(quality)), optimize=True)


FAST = Codec(
    "libjpeg-turbo, baseline 4:2:0, plain Huffman tables",
    _plain_encode,
    _turbo_scale,
    _turbo_quality,
    least_quality=30,
    good_quality=50,
    most_quality=95,
    prefers_whole=_SIMPLEJPEG is not None,
)
"""With the tables of the standard and Huffman codes for any picture."""

# Quality 99 is about as fine as a distance of 0.28 by the tables of jpegli; from about 1 on nothing is seen side by side, but
# pictures are zoomed into, and the room is there.
BEST = Codec(
    "libjpeg-turbo with our tables, baseline 4:2:0",
    _shaped_encode,
    _distance,
    _quality_at,
    least_quality=18,
    good_quality=55,
    most_quality=99,
    prefers_whole=False,
)
"""With tables of our own and Huffman codes for this picture."""
