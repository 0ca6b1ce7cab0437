"""The JPEG encoders: all write baseline, 4:2:0, JFIF; handsets cannot tell them apart.

jpegli quantises by what the eye sees and wins about two points of SSIMULACRA2 at the same bytes, but takes whole steps of quality
alone. libjpeg-turbo by way of Pillow takes tables, so quality is a real number there and any number of bytes can be met.
By way of simplejpeg it is twice as fast, in whole steps and with Huffman tables that cost some bytes.
"""

import importlib
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image

try:
    _jpegli: Any = importlib.import_module("pyjpegli")
except ImportError:  # no wheel for this platform: libjpeg-turbo does all
    _jpegli = None

Pixels = NDArray[np.uint8]

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
_JFIF = bytes.fromhex("ffe000104a46494600010100000100010000")


@dataclass(frozen=True, slots=True)
class Codec:
    """An encoder of H x W x 3 RGB pixels at a quality of 1 to ``most_quality``.

    ``scale_of`` maps a quality to how coarse it is (bytes fall with a power of that), ``quality_of`` back; ``in_steps`` says
    that only whole qualities are to be had.
    """

    name: str
    encode: Callable[[Pixels, float], bytes]
    scale_of: Callable[[float], float]
    quality_of: Callable[[float], float]
    most_quality: float
    in_steps: bool


def _turbo_scale(quality: float) -> float:
    return 5000 / quality if quality < 50 else 200 - 2 * quality


def _turbo_quality(scale: float) -> float:
    return 5000 / scale if scale > 100 else (200 - scale) / 2


def _turbo_encode(pixels: Pixels, quality: float, *, optimize: bool = True) -> bytes:
    scale = _turbo_scale(quality)
    tables = [[min(255, max(1, int((value * scale + 50) / 100))) for value in table] for table in _STANDARD]
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=tables, subsampling=2, optimize=optimize)
    return buffer.getvalue()


def _plain_encode(pixels: Pixels, quality: float) -> bytes:
    content: bytes = simplejpeg.encode_jpeg(pixels, round(quality), "RGB", "420")
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


def _jpegli_encode(pixels: Pixels, quality: float) -> bytes:
    height, width = pixels.shape[:2]
    content: bytes = _jpegli.encode(pixels, width, height, round(quality))
    return content[:2] + _JFIF + content[2:]


TURBO = Codec("libjpeg-turbo, baseline 4:2:0", _turbo_encode, _turbo_scale, _turbo_quality, 95.0, in_steps=False)
PLAIN = Codec(
    "libjpeg-turbo, baseline 4:2:0, plain Huffman tables",
    _plain_encode,
    _turbo_scale,
    _turbo_quality,
    95.0,
    in_steps=True,
)
PLAIN_REAL = Codec(
    "libjpeg-turbo, baseline 4:2:0, plain Huffman tables",
    partial(_turbo_encode, optimize=False),
    _turbo_scale,
    _turbo_quality,
    95.0,
    in_steps=False,
)
JPEGLI = Codec("jpegli, baseline 4:2:0", _jpegli_encode, _jpegli_scale, _jpegli_quality, 96.0, in_steps=True)
BEST: tuple[Codec, ...] = (JPEGLI, TURBO) if _jpegli else (TURBO,)
FAST: tuple[Codec, ...] = (PLAIN, PLAIN_REAL)
