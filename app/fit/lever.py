"""What is changed from one run of the encoder to the next, until an animation fills its budget: its side, or its colours."""

import math

from app.fit.animation_plan import AIM, Plan
from app.fit.gif import MOST_COLORS
from app.limits import floor_named

_BYTES_BY_COLORS = 0.45  # the power by which bytes follow the number of colours
_COLORS_UP_TO = 1.1  # times the budget, at the full side
_RUNS_FOR_COLORS = 2  # one of them, and one for the side, should that fail
_SURELY = 0.94  # of what is aimed at, by the last run


class Lever:
    """Begins as planned, and is moved by the bytes that came out: the side, or the colours where that does better.

    More colours go to a full side that has room left, and to a side after which the next one is too long already. Fewer colours
    bring down a full side that is a little too long: flat art that is scaled loses its edges. The last run is left to the side,
    which is sure to help.
    """

    def __init__(self, plan: Plan, least: int, longest: int) -> None:
        self.side, self.paint = plan.side, plan.paint
        self._plan, self._least, self._longest = plan, least, longest
        self._is_side = True
        self._sides: dict[int, int] = {}  # the bytes of each that was tried
        self._colors: dict[int, int] = {}  # at one side
        self._fitting: tuple[int, int] = (0, 0)  # the longest that fits: its bytes and its side

    def move(self, length: int, max_bytes: int, runs_left: int) -> bool:
        """Choose what is tried after this many bytes; False when there is nothing that was not tried."""
        fits, wanted = length <= max_bytes, AIM * max_bytes
        (self._sides if self._is_side else self._colors)[self.side if self._is_side else self.paint.colors] = length
        if fits:
            self._fitting = max(self._fitting, (length, self.side))
        elif not self._fitting[0] and runs_left < _RUNS_FOR_COLORS:
            return self._use_side(wanted if self._is_side else wanted * _SURELY)
        if self._is_side and (self.side < self._longest or length > _COLORS_UP_TO * max_bytes):
            return self._use_side(wanted)
        return self._use_colors(length, wanted)

    def _use_side(self, wanted: float) -> bool:
        self._is_side = True
        self.paint = self._plan.paint
        following = _next_value(self._sides, self._plan.power, wanted)
        self.side = min(self._longest, max(self._least, following))
        if self.side not in self._sides:
            return True
        length, self.side = self._fitting
        return bool(length) and self._use_colors(length, wanted)

    def _use_colors(self, length: int, wanted: float) -> bool:
        if self._is_side:
            self._is_side, self._colors = False, {self.paint.colors: length}
        following = _next_value(self._colors, _BYTES_BY_COLORS, wanted)
        following = min(MOST_COLORS, max(int(floor_named("animation_colors").value), following))
        paint = self._plan.repaint(following)  # of fewer, where there are no more
        if paint.colors in self._colors:
            return not self._fitting[0] and self._use_side(wanted * _SURELY)
        self.paint = paint
        return True


def _next_value(tried: dict[int, int], power: float, wanted_bytes: float) -> int:
    """Go along the curve through the last two results, or through the last one with the power that was foreseen."""
    (value, length), *before = reversed(tried.items())
    if before and before[0][0] != value and before[0][1] != length:
        measured = math.log(before[0][1] / length) / math.log(before[0][0] / value)
        power = measured if measured > 0 else power  # flat art may be longer when it is made smaller
    following = int(value * (wanted_bytes / length) ** (1 / min(4.0, max(0.4, power))))
    return following if following != value else value - 1
