"""The search: the best JPEG of some pixels that is within a number of bytes, in at most three encodes of the whole.

A sixth of the rows, encoded about twice, tells how the bytes follow the quality; so the first encode of the whole mostly lands
already, and else it tells how far the sample was off.
"""

import math
from dataclasses import dataclass, replace

from app.fit.codecs import Codec, Pixels
from app.fit.sample import Sample, take_sample

MOST_ENCODES = 3
_USUAL_SLOPE = 0.7
_ENOUGH = 0.96
_ENOUGH_OF_WHOLE, _MOST_OF_WHOLE = 0.965, 0.992  # what a whole quality should come to by such an estimate
_AIM = 0.982  # by an estimate that errs by some hundredths
_AIM_KNOWN = 0.985  # once it is corrected by an encode of the whole
_AIM_LAST = 0.975  # when nothing was within so far
_LIKELY_AT = 75.0
_LEAST_GUESS = 8.0
_SLOPES = (0.4, 1.4)
_SLOPES_CLOSE = (0.55, 1.1)  # between two points so close the steps of the tables show
_MOST_MEASURES = 3
_CLOSE = 2.5  # in quality
_CLOSE_ENOUGH = 0.04  # in the logarithm of the scale: nearer than that the curve is not wrong

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

    def measure(self, quality: float) -> float:
        """Predict the bytes by an encode of the sample."""
        return self.sample.bytes_of_whole(len(self.codec.encode(self.sample.pixels, quality)))

    def through(self, first: Point, second: Point) -> "Curve":
        """Lay it through two points (quality, bytes), with a slope that real pictures have."""
        run = math.log(self.codec.scale_of(first[0]) / self.codec.scale_of(second[0]))
        slope = math.log(second[1] / first[1]) / run if abs(run) > 1e-3 else self.slope
        least, most = _SLOPES if abs(first[0] - second[0]) > _CLOSE else _SLOPES_CLOSE
        return replace(
            self, at_scale=self.codec.scale_of(second[0]), at_bytes=second[1], slope=min(most, max(least, slope))
        )

    def past(self, point: Point) -> "Curve":
        """Move it to a point and keep its slope."""
        return replace(self, at_scale=self.codec.scale_of(point[0]), at_bytes=point[1])


def estimate(pixels: Pixels, wanted_bytes: int, codec: Codec) -> Curve:
    """Learn the curve from a sample of the rows, encoded at one to three qualities around the wanted bytes."""
    sample = take_sample(pixels)
    curve = Curve(codec, sample, codec.scale_of(_LIKELY_AT), sample.likely_bytes)
    known: Point | None = None
    for turn in range(_MOST_MEASURES):
        guess = max(_LEAST_GUESS, curve.quality_for(_AIM * wanted_bytes))
        if codec.prefers_whole:
            guess = float(round(guess))
        if known and abs(math.log(codec.scale_of(guess) / codec.scale_of(known[0]))) < _CLOSE_ENOUGH:
            break
        if known and codec.prefers_whole and turn > 1 and abs(guess - known[0]) <= 1:
            break  # the curve has been laid through two points, one of them next to it
        point = guess, curve.measure(guess)
        curve = curve.through(known, point) if known else curve.past(point)
        known = point
    return curve


@dataclass(slots=True)
class _Search:
    """What is known so far: the curve, and the closest points on both sides of the limit."""

    curve: Curve
    max_bytes: int
    least_quality: float
    error: float | None = None
    under: Point | None = None
    over: Point | None = None

    def next_quality(self, aim: float) -> float | None:
        """Tell what to try next to use ``aim`` of the room; None when nothing is left between too short and too long."""
        wanted = self.curve.quality_for(aim * self.max_bytes)
        if self.error is not None:
            wanted = self._foresee(wanted, self.error, aim)
        elif self.curve.codec.prefers_whole:
            wanted = self._whole_or(wanted)
        quality = max(self.least_quality, wanted)
        return quality if self._is_between(quality) else None

    def _is_between(self, quality: float) -> bool:
        return (self.under is None or quality > self.under[0]) and (self.over is None or quality < self.over[0])

    def _foresee(self, wanted: float, error: float, aim: float) -> float:
        """Ask the sample first, now that its error is known: bytes may jump, as when a JPEG is encoded anew on its own grid."""
        for _ in range(_MOST_MEASURES):
            foreseen = self.curve.measure(wanted) * error
            if _ENOUGH_OF_WHOLE <= foreseen / self.max_bytes <= _MOST_OF_WHOLE:
                break
            closer = self.curve.past((wanted, foreseen)).quality_for(aim * self.max_bytes)
            if not self._is_between(closer):
                break
            wanted = closer
        return wanted

    def _whole_or(self, wanted: float) -> float:
        """Tell the whole quality below what would just fit, if it uses the room, else ``wanted``."""
        whole = float(math.floor(self.curve.quality_for(_MOST_OF_WHOLE * self.max_bytes)))
        return whole if self.curve.bytes_at(whole) >= _ENOUGH_OF_WHOLE * self.max_bytes else wanted

    def learn(self, point: Point) -> None:
        """Take an encode of the whole in, and how much longer it is than the sample said."""
        self.error = point[1] / self.curve.measure(point[0])
        if point[1] <= self.max_bytes:
            self.under = point
        else:
            self.over = point
        if self.under and self.over:
            self.curve = self.curve.through(self.under, self.over)
        else:
            self.curve = self.curve.past(point)


def search_jpeg(pixels: Pixels, max_bytes: int, curve: Curve, *, least_quality: float | None = None) -> Encoded | None:
    """Find the JPEG closest to ``max_bytes`` with the codec of ``curve``.

    It stops at 96 % of the bytes, or at the codec's highest quality. ``least_quality`` None = the codec's own. None when
    nothing from the least quality up was within.
    """
    codec = curve.codec
    search = _Search(curve, max_bytes, codec.least_quality if least_quality is None else least_quality)
    best: Encoded | None = None
    turn = 0
    while turn < MOST_ENCODES:
        aim = _AIM if not turn else _AIM_LAST if turn == MOST_ENCODES - 1 and best is None else _AIM_KNOWN
        quality = search.next_quality(aim)
        if quality is None:
            break
        turn += 1
        content = codec.encode(pixels, quality)
        if len(content) <= max_bytes:
            if best is None or len(content) > len(best.content):
                best = Encoded(content, codec, quality, turn)
            if len(content) >= _ENOUGH * max_bytes or quality >= codec.most_quality:
                break
        search.learn((quality, float(len(content))))
    return None if best is None else replace(best, encodes=turn)
