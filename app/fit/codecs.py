"""The JPEG encoders: all write baseline, 4:2:0, JFIF; handsets cannot tell them apart.

jpegli chooses its quantisation tables by what the eye sees. With those, libjpeg-turbo (by way of Pillow) does better than jpegli
as it is to be had for Python, which takes whole qualities alone and writes general Huffman codes: as much SSIMULACRA2 or more,
more luma SSIM, and any number of bytes. By way of simplejpeg, with the tables of the standard, it is fastest.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from PIL import Image

from app.fit.arrays import Pixels
from app.fit.libraries import JPEGLI as _JPEGLI
from app.fit.libraries import SIMPLEJPEG as _SIMPLEJPEG

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
Tables = tuple[tuple[int, ...], ...]
"""For luma and for chroma: 64 entries each, row by row."""
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
    """An encoder of H x W x 3 RGB pixels at a quality of 1 to ``most_quality``, above which nothing more is seen.

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
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, subsampling=2, optimize=optimize)
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


def _turbo_encode(pixels: Pixels, quality: float) -> bytes:
    return _pillow_encode(pixels, _between(_standard_tables, quality), optimize=True)


def _plain_encode(pixels: Pixels, quality: float) -> bytes:
    if _SIMPLEJPEG is None or quality != round(quality):
        return _pillow_encode(pixels, _between(_standard_tables, quality), optimize=False)
    content: bytes = _SIMPLEJPEG.encode_jpeg(pixels, round(quality), "RGB", "420")
    return content


def _jpegli_scale(quality: float) -> float:
    """Tell the butteraugli distance that jpegli aims at for a quality; linear from 30 on."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality**2 - 23 / 20 * quality + 25


def _jpegli_quality(scale: float) -> float:
    if scale <= _jpegli_scale(30):
        return 100 - (scale - 0.1) / 0.09
    inside = (23 / 20) ** 2 - 4 * 53 / 3000 * (25 - scale)
    return (23 / 20 - math.sqrt(max(0.0, inside))) / (2 * 53 / 3000)


@cache
def _jpegli_tables(quality: int) -> Tables:
    """Read the tables that jpegli takes for a whole quality out of a tiny picture: they depend on nothing else."""
    with Image.open(io.BytesIO(_JPEGLI.encode(bytes(16 * 16 * 3), 16, 16, quality))) as image:
        tables = image.quantization  # type: ignore[attr-defined]  # -- of JpegImageFile, which `open` does not promise
        return tuple(tuple(tables[number]) for number in sorted(tables))


def _shaped_encode(pixels: Pixels, quality: float) -> bytes:
    return _pillow_encode(pixels, _between(_jpegli_tables, quality), optimize=True)


def _codec_of_standard(name: str, encode: Callable[[Pixels, float], bytes], *, prefers_whole: bool) -> Codec:
    return Codec(name, encode, _turbo_scale, _turbo_quality, 30, 50, 95, prefers_whole)


FAST = _codec_of_standard(
    "libjpeg-turbo, baseline 4:2:0, plain Huffman tables", _plain_encode, prefers_whole=_SIMPLEJPEG is not None
)
"""With the tables of the standard and Huffman codes for any picture."""

# Quality 96 is a butteraugli distance of 0.46; from about 1 on nothing is seen side by side.
BEST = (
    _codec_of_standard("libjpeg-turbo, baseline 4:2:0", _turbo_encode, prefers_whole=False)
    if _JPEGLI is None
    else Codec(
        "libjpeg-turbo with jpegli's tables, baseline 4:2:0",
        _shaped_encode,
        _jpegli_scale,
        _jpegli_quality,
        least_quality=18,
        good_quality=55,
        most_quality=96,
        prefers_whole=False,
    )
)
"""With jpegli's tables and Huffman codes for this picture."""
