"""How an animation is made smaller: colours, frames and side chosen together, by what a few frames lose and how long they get."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from app.fit.arrays import Pixels, luma_of, reduce_by_area, resize
from app.fit.frames import Frames
from app.fit.gif import MOST_COLORS, encode_gif, frame_lengths, quantise, sample_colors
from app.fit.palette import BY_EYE, Palette, choose_palette
from app.fit.pixels import fitted_size
from app.fit.ssim import luma_ssim
from app.limits import floor_named

AIM = 0.99
"""The share of the budget that is aimed at."""
_COLORS = (MOST_COLORS, 128, 64, 40, 28, 22, 16)
_STILL_ENOUGH = 1  # levels of 255 that a pixel may stray before it is drawn anew
_STILL_OF_STILL = (3, 7)  # where most of the picture stands still: noise in it is not worth its bytes
_STILL_OF_BEST = 3  # so many of the best are tried with more, too
_COLORS_OF_FIRST_LOOK = 64
_STANDS_STILL = 0.9  # the bytes of a frame beside one that is drawn anew
_SIDES = (120, 240)  # at which a few frames are tried
_WINDOWS = 2
_WINDOW_FRAMES = 6
_TRIAL_MS = 100
_JUDGED_SIDE = 400
_BYTES_BY_STEP = 0.15  # frames further apart differ more
_USUAL_POWER = 1.7
_KEEPS_FRAMES_FROM = 0.7  # of the side that nobody minds: from there on no frame is left out
_SURE_UP_TO = 1.3  # times the larger side that was tried
_MOST_POWER = 4.0  # noise that is averaged away in a small picture is drawn in a larger one
_COST_OF_HALF_THE_SIDE = 0.3  # in SSIM, below the side that nobody minds


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, and how many levels of 255 a pixel may stray before it is drawn anew."""

    palette: Palette
    still_enough: int

    @property
    def colors(self) -> int:
        """How many."""
        return len(self.palette.table)


@dataclass(frozen=True, slots=True)
class Plan:
    """Every how many frames one is kept, the side to begin with, the power by which bytes follow the side, and the paint.

    ``repaint`` gives the paint of another number of colours, for what fits at its full side.
    """

    paint: Paint
    step: int
    side: int
    power: float
    repaint: Callable[[int], Paint]


@dataclass(frozen=True, slots=True)
class _Curve:
    """How bytes follow the side: of a frame drawn anew, and of one after another."""

    header: int
    first: tuple[float, float]
    later: tuple[float, float]

    @property
    def stands_still(self) -> bool:
        """Whether most of the picture does, from one frame to the next."""
        side = _SIDES[-1]
        return bool(self.later[0] * side ** self.later[1] < _STANDS_STILL * self.first[0] * side ** self.first[1])

    def bytes_at(self, side: int, frames: int, step: int) -> float:
        first: float = self.first[0] * side ** self.first[1]
        later: float = self.later[0] * side ** self.later[1] * step**_BYTES_BY_STEP
        return self.header + first + (frames - 1) * min(first, later)

    def side_for(self, max_bytes: float, frames: int, step: int, longest: int) -> int:
        low, high = 1, longest + 1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.bytes_at(middle, frames, step) <= max_bytes else (low, middle)
        return low


def plan_animation(frames: Frames, seconds: float, max_bytes: int) -> Plan:
    """Choose what looks best at ``max_bytes``.

    Every number of colours is tried on a few frames: how long they get tells the side that fits, and at that side it is
    measured what they lose (SSIM of luma at the size of the original). Below the side that nobody minds size weighs more than
    that. Frames are left out only where with all of them the picture would be small, and leaving out loses less than colours do.
    When nothing keeps to the floors, the plan is what is nearest to them.

    Cost: two short encodes and some frames judged for each number of colours. Rule: docs/limits.md#floors.
    """
    longest = max(frames.size)
    least = min(int(floor_named("animation_side").value), longest)
    sample = sample_colors(frames)

    def repaint(colors: int, still_enough: int = _STILL_ENOUGH) -> Paint:
        return Paint(choose_palette(sample, colors, BY_EYE), still_enough)

    trial = _Trial(frames)
    first_look = repaint(_COLORS_OF_FIRST_LOOK, _STILL_OF_STILL[0])
    stands_still = trial.curve(first_look).stands_still
    still_enough = _STILL_OF_STILL[0] if stands_still else _STILL_ENOUGH
    paints = [repaint(colors, still_enough) for colors in _COLORS]
    paints = list({paint.colors: paint for paint in paints}.values())  # flat art has fewer than are asked for
    curves = [(paint, trial.curve(paint)) for paint in paints]
    judge = _Judge(trial, max_bytes, len(frames), min(int(floor_named("animation_good_side").value), longest))
    best: _Candidate | None = None
    for step in range(1, _most_step(len(frames), seconds) + 1):
        candidates = [judge.candidate(paint, curve, step, is_sure=False) for paint, curve in curves]
        if stands_still:
            for each in sorted(candidates, key=lambda each: -each.score)[:_STILL_OF_BEST]:
                stiller = replace(each.paint, still_enough=_STILL_OF_STILL[1])
                candidates.append(judge.candidate(stiller, trial.curve(stiller), step, is_sure=False))
        found = judge.best_of(candidates, least)
        if found is not None and (best is None or found.score > best.score):
            best = found
        if best is not None and best.side >= _KEEPS_FRAMES_FROM * judge.good_side:
            break
    if best is None:
        return Plan(
            repaint(_COLORS[-1], _STILL_OF_STILL[-1]), _most_step(len(frames), seconds), least, _USUAL_POWER, repaint
        )
    return Plan(
        best.paint, best.step, best.side, best.curve.later[1], partial(repaint, still_enough=best.paint.still_enough)
    )


def _most_step(frames: int, seconds: float) -> int:
    """Tell how many frames may be left out: one of how many must stay."""
    return max(1, int(frames / seconds / floor_named("animation_fps").value)) if seconds else 1


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A paint with the side that fits, and how good that is; ``is_sure`` when the curve was measured near that side."""

    score: float
    side: int
    paint: Paint
    curve: _Curve
    step: int
    is_sure: bool


@dataclass(frozen=True, slots=True)
class _Judge:
    """Finds the side that fits for a paint, and weighs what is lost against how small it is."""

    trial: "_Trial"
    max_bytes: int
    frames: int
    good_side: int

    def candidate(self, paint: Paint, curve: _Curve, step: int, *, is_sure: bool) -> _Candidate:
        longest = max(self.trial.size)
        side = curve.side_for(AIM * self.max_bytes, math.ceil(self.frames / step), step, longest)
        small = max(0.0, math.log2(self.good_side / side))
        score = self.trial.ssim(paint, side, step) - _COST_OF_HALF_THE_SIDE * small**2
        return _Candidate(score, side, paint, curve, step, is_sure or side <= _SURE_UP_TO * max(_SIDES))

    def best_of(self, candidates: list[_Candidate], least: int) -> _Candidate | None:
        """Take the best one; one that looks best from afar is measured at its side first."""
        candidates = [each for each in candidates if each.side >= least]
        while candidates:
            best = max(candidates, key=lambda each: each.score)
            if best.is_sure:
                return best
            candidates.remove(best)
            curve = self.trial.nearer(best.paint, best.curve, best.side)
            nearer = self.candidate(best.paint, curve, best.step, is_sure=True)
            candidates += [nearer] if nearer.side >= least else []
        return None


class _Trial:
    """A few frames of an animation in a row, at some places of it, on which paints are tried."""

    def __init__(self, frames: Frames) -> None:
        self.size = frames.size
        changed = frames.changed
        windows = [range(start, min(len(frames), start + _WINDOW_FRAMES)) for start in _starts(changed)]
        wanted = {at for window in windows for at in window}
        kept = {at: pixels.copy() for at, pixels in enumerate(frames.replay()) if at in wanted}
        self._windows = [[kept[at] for at in window] for window in windows]
        later = [changed[at] for window in windows for at in window[1:]]
        # How much more changes in a frame of all than in one of these, on the average.
        self._busier = float(np.mean(changed[1:]) / np.mean(later)) if later else 1.0
        self._small: dict[tuple[int, int], list[list[Pixels]]] = {}
        judged = fitted_size(*frames.size, _JUDGED_SIDE)
        self._judged = [
            [pixels if judged == self.size else reduce_by_area(pixels, judged) for pixels in window]
            for window in self._windows
        ]

    def curve(self, paint: Paint) -> _Curve:
        """Learn how long frames get at two small sides."""
        sides = [min(side, max(self.size)) for side in _SIDES]
        headers, firsts, laters = zip(*(self._lengths(paint, side) for side in sides), strict=True)
        return _Curve(headers[-1], _power_law(sides, firsts), _power_law(sides, laters))

    def nearer(self, paint: Paint, curve: _Curve, side: int) -> _Curve:
        """Measure again at a side, so that nothing is foreseen from far away."""
        near = max(_SIDES)
        sides = (near, side)
        _, first, later = self._lengths(paint, side)
        known = [law[0] * near ** law[1] for law in (curve.first, curve.later)]
        return _Curve(curve.header, _power_law(sides, (known[0], first)), _power_law(sides, (known[1], later)))

    def _lengths(self, paint: Paint, side: int) -> tuple[int, float, float]:
        """Measure what stands before the first frame, a frame that is drawn anew, and one that comes after another."""
        size = fitted_size(*self.size, side)
        windows = self._reduced(size)
        shown = [(pixels, _TRIAL_MS) for window in windows for pixels in window]
        content = encode_gif(shown, size, paint.palette, None, still_enough=paint.still_enough)
        header, frames = frame_lengths(content)
        begins = {sum(map(len, windows[:number])) * _TRIAL_MS // 10 for number in range(len(windows))}
        first = float(frames[0][1])
        more = len(shown) - len(windows)
        later = sum(length for shown_at, length in frames if shown_at not in begins)
        return header, first, max(1.0, later / more) * self._busier if more else first

    def ssim(self, paint: Paint, side: int, step: int) -> float:
        """Tell what is left at a side when every ``step``-th frame is kept, each shown until the next."""
        size = fitted_size(*self.size, side)
        scores = [
            luma_ssim(original, _luma_as(shown, original))
            for window, originals in zip(self._reduced(size, step), self._judged, strict=True)
            for original, shown in zip(originals, _shown(window, paint, step), strict=False)
        ]
        return float(np.mean(scores))

    def _reduced(self, size: tuple[int, int], step: int = 1) -> list[list[Pixels]]:
        """Make every ``step``-th of the frames smaller; those of the sides that are always tried are made but once."""
        if max(size) > max(_SIDES):
            return [[_reduce(pixels, size) for pixels in window[::step]] for window in self._windows]
        if size not in self._small:
            self._small[size] = [[_reduce(pixels, size) for pixels in window] for window in self._windows]
        return [window[::step] for window in self._small[size]]


def _shown(window: Iterable[Pixels], paint: Paint, step: int) -> Iterator[Pixels]:
    """Show frames as they are painted, each in place of ``step`` of the original's."""
    for indices, _ in quantise(((pixels, 0) for pixels in window), paint.palette, paint.still_enough):
        colored = paint.palette.colors_of(indices)
        for _ in range(step):
            yield colored


def _starts(changed: Sequence[int]) -> list[int]:
    """Say where the windows begin: one in each half, where as much changes as on the average, near its middle."""
    if len(changed) < _WINDOWS * _WINDOW_FRAMES:
        return [0]
    sums = np.cumsum([0, *changed[1:]])
    usual = sums[-1] / (len(changed) - 1)
    half = len(changed) // _WINDOWS
    starts = []
    for begin in range(0, half * _WINDOWS, half):
        within = np.arange(begin, begin + half - _WINDOW_FRAMES + 1)
        means = (sums[within + _WINDOW_FRAMES - 1] - sums[within]) / (_WINDOW_FRAMES - 1)
        unusual = np.round(np.abs(np.log(np.maximum(means, 1) / max(usual, 1))), 1)
        off_middle = np.abs(within - within.mean())
        starts.append(int(within[np.lexsort((off_middle, unusual))[0]]))
    return starts


def _reduce(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    return pixels if pixels.shape[1::-1] == size else reduce_by_area(pixels, size)


def _luma_as(shown: Pixels, original: Pixels) -> Pixels:
    """Bring what is shown to the size of the original: made smaller as that was, so that a full side has lost nothing."""
    size = (original.shape[1], original.shape[0])
    scaled = _reduce(shown, size) if shown.shape[1] >= size[0] else resize(shown, size)
    return luma_of(np.ascontiguousarray(scaled))


def _power_law(sides: Sequence[int], lengths: Sequence[float]) -> tuple[float, float]:
    """Lay a curve through two points: (bytes at a side of one pixel, power of the side)."""
    power = _USUAL_POWER
    if sides[0] < sides[1]:
        power = min(_MOST_POWER, max(0.5, math.log(lengths[1] / lengths[0]) / math.log(sides[1] / sides[0])))
    return lengths[1] / sides[1] ** power, power
