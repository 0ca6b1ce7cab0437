"""The search: the best JPEG of some pixels that is within a number of bytes, in at most three encodes of the whole.

An eighth of the rows, encoded twice, tells how the bytes follow the quality; so the first encode of the whole mostly lands
already, and else it tells how far the sample was off. Where the first codec has no step that lands, the next one takes over.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from app.fit.codecs import Codec, Pixels, Steps
from app.fit.sample import Sample, take_sample

MOST_ENCODES = 3
_USUAL_SLOPE = 0.7
_ENOUGH = 0.96
_AIM = 0.982  # by an estimate that errs by some hundredths
_AIM_KNOWN = 0.99  # once it is corrected by an encode of the whole
_AIM_LAST = 0.975  # when nothing was within so far
_MOST_FORESEEN = 0.992  # what a whole step may come to by such an estimate,
_MOST_KNOWN = 0.997  # and once it is corrected
_FIRST_GUESS = 75.0
_LEAST_APART = 4.0  # in quality: two points that are closer tell no slope
_LEAST_GUESS = 8.0
_MOST_MEASURES = 2
_CLOSE = 0.6  # in quality: nearer than that the curve is not wrong
_LONGER = 1.15  # what jpegli's tables alone take beside all of jpegli, at one quality

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
    sample: Sample
    at_scale: float
    at_bytes: float
    slope: float = _USUAL_SLOPE

    def quality_for(self, wanted_bytes: float) -> float:
        """Invert the curve; a real number, within what the codec has."""
        scale = self.at_scale * (self.at_bytes / max(1.0, wanted_bytes)) ** (1 / self.slope)
        return min(self.codec.most_quality, max(1.0, self.codec.quality_of(scale)))

    def bytes_at(self, quality: float) -> float:
        """Predict the bytes."""
        return self.at_bytes * math.exp(-self.slope * math.log(self.codec.scale_of(quality) / self.at_scale))

    def through(self, first: Point, second: Point) -> "Curve":
        """Lay it through two points (quality, bytes), with a slope that real pictures have."""
        run = math.log(self.codec.scale_of(first[0]) / self.codec.scale_of(second[0]))
        slope = math.log(second[1] / first[1]) / run if abs(run) > 1e-3 else self.slope
        return replace(
            self, at_scale=self.codec.scale_of(second[0]), at_bytes=second[1], slope=min(1.6, max(0.25, slope))
        )

    def past(self, point: Point) -> "Curve":
        """Move it to a point and keep its slope."""
        return replace(self, at_scale=self.codec.scale_of(point[0]), at_bytes=point[1])


def estimate(pixels: Pixels, wanted_bytes: int, codec: Codec) -> Curve:
    """Learn the curve from a sample of the rows, encoded at two or three qualities around the wanted bytes."""
    sample = take_sample(pixels)
    quality, found = _measure(sample, codec, _FIRST_GUESS)
    curve = Curve(codec, sample, codec.scale_of(quality), found)
    return _closer(curve, (quality, found), wanted_bytes, least_apart=_LEAST_APART)


def _estimate_like(curve: Curve, wanted_bytes: float, codec: Codec, error: float) -> Curve:
    """Learn another codec's curve: its slope is alike, and so is the error of the sample."""
    quality, found = _measure(curve.sample, codec, curve.quality_for(wanted_bytes / _LONGER))
    near = Curve(codec, curve.sample, codec.scale_of(quality), found, curve.slope)
    near = _closer(near, (quality, found), wanted_bytes / error)
    return replace(near, at_bytes=near.at_bytes * error)


def _closer(curve: Curve, known: Point, wanted_bytes: float, *, least_apart: float = 0.0) -> Curve:
    """Encode the sample where the curve says, until that is where it says; ``known`` is the point that it goes through."""
    for _ in range(_MOST_MEASURES):
        guess = max(_LEAST_GUESS, curve.quality_for(wanted_bytes))
        if curve.codec.steps is not Steps.ANY:
            guess = float(round(guess))
        if abs(guess - known[0]) < least_apart:
            guess = known[0] + 2 * least_apart
        least_apart = 0.0
        if abs(guess - known[0]) < _CLOSE:
            break
        point = _measure(curve.sample, curve.codec, guess)
        curve, known = curve.through(known, point), point
    return curve


def _measure(sample: Sample, codec: Codec, quality: float) -> Point:
    return quality, sample.bytes_of_whole(len(codec.encode(sample.pixels, quality)))


@dataclass(slots=True)
class _Search:
    """What is known so far of one codec: the closest points on both sides of the limit."""

    curve: Curve
    max_bytes: int
    least_quality: float
    corrected: bool = False
    under: Point | None = None
    over: Point | None = None

    def next_quality(self, aim: float) -> float | None:
        """Tell what to try next to use ``aim`` of the room; None when no step is left that would use enough of it."""
        codec = self.curve.codec
        wanted = self.curve.quality_for(aim * self.max_bytes)
        if codec.steps is not Steps.ANY:
            whole = self._whole_step()
            if whole is not None:
                return whole
            if codec.steps is Steps.WHOLE:
                return None
        quality = max(self.least_quality, wanted)
        return quality if self._is_new(quality) else None

    def _whole_step(self) -> float | None:
        """Tell the whole quality that uses the room best, None when the steps are too wide here."""
        most = _MOST_KNOWN if self.corrected else _MOST_FORESEEN
        quality = max(
            float(math.ceil(self.least_quality)), float(math.floor(self.curve.quality_for(most * self.max_bytes)))
        )
        lands = quality >= self.curve.codec.most_quality or self.curve.bytes_at(quality) >= _ENOUGH * self.max_bytes
        return quality if lands and self._is_new(quality) else None

    def _is_new(self, quality: float) -> bool:
        """Tell whether it is between what was too short and what was too long."""
        return (self.under is None or quality > self.under[0]) and (self.over is None or quality < self.over[0])

    def learn(self, point: Point) -> float:
        """Take an encode of the whole in; returns how much longer it was than foreseen."""
        error = point[1] / self.curve.bytes_at(point[0])
        self.corrected = True
        if point[1] <= self.max_bytes:
            self.under = point
        else:
            self.over = point
        if self.under and self.over:
            self.curve = self.curve.through(self.under, self.over)
        else:
            self.curve = self.curve.past(point)
        return error


def search_jpeg(
    pixels: Pixels, max_bytes: int, curve: Curve, others: Sequence[Codec] = (), *, least_quality: float | None = None
) -> Encoded | None:
    """Find the JPEG closest to ``max_bytes``, beginning with the codec of ``curve``, then with ``others``.

    It stops at 96 % of the bytes, or at the codec's highest quality. ``least_quality`` None = each codec's own. None when
    nothing above the least quality was within.
    """

    def begin(on: Curve) -> _Search:
        return _Search(on, max_bytes, on.codec.least_quality if least_quality is None else least_quality)

    search = begin(curve)
    waiting = list(others)
    best: Encoded | None = None
    turn, error = 0, 1.0
    while turn < MOST_ENCODES:
        aim = _AIM if not turn else _AIM_LAST if turn == MOST_ENCODES - 1 and best is None else _AIM_KNOWN
        quality = search.next_quality(aim)
        if quality is None:
            if not waiting:
                break
            search = begin(_estimate_like(search.curve, aim * max_bytes, waiting.pop(0), error))
            search.corrected = turn > 0
            continue
        turn += 1
        codec = search.curve.codec
        content = codec.encode(pixels, quality)
        error *= search.learn((quality, float(len(content))))
        if len(content) <= max_bytes:
            if best is None or len(content) > len(best.content):
                best = Encoded(content, codec, quality, turn)
            if len(content) >= _ENOUGH * max_bytes or quality >= codec.most_quality:
                break
    return None if best is None else replace(best, encodes=turn)
