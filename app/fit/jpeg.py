"""The search: the best JPEG of some pixels that is within a number of bytes, in at most three encodes of the whole.

An eighth of the rows, encoded twice, tells how the bytes follow the quality; so the first encode of the whole mostly lands
already. Where the first codec has no step that lands, the next one takes over.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from app.fit.codecs import Codec, Pixels

LEAST_QUALITY = 30.0
MOST_ENCODES = 3
_AIM = 0.98
_AIM_LAST = 0.97
_ENOUGH = 0.96
_ENOUGH_FORESEEN = 0.94  # the estimate errs by some hundredths
_BAND = 16  # rows of a minimum coded unit at 4:2:0
_BANDS_OF_ONE_SAMPLE = 8
_HEADER_BYTES = 600
_FIRST_GUESS = 75.0
_USUAL_SLOPE = 0.7

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Encoded:
    """One JPEG: ``content``, the ``codec`` and ``quality`` that made it, and how many encodes of this size it took."""

    content: bytes
    codec: Codec
    quality: float
    encodes: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Bytes over quality, near a point: ``bytes = at_bytes * (scale / at_scale) ** -slope``."""

    codec: Codec
    at_scale: float
    at_bytes: float
    slope: float = _USUAL_SLOPE

    def quality_for(self, wanted_bytes: float) -> float:
        """Invert the curve; within what the codec has, and in its steps."""
        scale = self.at_scale * (self.at_bytes / max(1.0, wanted_bytes)) ** (1 / self.slope)
        quality = min(self.codec.most_quality, max(1.0, self.codec.quality_of(scale)))
        return float(math.floor(quality)) if self.codec.in_steps else quality

    def bytes_at(self, quality: float) -> float:
        """Predict the bytes."""
        return self.at_bytes * math.exp(-self.slope * math.log(self.codec.scale_of(quality) / self.at_scale))


def _through(codec: Codec, first: Point, second: Point) -> Curve:
    """Lay a curve through two points (quality, bytes), with a slope that real pictures have."""
    run = math.log(codec.scale_of(first[0]) / codec.scale_of(second[0]))
    slope = math.log(second[1] / first[1]) / run if abs(run) > 1e-3 else _USUAL_SLOPE
    return Curve(codec, codec.scale_of(second[0]), second[1], min(1.4, max(0.25, slope)))


def estimate(pixels: Pixels, wanted_bytes: int, codec: Codec) -> Curve:
    """Learn the curve from a sample of the rows, encoded at two qualities around the wanted bytes."""
    sample, share = sample_rows(pixels)

    def measure(quality: float) -> Point:
        return quality, max(64.0, (len(codec.encode(sample, quality)) - _HEADER_BYTES) / share + _HEADER_BYTES)

    first = measure(_FIRST_GUESS)
    guess = Curve(codec, codec.scale_of(first[0]), first[1]).quality_for(wanted_bytes)
    if abs(guess - first[0]) < 4:
        guess = first[0] + 8
    return _through(codec, first, measure(max(8.0, guess)))


def sample_rows(pixels: Pixels) -> tuple[Pixels, float]:
    """Take every eighth band of 16 rows, and tell which share of the picture that is; a low picture is taken whole."""
    height = pixels.shape[0]
    bands = height // _BAND
    if bands < 3 * _BANDS_OF_ONE_SAMPLE:
        return pixels, 1.0
    whole = pixels[: bands * _BAND].reshape(bands, _BAND, *pixels.shape[1:])
    taken = whole[_BANDS_OF_ONE_SAMPLE // 2 :: _BANDS_OF_ONE_SAMPLE]
    return np.ascontiguousarray(taken.reshape(-1, *pixels.shape[1:])), taken.shape[0] * _BAND / height


@dataclass(slots=True)
class _Search:
    """What is known so far of one codec: the closest points on both sides of the limit."""

    curve: Curve
    least_quality: float
    tried: set[float] = field(default_factory=set)
    under: Point | None = None
    over: Point | None = None

    def next_quality(self, aim: float) -> float | None:
        """Tell what to try next; None when no step is left that would use the room."""
        quality = max(self.least_quality, self.curve.quality_for(aim))
        return None if quality in self.tried or self._is_gap(quality, aim) else quality

    def _is_gap(self, quality: float, aim: float) -> bool:
        """Tell whether the steps of the codec are so wide here that the one within the limit leaves too much room."""
        codec = self.curve.codec
        enough = (_ENOUGH if self.tried else _ENOUGH_FORESEEN) / _AIM
        return codec.in_steps and quality < codec.most_quality and self.curve.bytes_at(quality) < aim * enough

    def learn(self, point: Point, max_bytes: int) -> None:
        self.tried.add(point[0])
        if point[1] <= max_bytes:
            self.under = point
        else:
            self.over = point
        codec = self.curve.codec
        if self.under and self.over:
            self.curve = _through(codec, self.under, self.over)
        else:
            self.curve = Curve(codec, codec.scale_of(point[0]), point[1], self.curve.slope)


def search_jpeg(
    pixels: Pixels, max_bytes: int, curve: Curve, others: Sequence[Codec] = (), *, least_quality: float = LEAST_QUALITY
) -> Encoded | None:
    """Find the JPEG closest to ``max_bytes``, beginning with the codec of ``curve``, then with ``others``.

    It stops at 96 % of the bytes, or at the codec's highest quality. None when nothing above the least quality was within.
    """
    search = _Search(curve, least_quality)
    waiting = list(others)
    best: Encoded | None = None
    turn = 0
    while turn < MOST_ENCODES:
        aim = (_AIM_LAST if turn == MOST_ENCODES - 1 and best is None else _AIM) * max_bytes
        quality = search.next_quality(aim)
        if quality is None:
            if not waiting:
                break
            codec = waiting.pop(0)
            search = _Search(estimate(pixels, max_bytes, codec), least_quality)
            continue
        turn += 1
        codec = search.curve.codec
        content = codec.encode(pixels, quality)
        search.learn((quality, float(len(content))), max_bytes)
        if len(content) <= max_bytes:
            if best is None or len(content) > len(best.content):
                best = Encoded(content, codec, quality, turn)
            if len(content) >= _ENOUGH * max_bytes or quality >= codec.most_quality:
                break
    return None if best is None else Encoded(best.content, best.codec, best.quality, turn)
