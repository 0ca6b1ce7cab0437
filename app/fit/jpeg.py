"""The search: the best JPEG of some pixels that is within a number of bytes, in at most three encodes of the whole.

A sixth of the rows, encoded about twice, tells how the bytes follow the quality; so the first encode of the whole mostly lands
already, and else it tells how far the sample was off. A picture too low for that is its own sample, and each encode counts.
"""

import math
from dataclasses import dataclass, field, replace

from app.fit.codecs import Codec, Pixels
from app.fit.sample import Sample, header_bytes, take_sample

MOST_ENCODES = 3
_USUAL_SLOPE = 0.7
_ENOUGH = 0.96
_ENOUGH_OF_WHOLE, _MOST_OF_WHOLE = 0.965, 0.992  # what a whole quality should come to by such an estimate
_AIM = 0.982  # by an estimate that errs by some hundredths
_AIM_KNOWN = 0.985  # once it is corrected by an encode of the whole
_AIM_LAST = 0.975  # when nothing was within so far
_AIM_LAST_OF_WHOLE = 0.98
_BEND = (
    0.1  # how far real curves are above a line through two points, by the square of their distance, both in logarithms
)
_LIKELY_AT = 75.0
_LEAST_GUESS = 8.0
_LEAST_GUESS_OF_WHOLE = 30.0  # it is one of three
_SLOPES = (0.4, 1.4)
_SLOPES_OF_WHOLE = (0.25, 1.4)
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
class Tries:
    """Encodes of one whole picture: ``made`` maps each quality that was tried to its bytes."""

    codec: Codec
    pixels: Pixels
    made: dict[float, bytes] = field(default_factory=dict)

    def content(self, quality: float) -> bytes:
        """Encode at a quality, unless that has been done."""
        if quality not in self.made:
            self.made[quality] = self.codec.encode(self.pixels, quality)
        return self.made[quality]


@dataclass(frozen=True, slots=True)
class Curve:
    """Bytes over quality, near a point: ``bytes = at_bytes * (scale / at_scale) ** -slope``.

    Of a small picture that is its own sample the header, which is a good part of it, is not counted by that.
    """

    codec: Codec
    sample: Sample
    tries: Tries
    at_scale: float
    at_bytes: float
    slope: float = _USUAL_SLOPE
    header_bytes: int = 0

    def quality_for(self, wanted_bytes: float) -> float:
        """Invert the curve; a real number, within what the codec has."""
        scale = self.at_scale * (self._body(self.at_bytes) / self._body(wanted_bytes)) ** (1 / self.slope)
        return min(self.codec.most_quality, max(1.0, self.codec.quality_of(scale)))

    def bytes_at(self, quality: float) -> float:
        """Predict the bytes."""
        run = math.log(self.codec.scale_of(quality) / self.at_scale)
        return self.at_bytes + self._body(self.at_bytes) * (math.exp(-self.slope * run) - 1)

    def _body(self, content_bytes: float) -> float:
        return max(1.0, content_bytes - self.header_bytes)

    @property
    def is_of_whole(self) -> bool:
        """Tell whether the sample is the whole picture."""
        return self.sample.pixels is self.tries.pixels

    def measure(self, quality: float) -> float:
        """Predict the bytes by an encode of the sample; of the whole, it is one of its tries."""
        if self.is_of_whole:
            return float(len(self.tries.content(quality)))
        return self.sample.bytes_of_whole(self.codec.encode(self.sample.pixels, quality))

    def through(self, first: Point, second: Point) -> "Curve":
        """Lay it through two points (quality, bytes), with a slope that real pictures have."""
        run = math.log(self.codec.scale_of(first[0]) / self.codec.scale_of(second[0]))
        slope = math.log(self._body(second[1]) / self._body(first[1])) / run if abs(run) > 1e-3 else self.slope
        least, most = _SLOPES if abs(first[0] - second[0]) > _CLOSE else _SLOPES_CLOSE
        if self.is_of_whole:
            least, most = _SLOPES_OF_WHOLE
        return replace(
            self, at_scale=self.codec.scale_of(second[0]), at_bytes=second[1], slope=min(most, max(least, slope))
        )

    def past(self, point: Point) -> "Curve":
        """Move it to a point and keep its slope."""
        return replace(self, at_scale=self.codec.scale_of(point[0]), at_bytes=point[1])


def estimate(pixels: Pixels, wanted_bytes: int, codec: Codec) -> Curve:
    """Learn the curve from a sample of the rows, encoded at one to three qualities around the wanted bytes; the whole at one."""
    sample = take_sample(pixels)
    curve = Curve(codec, sample, Tries(codec, pixels), codec.scale_of(_LIKELY_AT), sample.likely_bytes)
    known: Point | None = None
    for turn in range(1 if curve.is_of_whole else _MOST_MEASURES):
        guess = max(
            _LEAST_GUESS_OF_WHOLE if curve.is_of_whole else _LEAST_GUESS, curve.quality_for(_AIM * wanted_bytes)
        )
        if codec.prefers_whole:
            guess = float(round(guess))
        if known and abs(math.log(codec.scale_of(guess) / codec.scale_of(known[0]))) < _CLOSE_ENOUGH:
            break
        if known and codec.prefers_whole and turn > 1 and abs(guess - known[0]) <= 1:
            break  # the curve has been laid through two points, one of them next to it
        point = guess, curve.measure(guess)
        if curve.is_of_whole:
            curve = replace(curve, header_bytes=header_bytes(curve.tries.content(guess)))
        curve = curve.through(known, point) if known else curve.past(point)
        known = point
    return curve


@dataclass(slots=True)
class _Search:
    """What is known so far: the curve, and the closest points on both sides of the limit."""

    curve: Curve
    max_bytes: int
    least_quality: float
    latest: Point | None = None
    under: Point | None = None
    over: Point | None = None

    def next_quality(self) -> float | None:
        """Tell what to try next; None when nothing is left between too short and too long."""
        aim = self._aim()
        wanted = self.curve.quality_for(aim * self.max_bytes)
        if self.latest and not self.curve.is_of_whole:
            error = self.latest[1] / self.curve.measure(self.latest[0])
            wanted = self._foresee(wanted, error, aim)
        elif not self.latest and self.curve.codec.prefers_whole:
            wanted = self._whole_or(wanted)
        quality = max(self.least_quality, wanted)
        if self.under and self.over and not self._is_between(quality):  # bytes jump there: halve what is left
            quality = (self.under[0] + self.over[0]) / 2
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

    def _aim(self) -> float:
        """Tell what part of the room to aim at next."""
        tries = len(self.curve.tries.made)
        if tries < MOST_ENCODES - 1:
            return _AIM_KNOWN if tries else _AIM
        if self.curve.is_of_whole:
            gap = math.log(self.over[1] / self.under[1]) if self.over and self.under else 0
            return _AIM_LAST_OF_WHOLE - _BEND * gap * gap
        return _AIM_KNOWN if self.under else _AIM_LAST

    @property
    def is_met(self) -> bool:
        """Tell whether there is no need to go on."""
        under = self.under
        return under is not None and (under[1] >= _ENOUGH * self.max_bytes or under[0] >= self.curve.codec.most_quality)

    def learn(self, point: Point) -> None:
        """Take an encode of the whole in."""
        self.latest = point
        if point[1] > self.max_bytes:
            self.over = point
        elif point[0] >= self.least_quality and (self.under is None or point[1] > self.under[1]):
            self.under = point
        if self.under and self.over:
            self.curve = self.curve.through(self.under, self.over)
        else:
            self.curve = self.curve.past(point)


def search_jpeg(max_bytes: int, curve: Curve, *, least_quality: float | None = None) -> Encoded:
    """Find the JPEG closest to ``max_bytes`` of the picture that ``curve`` is of: the shortest tried, if none was within.

    It stops at 96 % of the bytes, or at the codec's highest quality. ``least_quality`` None = the codec's own, under which
    the caller has something better to do; one that is told is tried before nothing is found.
    """
    codec, made = curve.codec, curve.tries.made
    search = _Search(curve, max_bytes, codec.least_quality if least_quality is None else least_quality)
    for known in made:
        search.learn((known, float(len(made[known]))))
    while not search.is_met and len(made) < MOST_ENCODES:
        quality = search.next_quality()
        if least_quality is not None and not search.under and (quality is None or len(made) == MOST_ENCODES - 1):
            quality = least_quality
        if quality is None or quality in made:
            break
        search.learn((quality, float(len(curve.tries.content(quality)))))
    found = search.under[0] if search.under else min(made, key=lambda each: len(made[each]))
    return Encoded(made[found], codec, found, len(made))
